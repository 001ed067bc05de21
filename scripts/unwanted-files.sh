#!/bin/sh
# Refuses what does not belong into the repository: build products, dependencies, leftovers of editors and merges, and
# anything large. Looks at the files that git tracks or would add.
set -eu

cd "$(dirname "$0")/.."
SIZE_KB_MAX=1024

if ! git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    printf 'not a git work tree: unwanted files are not looked for\n' >&2
    exit 0
fi

files=$(git ls-files --cached --others --exclude-standard)
bad=$(printf '%s\n' "$files" | grep -E \
    -e '(^|/)(target|dist|node_modules|__pycache__)/' \
    -e '\.(orig|rej|swp|bak|tmp|part|log|pyc|rlib|so|o|a|exe)$' \
    -e '(^|/)(\.DS_Store|\.env|core)$' \
    -e '~$' || true)
if [ -n "$bad" ]; then
    printf 'unwanted file: %s\n' $bad >&2
    exit 1
fi

large=$(printf '%s\n' "$files" | while IFS= read -r file; do
    if [ -f "$file" ]; then find "$file" -size +${SIZE_KB_MAX}k; fi
done)
if [ -n "$large" ]; then
    printf "larger than $SIZE_KB_MAX kB: %s\n" $large >&2
    exit 1
fi

# The lock files are part of what is reproducible.
for lock in Cargo.lock; do
    git check-ignore -q $lock && { printf '%s must not be ignored\n' $lock >&2; exit 1; }
done

merges=$(git grep -lE '^(<{7} |>{7} )' -- . || true)
if [ -n "$merges" ]; then
    printf 'merge markers: %s\n' $merges >&2
    exit 1
fi
