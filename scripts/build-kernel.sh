#!/bin/sh
# Builds kernel/wasm for the PVM and prints the path of the module on stdout:
#   <target folder>/wasm32-unknown-unknown/kernel/millrace_kernel.wasm
# Cargo decides whether there is anything to do; the file keeps its time when nothing changed.
#
# The flags of rustc are exactly those written here: CARGO_ENCODED_RUSTFLAGS outranks the RUSTFLAGS of the caller's shell and
# of every cargo configuration, and, because a target is named, reaches neither build scripts nor procedural macros.
# Paths are remapped, so that the bytes depend neither on where the checkout lives nor on whose machine it is. They do
# depend on where std comes from (scripts/wasm-toolchain.sh): rustup's std and one built from sources differ.
set -eu

TARGET=wasm32-unknown-unknown

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

CARGO_ENCODED_RUSTFLAGS=$flags \
    cargo build --locked --profile kernel --target $TARGET -p millrace-kernel >&2
printf '%s\n' "$TARGET_DIR/$TARGET/kernel/millrace_kernel.wasm"
