#!/bin/sh
# Runs Binaryen over a kernel, for fewer executed instructions first and fewer bytes second:
#
#   optimise-kernel.sh IN OUT [OPTION...]      options of wasm-opt on top of the recipe: to look for a better one
#
# Binaryen comes from npm, compiled to wasm, and Node.js runs it: its version is pinned by scripts/binaryen/package-lock.json,
# its bytes are checked against it, and it does the same on every machine, so that the bytes of a kernel can be reproduced.
# It takes a minute; compiling its C++ would take ten.
#
# What was measured on the first kernel (830,098 bytes, 1,112,048 executed operators for a transfer in a full block, 1,364,642
# for an ERC-20 transfer), with Binaryen 116:
#   level 3                                   752,815 bytes   1,109,040   1,360,346
#   level 4 (flattens first)                  756,806         1,115,596   1,367,453   worse than nothing
#   level z                                   750,381         1,109,053   1,360,103
#   level 3, low memory unused                747,721         1,104,957   1,353,851
#   the same, inlining with loops up to 100   760,109         1,103,270   1,350,836   the recipe
#   the same, up to 200, until it converges   771,179         1,102,342   1,349,329   five times slower
# LLVM has done most of it already.
set -eu

cd "$(dirname "$0")"
[ $# -ge 2 ] || { printf 'usage: %s IN OUT [OPTION...]\n' "$0" >&2; exit 2; }
in=$1 out=$2
shift 2
case $in in /*) ;; *) in=$OLDPWD/$in ;; esac
case $out in /*) ;; *) out=$OLDPWD/$out ;; esac

./require.sh node
wasm_opt=binaryen/node_modules/binaryen/bin/wasm-opt
if ! [ binaryen/node_modules/.package-lock.json -nt binaryen/package-lock.json ] || ! [ -e "$wasm_opt" ]; then
    (cd binaryen && npm ci --ignore-scripts --no-audit --no-fund >&2)
fi

# What the PVM accepts of WebAssembly beyond its first version. Multi-value and SIMD are left out, as in the check of the
# artifact, and so is everything with floats.
features='--mvp-features --enable-mutable-globals --enable-sign-ext --enable-bulk-memory --enable-reference-types'
# Every run of the PVM starts from a fresh instance, so memory is zero where no data is.
memory=--zero-filled-memory
# The lowest kilobyte is the end of the stack, which grows down from its top of one megabyte; data and heap lie above. A
# constant below 1,024 may then be folded into the offset of an access, which makes a difference only where an address wraps
# around to that kilobyte: there the access traps now, as stack overflows should.
memory="$memory --low-memory-unused"
# Light functions of at most 100 instructions are inlined (Binaryen's own default is 20), and functions of at most 2,000 into
# their only caller.
inlining='--inline-functions-with-loops --flexible-inline-max-function-size=100 --one-caller-inline-max-function-size=2000'
strip='--strip-debug --strip-producers --strip-target-features'

# Each of them is several words.
# shellcheck disable=SC2086
node "$wasm_opt" "$in" -o "$out" -O3 $features $memory $inlining "$@" $strip
printf '%s: %s bytes before, %s bytes after\n' "$out" "$(wc -c <"$in")" "$(wc -c <"$out")" >&2
