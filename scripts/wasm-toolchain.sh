#!/bin/sh
# Makes a wasm32-unknown-unknown standard library available for the pinned Rust, and says what it does.
#
# The first of these that works is used:
#   1. the target, when it is already installed for this rustc;
#   2. `rustup target add wasm32-unknown-unknown`;
#   3. the std sources of exactly this rustc, built once (half a minute) into a private sysroot below the target
#      folder. The sources are taken from the first of
#        a. the rust-src component of rustup, when it is installed,
#        b. the archive named by MILLRACE_RUST_SRC (a .tar of any compression with a `library/` folder in it),
#        c. Debian's rust-src package, downloaded with a private apt configuration: nothing is installed, no system
#           file is touched, and the archive's signatures are checked by apt as usual.
#
# Written: <target folder>/wasm-sysroot/rustflags, one flag for rustc a line; empty in cases 1 and 2.
#
# Environment:
#   CARGO_TARGET_DIR    target folder; default `target` in the checkout
#   MILLRACE_WASM_STD   `rustup` = only 1 and 2, `sources` = only 3; default: whatever works
#   MILLRACE_RUST_SRC   see b; an archive of another Rust version does not build
#
# A private sysroot is kept by rustc's version and commit. It appears under its name only when it is complete and has
# compiled a program, so an interrupted run is harmless. The target's default features are right for the PVM
# (sign extension and bulk memory are accepted); floats, which it refuses, are checked for in the built kernel.
set -eu

TARGET=wasm32-unknown-unknown
DEBIAN_SUITE=trixie-backports
RUSTUP_TIMEOUT_S=600

cd "$(dirname "$0")/.."
mkdir -p "${CARGO_TARGET_DIR:-target}/wasm-sysroot"
STORE=$(cd "${CARGO_TARGET_DIR:-target}/wasm-sysroot" && pwd -P)
CARGO_HOME_DIR=${CARGO_HOME:-$HOME/.cargo}
WORK=

say() { printf 'wasm-toolchain: %s\n' "$*" >&2; }
fail() { say "error: $*"; exit 1; }
# Signals end the script through its exit, so that the working folder goes in every case.
trap 'if [ -n "$WORK" ]; then rm -rf "$WORK"; fi' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

VERSION=$(rustc -vV | sed -n 's/^release: //p')
COMMIT=$(rustc -vV | sed -n 's/^commit-hash: //p')
[ -n "$VERSION" ] || fail "rustc -vV does not tell its version; is Rust installed?"
PRIVATE=$STORE/$VERSION-$(printf '%.9s' "$COMMIT")

# Publishes the flags, one a line; leaves the file alone when nothing changes, so that make sees no news.
publish_flags() {
    new=$STORE/rustflags.$$
    : >"$new"
    for flag in "$@"; do printf '%s\n' "$flag" >>"$new"; done
    if cmp -s "$new" "$STORE/rustflags"; then rm "$new"; else mv "$new" "$STORE/rustflags"; fi
}

target_is_installed() {
    libdir=$(rustc --print target-libdir --target $TARGET 2>/dev/null) || return 1
    set -- "$libdir"/libstd-*.rlib
    [ -e "$1" ]
}

add_with_rustup() {
    command -v rustup >/dev/null 2>&1 || { say "no rustup here"; return 1; }
    say "running: rustup target add $TARGET"
    # One attempt: without a network the answer must come now, not after a series of retries.
    if RUSTUP_MAX_RETRIES=1 timeout $RUSTUP_TIMEOUT_S rustup target add $TARGET >&2 && target_is_installed; then
        return 0
    fi
    say "rustup could not add the target"
    return 1
}

