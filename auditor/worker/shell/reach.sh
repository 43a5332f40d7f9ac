# shellcheck shell=sh
# reach SECONDS BYTES {DIRECTORY UID TESTS}...: what a user can't read below each directory; TESTS are find's own tests
# for its groups. "= " and the directory itself, a dot for each entry that the user can read (a directory: read and
# enter), a line for each that it can't, "end" if find saw everything; at most BYTES for each directory. As the kernel
# decides: who owns an entry is judged by the owner's bits alone, who is in its group by the group's.
LC_ALL=C
export LC_ALL
find_python
started
bytes=$2 within=''
if command -v timeout >/dev/null 2>&1; then within="timeout $1"; fi
shift 2
while [ $# -gt 0 ]; do
    printf '= '
    # shellcheck disable=SC2154 # listed.sh: a command and its options
    $listed "$1" 2>/dev/null || echo
    (
        cd -P -- "$1" 2>/dev/null || exit 0
        # shellcheck disable=SC2086 # to be split into find's words
        walk \( -type l \
            -o -user "$2" \( -perm -500 -o ! -type d -perm -400 \) \
            -o ! -user "$2" \( $3 \) \( -perm -050 -o ! -type d -perm -040 \) \
            -o ! -user "$2" ! \( $3 \) \( -perm -005 -o ! -type d -perm -004 \) \
            \) -exec printf '.%.0s' {} + \
            -o -exec $listed {} + 2>/dev/null && echo end
    ) | head -c "$bytes"
    echo
    shift 3
done
