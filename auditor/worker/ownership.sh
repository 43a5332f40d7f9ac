#!/bin/sh
# Ownership with POSIX tools, for images without Python 3.8: sh, find, chown, ls, sort, uniq, wc.
#
# usage: ownership.sh ROOT UID GID [check] [JOBS]
#
# What it keeps of ownership.py: only what is wrong is changed, links themselves and not their targets, one file system,
# snapshots and lost+found left alone, directories after everything else, ROOT last, JSON lines, exit codes (0 right or
# done, 2 check found something wrong, 1 could not do all).
# What it cannot promise (the plan says so): find hands paths to chown, so a directory swapped for a link between the two
# can lead outside ROOT (let nobody write to the volume meanwhile), and so does what is mounted below ROOT from the same
# file system; setuid and setgid bits of changed files are cleared;
# no record for resuming or undoing (run again, it changes what is left); no rate, no shards; failures without their cause.
set -u
LC_ALL=C
export LC_ALL

say() { printf '%s\n' "$1"; }
refuse() { say "{\"event\": \"error\", \"message\": \"$1\"}"; exit 1; }
number() { case $1 in '' | *[!0-9]*) return 1 ;; esac; }

[ $# -ge 3 ] || refuse 'Wrong arguments: ROOT UID GID [check] [JOBS] are needed.'
root=$1 uid=$2 gid=$3
shift 3
mode=run
if [ "${1-}" = check ]; then mode=check; shift; fi
jobs=${1-8}
number "$uid" && number "$gid" && number "$jobs" && [ "$jobs" -gt 0 ] || refuse 'Wrong arguments: UID, GID and JOBS are numbers.'
root=$(cd -P -- "$root" 2>/dev/null && pwd -P) || refuse 'ROOT cannot be opened.'
[ "$mode" = check ] || [ "$root" != / ] || refuse 'ROOT is the root of the whole file system: give the directory of one volume.'
cd -P -- "$root" || refuse 'ROOT cannot be opened.'

# walk WHAT...: what is wrong below ROOT (not ROOT itself, nor what is not ours), handed to WHAT of find.
walk() {
    find . -xdev \( \( -type d \( -name .snapshot -o -name '~snapshot' -o -name .zfs \) \) \
        -o -path ./lost+found -o -path ./.snapshots -o -path './.posit-audit*' \) -prune \
        -o ! -path . \( ! -user "$uid" -o ! -group "$gid" \) "$@"
}
sum() { total=0; while read -r n; do total=$((total + n)); done; echo "$total"; }
count() { walk -exec sh -c 'echo $#' sh {} + 2>/dev/null | sum; }
top_right() { [ -n "$(find . -prune -user "$uid" -group "$gid" 2>/dev/null)" ]; }
# owners as {"0:0": {"count": 3}, ...}: ls -n prints them in columns 3 and 4 of lines that start with a mode.
owners() {
    walk -exec ls -dnq {} + 2>/dev/null |
        while read -r type links user group rest; do case $type in [-bcdlps][-r][-w]*) echo "$user:$group" ;; esac; done |
        sort | uniq -c | { comma=; while read -r n owner; do
            printf '%s"%s": {"count": %d}' "$comma" "$owner" "$n"; comma=', '; done; }
}

wrong=$(count)
by_owner=$(owners)
top_right || wrong=$((wrong + 1))
left=$wrong

if [ "$mode" = run ] && [ "$wrong" -gt 0 ]; then
    # Everything but directories, in parallel where xargs can; then directories, the deepest first.
    if echo | xargs -P 1 true 2>/dev/null; then
        walk ! -type d -print0 2>/dev/null | xargs -0 -P "$jobs" -n 500 chown -h "$uid:$gid" 2>/dev/null
    else
        walk ! -type d -exec chown -h "$uid:$gid" {} + 2>/dev/null
    fi
    say "{\"event\": \"progress\", \"seen\": null, \"wrong\": $wrong, \"directory\": \"directories\"}"
    walk -type d -print0 2>/dev/null | sort -rz 2>/dev/null | xargs -0 chown -h "$uid:$gid" 2>/dev/null ||
        walk -type d -exec chown -h "$uid:$gid" {} + 2>/dev/null
    left=$(count)
    if [ "$left" -eq 0 ]; then
        chown -h "$uid:$gid" . 2>/dev/null
    fi
    top_right || left=$((left + 1))
fi

unread=$(walk -print 2>&1 >/dev/null | wc -l)
complete=true code=0
if [ "$unread" -gt 0 ] || { [ "$mode" = run ] && [ "$left" -gt 0 ]; }; then complete=false code=1; fi
[ "$mode" = check ] && [ "$wrong" -gt 0 ] && code=2
right=false
top_right && right=true
say "{\"event\": \"summary\", \"mode\": \"$mode\", \"tool\": \"posix\", \"uid\": $uid, \"gid\": $gid, \"wrong\": $wrong, \
\"changed\": $((wrong - left)), \"failed\": $([ "$mode" = run ] && echo "$left" || echo 0), \"unreadable\": $((unread)), \
\"complete\": $complete, \"root_right\": $right, \"wrong_by_owner\": {$by_owner}}"
exit $code
