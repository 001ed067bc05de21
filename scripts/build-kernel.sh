#!/bin/sh
# Builds kernel/wasm for the PVM and prints the path of the module on stdout:
#   build-kernel.sh       <target folder>/wasm32-unknown-unknown/kernel/millrace_kernel.wasm
#   build-kernel.sh next  <target folder>/wasm32-unknown-unknown/next/millrace_kernel_next.wasm
# The second is the kernel that tests upgrade to, built in less time (the profile `next`); it is never shipped.
# Cargo decides whether there is anything to do; the file keeps its time when nothing changed.
#
# The flags of rustc are exactly those written here: CARGO_ENCODED_RUSTFLAGS outranks the RUSTFLAGS of the caller's shell and
# of every cargo configuration, and, because a target is named, reaches neither build scripts nor procedural macros.
# Paths are remapped, so that the bytes depend neither on where the checkout lives nor on whose machine it is. They do
# depend on where std comes from (scripts/wasm-toolchain.sh): rustup's std and one built from sources differ.
set -eu

TARGET=wasm32-unknown-unknown
case ${1:-} in
'') profile=kernel ;;
next) profile=next ;;
*) printf 'build-kernel: no such kernel: %s\n' "$1" >&2; exit 1 ;;
esac

cd "$(dirname "$0")/.."

CHECKOUT=$(pwd -P)
TARGET_DIR=${CARGO_TARGET_DIR:-target}
CARGO_HOME_DIR=${CARGO_HOME:-$HOME/.cargo}

# The registry's sources must be there before their folders can be named, here and for std.
printf 'build-kernel: fetching what the kernel depends on\n' >&2
cargo fetch --locked --target $TARGET >&2
scripts/wasm-toolchain.sh

separator=$(printf '\037')
flags="--remap-path-prefix=$CHECKOUT=/millrace"
flags="$flags$separator--remap-path-prefix=$CARGO_HOME_DIR=/cargo"
# The name of a registry's folder depends on the mirror that a machine uses.
for registry in "$CARGO_HOME_DIR"/registry/src/*; do
    flags="$flags$separator--remap-path-prefix=$registry=/cargo/registry"
done
while IFS= read -r flag; do
    flags="$flags$separator$flag"
done <"$TARGET_DIR/wasm-sysroot/rustflags"

set -- build --locked --profile $profile --target $TARGET -p millrace-kernel
if [ $profile = next ]; then set -- "$@" --features test-migration; fi
CARGO_ENCODED_RUSTFLAGS=$flags cargo "$@" >&2
module=$TARGET_DIR/$TARGET/$profile/millrace_kernel.wasm
if [ $profile = next ]; then
    # Under a name of its own, so that nobody takes one for the other.
    named=${module%.wasm}_next.wasm
    cmp -s "$module" "$named" || cp "$module" "$named"
    module=$named
fi
printf '%s\n' "$module"
