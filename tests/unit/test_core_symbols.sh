#!/bin/sh
# The core's archive needs nothing from outside but memory copying and comparing (and what a sanitizer or the stack
# protector puts in): no MPI, stdio, clock, random source, environment, OpenSSL, malloc or threads.
# usage: test_core_symbols.sh LIBCHORD.A
set -eu
archive=${1:?usage: test_core_symbols.sh LIBCHORD.A}
if [ ! -s "$archive" ]; then
    echo "core_symbols: $archive is missing or empty" >&2
    exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

nm -P "$archive" > "$work/nm"
# nm -P prints "name type value size"; lower case is local, U, w and v are wanted from elsewhere.
awk 'NF >= 2 && $2 ~ /^[A-TV-Z]$/ { print $1 }' "$work/nm" | sort -u > "$work/defined"
awk 'NF >= 2 && $2 ~ /^[Uwv]$/ { print $1 }' "$work/nm" | sort -u > "$work/wanted"

# An archive that lacks the interface is not the core: nothing would have been tested.
for symbol in chord_node_receive chord_codec_decode chord_store_put chord_client_submit chord_coordinator_receive; do
    if ! grep -qx "$symbol" "$work/defined"; then
        echo "core_symbols: $archive does not define $symbol" >&2
        exit 1
    fi
done

comm -23 "$work/wanted" "$work/defined" |
    grep -Evx '(__)?(memcpy|memmove|memset|memcmp)(_chk)?|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_|__(a|ub)san_[a-zA-Z0-9_]+' \
        > "$work/foreign" || true
if [ -s "$work/foreign" ]; then
    echo "core_symbols: the core may not need:" >&2
    sed 's/^/    /' "$work/foreign" >&2
    exit 1
fi
echo "core_symbols: $(wc -l < "$work/defined") symbols defined; from outside only:" \
    "$(comm -23 "$work/wanted" "$work/defined" | grep -v '^__' | tr '\n' ' ')"
