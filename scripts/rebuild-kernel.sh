#!/bin/sh
# Builds the kernel once more, as somebody else would, and prints the path of the module on stdout. Two builds of the same
# sources must give the same bytes: `make reproducible` and `millrace kernel verify` compare them.
#
#   scripts/rebuild-kernel.sh SCRATCH      SCRATCH: an empty folder, which takes some hundred MB; the caller removes it
#
# Other than in the first build are: the folder of the sources (a copy of what git tracks or would add), the target folder,
# HOME, CARGO_HOME, the umask, the time zone, and the environment, of which only the variables below remain. Shared with
# it are what is downloaded (cargo's registry, rustup's toolchains) and, when it was built before, the private std of
# scripts/wasm-toolchain.sh, as a copy in another place.
#
# WASM_OPT=0 leaves Binaryen out.
set -eu

cd "$(dirname "$0")/.."
[ $# -eq 1 ] && [ -d "$1" ] || { printf 'usage: %s SCRATCH (an empty folder)\n' "$0" >&2; exit 2; }
SCRATCH=$(cd "$1" && pwd -P)
[ -z "$(ls -A "$SCRATCH")" ] || { printf 'rebuild-kernel: %s is not empty\n' "$SCRATCH" >&2; exit 2; }
SOURCES=$SCRATCH/sources-of-somebody-else
TARGET_DIR=${CARGO_TARGET_DIR:-target}
CARGO_HOME_DIR=${CARGO_HOME:-$HOME/.cargo}

copy_sources() {
    mkdir "$SOURCES"
    if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        # A file may be deleted and still be known to git.
        git ls-files --cached --others --exclude-standard | while IFS= read -r file; do
            if [ -e "$file" ]; then printf '%s\n' "$file"; fi
        done | tar -c -f - -T -
    else
        tar -c -f - --exclude=./target --exclude=./dist --exclude=./.millrace --exclude=node_modules .
    fi | tar -x -m -C "$SOURCES" -f -
}

# What was downloaded, under other names. Not the credentials: nothing is published.
share_downloads() {
    mkdir "$SCRATCH/home" "$SCRATCH/cargo-home" "$SCRATCH/target"
    for name in registry git config.toml config; do
        if [ -e "$CARGO_HOME_DIR/$name" ]; then ln -s "$CARGO_HOME_DIR/$name" "$SCRATCH/cargo-home/$name"; fi
    done
    if [ -d "$TARGET_DIR/wasm-sysroot" ]; then
        cp -R "$TARGET_DIR/wasm-sysroot" "$SCRATCH/target/wasm-sysroot"
        # It names the folder of the first build.
        rm -f "$SCRATCH/target/wasm-sysroot/rustflags"
    fi
}

build() {
    set -- HOME="$SCRATCH/home" CARGO_HOME="$SCRATCH/cargo-home" CARGO_TARGET_DIR="$SCRATCH/target" \
        RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}" TZ=Asia/Kathmandu LC_ALL=C
    for name in PATH TMPDIR http_proxy https_proxy no_proxy HTTPS_PROXY NO_PROXY SSL_CERT_FILE SSL_CERT_DIR \
        CARGO_NET_OFFLINE CARGO_BUILD_JOBS CARGO_HTTP_CAINFO RUSTUP_AUTO_INSTALL RUSTUP_DIST_SERVER \
        MILLRACE_WASM_STD MILLRACE_RUST_SRC; do
        eval "value=\${$name-}"
        if [ -n "$value" ]; then set -- "$name=$value" "$@"; fi
    done
    (umask 077 && env -i "$@" "$SOURCES/scripts/build-kernel.sh")
}

printf 'rebuild-kernel: building in %s\n' "$SCRATCH" >&2
copy_sources
share_downloads
built=$(build)

if [ "${WASM_OPT:-1}" != 0 ]; then
    scripts/optimise-kernel.sh "$built" "$SCRATCH/kernel.opt.wasm" >&2
    built=$SCRATCH/kernel.opt.wasm
fi
printf '%s\n' "$built"
