#!/bin/sh
# Says at once, and all together, what a machine lacks: `scripts/require.sh rust cc node git`. What rustup fetches by
# itself is fetched here, in sight.
set -eu

cd "$(dirname "$0")/.."
NODE_MAJOR_MIN=18
missing=0

lacks() {
    printf 'missing: %s\n' "$*" >&2
    missing=1
}

# Succeeds when the program is there and answers.
answers() { command -v "$1" >/dev/null 2>&1 && "$@" >/dev/null 2>&1; }

# Succeeds when rustup has the toolchain already, or there is no rustup to fetch it.
has_toolchain() { ! command -v rustup >/dev/null 2>&1 || rustup toolchain list | grep -q "^$1[- ]"; }

# Succeeds when cargo answers; the first time rustup fetches the toolchain for it, which takes a while.
cargo_answers() {
    if has_toolchain "$1"; then
        cargo --version >/dev/null 2>&1
    else
        printf '\n==> rustup fetches Rust %s (the first time only)\n' "$1" >&2
        cargo --version >&2
    fi
}

for need in "$@"; do
    case $need in
    rust)
        channel=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
        if ! command -v cargo >/dev/null 2>&1; then
            lacks "Rust. Install rustup; it fetches the pinned version $channel by itself"
        elif ! cargo_answers "$channel"; then
            lacks "Rust $channel. Try: rustup toolchain install $channel --profile minimal -c rustfmt -c clippy"
        fi
        ;;
    cc) answers cc --version || lacks "a C compiler. On Debian: apt-get install build-essential" ;;
    git) answers git --version || lacks "git. On Debian: apt-get install git" ;;
    node)
        if ! answers node --version || ! answers npm --version; then
            lacks "Node.js $NODE_MAJOR_MIN or newer with npm. On Debian: apt-get install nodejs npm"
        else
            major=$(node --version | sed 's/^v\([0-9]*\).*/\1/')
            [ "$major" -ge $NODE_MAJOR_MIN ] || lacks "Node.js $NODE_MAJOR_MIN or newer; here is $(node --version)"
        fi
        ;;
    *) lacks "a rule for $need in scripts/require.sh" ;;
    esac
done
exit $missing