# The mirror of the machine's own Debian sources, in either of the two formats of apt.
debian_mirror() {
    {
        sed -n 's/^URIs:[[:space:]]*//p' /etc/apt/sources.list.d/*.sources
        sed -n 's/^deb[[:space:]]\{1,\}\(\[[^]]*\][[:space:]]*\)\{0,1\}//p' \
            /etc/apt/sources.list /etc/apt/sources.list.d/*.list
    } 2>/dev/null | tr ' \t' '\n\n' | sed -n 's|/$||; /:\/\/.*\/debian$/p' | head -n 1
}

# Downloads Debian's rust-src of this very version and unpacks its `library/` into the folder $1.
sources_from_debian() {
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    for tool in apt-get apt-cache dpkg-deb; do
        command -v $tool >/dev/null 2>&1 || { say "no $tool: not a Debian system"; return 1; }
    done
    [ -r $keyring ] || { say "no Debian archive keyring at $keyring"; return 1; }
    mirror=$(debian_mirror)
    [ -n "$mirror" ] || { say "no Debian mirror among the apt sources of this machine"; return 1; }
    say "looking for rust-src $VERSION in Debian's $DEBIAN_SUITE (from this machine's mirror, private apt folders)"
    apt=$WORK/apt
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
    printf 'deb [signed-by=%s] %s %s main\n' $keyring "$mirror" $DEBIAN_SUITE >"$apt/sources.list"
    cat >"$apt/apt.conf" <<CONF
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "-";
Dir::State::lists "$apt/lists";
Dir::Cache "$apt/cache";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "1";
Acquire::http::Timeout "30";
CONF
    APT_CONFIG=$apt/apt.conf apt-get -q update >&2 || return 1
    package=$(APT_CONFIG=$apt/apt.conf apt-cache madison rust-src |
        awk -v v="$VERSION" 'index($3, v "+") == 1 { print $3; exit }')
    [ -n "$package" ] || { say "the suite has no rust-src $VERSION"; return 1; }
    say "downloading rust-src $package (45 MB)"
    (cd "$apt" && APT_CONFIG=$apt/apt.conf apt-get -q download "rust-src=$package" >&2) || return 1
    dpkg-deb --fsys-tarfile "$apt"/rust-src_*.deb |
        tar -x -C "$1" --strip-components=4 "./usr/src/rustc-$VERSION/library" || return 1
    rm -rf "$apt"
}

# Unpacks the archive $1 into a scratch folder and moves its `library/` into the folder $2.
sources_from_archive() {
    [ -r "$1" ] || fail "MILLRACE_RUST_SRC: cannot read $1"
    mkdir "$WORK/archive"
    tar -x -f "$1" -C "$WORK/archive" || fail "MILLRACE_RUST_SRC: cannot unpack $1"
    found=$(find "$WORK/archive" -type d -path '*/library/std/src' | head -n 1)
    [ -n "$found" ] || fail "MILLRACE_RUST_SRC: no library/std/src in $1"
    mv "${found%/std/src}" "$2/library"
    rm -rf "$WORK/archive"
}

# Puts the std sources into $1/library.
fetch_sources() {
    component=$(rustc --print sysroot)/lib/rustlib/src/rust/library
    if [ -d "$component/std/src" ]; then
        say "std sources: the rust-src component"
        cp -R "$component" "$1/library"
    elif [ -n "${MILLRACE_RUST_SRC:-}" ]; then
        say "std sources: the archive of MILLRACE_RUST_SRC"
        sources_from_archive "$MILLRACE_RUST_SRC" "$1"
    else
        sources_from_debian "$1" || fail "no std sources of Rust $VERSION for $TARGET. Either let rustup reach its server" \
            "(rustup target add $TARGET), or set MILLRACE_RUST_SRC to an archive of the rust-src component $VERSION"
    fi
    [ -f "$1/library/Cargo.lock" ] || fail "the std sources have no library/Cargo.lock"
}

# Builds std from $1/library into the sysroot $2. The stub's workspace root is the folder that holds the sources:
# cargo then names them relative to it, and neither symbol names nor paths in the code depend on where it was built.
build_sysroot() {
    mkdir "$1/src"
    printf '#![no_std]\n' >"$1/src/lib.rs"
    printf '[package]\nname = "stub"\nversion = "0.0.0"\nedition = "2024"\n[workspace]\n[profile.release]\npanic = "abort"\n' >"$1/Cargo.toml"
    (
        cd "$1"
        unset CARGO_TARGET_DIR CARGO_BUILD_TARGET_DIR RUSTFLAGS RUSTC_WRAPPER CARGO_BUILD_RUSTFLAGS || true
        separator=$(printf '\037')
        flags="-Cembed-bitcode=yes"
        flags="$flags$separator--remap-path-prefix=$CARGO_HOME_DIR=/cargo"
        # As in build-kernel.sh, which has fetched something from the registry before.
        for registry in "$CARGO_HOME_DIR"/registry/src/*; do
            flags="$flags$separator--remap-path-prefix=$registry=/cargo/registry"
        done
        flags="$flags$separator--remap-path-prefix=$1/library=/rustc/$COMMIT/library"
        # `-Z build-std` asks for a nightly; this variable lets the pinned stable compiler do it, here and only here.
        CARGO_ENCODED_RUSTFLAGS=$flags RUSTC_BOOTSTRAP=1 __CARGO_TESTS_ONLY_SRC_ROOT=$1/library \
            RUSTUP_TOOLCHAIN=${RUSTUP_TOOLCHAIN:-$TOOLCHAIN} \
            cargo build --release --target $TARGET -Z build-std=std,panic_abort >&2
    ) || fail "std does not build; are these the sources of Rust $VERSION?"
    lib=$2/lib/rustlib/$TARGET/lib
    mkdir -p "$lib"
    for rlib in "$1"/target/$TARGET/release/deps/*.rlib; do
        case $rlib in */libstub-*) ;; *) cp "$rlib" "$lib/" ;; esac
    done
}

