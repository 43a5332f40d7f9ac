# shellcheck shell=sh
# look VOLUME UID GID SECONDS BYTES: one walk. A dot for each entry whose owner is right, a line for each whose owner is
# wrong, "end" if find saw everything; at most BYTES of it. Nothing but find and what every image has beside it: no awk, no grep.
look() (
    LC_ALL=C
    export LC_ALL
    cd -P -- "$1" || exit 0
    within=''
    if command -v timeout >/dev/null 2>&1; then within="timeout $4"; fi
    {
        # shellcheck disable=SC2154,SC2086 # listed.sh: a command and its options
        walk \( ! -user "$2" -o ! -group "$3" \) -exec $listed {} + \
            -o -exec printf '.%.0s' {} + 2>/dev/null && echo end
    } | head -c "$5"
)