# Proves that the sysroot $1 compiles and links a program that uses std.
try_sysroot() {
    printf '#[unsafe(no_mangle)]\npub extern "C" fn f(n: u32) -> usize { (0..n).map(|i| i.to_string()).collect::<Vec<_>>().concat().len() }\n' >"$WORK/try.rs"
    rustc --edition 2024 --crate-type cdylib --target $TARGET --sysroot "$1" -C panic=abort \
        -o "$WORK/try.wasm" "$WORK/try.rs" || fail "the private sysroot does not compile a program"
}

use_private_sysroot() {
    if [ -d "$PRIVATE" ]; then
        say "using the private sysroot built before: $PRIVATE"
    else
        WORK=$(mktemp -d "$STORE/work.XXXXXX")
        # Inside the working folder no rust-toolchain.toml is found by cargo in every layout: name the toolchain.
        TOOLCHAIN=$(rustup show active-toolchain 2>/dev/null | awk '{ print $1 }')
        mkdir "$WORK/build"
        fetch_sources "$WORK/build"
        say "building std $VERSION for $TARGET (about half a minute on an idle machine)"
        build_sysroot "$WORK/build" "$WORK/sysroot"
        try_sysroot "$WORK/sysroot"
        # Another run may have been first: then its result is as good as ours.
        mv -T "$WORK/sysroot" "$PRIVATE" 2>/dev/null || [ -d "$PRIVATE" ] || fail "cannot create $PRIVATE"
        say "private sysroot ready: $PRIVATE"
    fi
    publish_flags --sysroot "$PRIVATE"
}

case ${MILLRACE_WASM_STD:-any} in
any | rustup)
    if target_is_installed; then
        say "target $TARGET of Rust $VERSION is installed: using it"
        publish_flags
    elif [ -d "$PRIVATE" ] && [ "${MILLRACE_WASM_STD:-any}" = any ]; then
        use_private_sysroot
    elif add_with_rustup; then
        say "target $TARGET added by rustup"
        publish_flags
    elif [ "${MILLRACE_WASM_STD:-any}" = any ]; then
        use_private_sysroot
    else
        fail "MILLRACE_WASM_STD=rustup, but rustup cannot provide $TARGET"
    fi
    ;;
sources) use_private_sysroot ;;
*) fail "MILLRACE_WASM_STD must be rustup, sources or absent" ;;
esac
