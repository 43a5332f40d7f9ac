# shellcheck shell=sh
# limits: prints the codes of what the shell program can't do with the tools that are here (auditor/worker/limits.py).

limits() {
    printf 'no-shards nested-mounts swapped-directories replaced-files'
    for tool in cat chmod date head mv rm sha256sum sync tail tr wc; do
        command -v "$tool" >/dev/null 2>&1 || tool=missing
        [ "$tool" != missing ] || break
    done
    if [ "$tool" = missing ] ||
        [ "$(stat -c %F / 2>/dev/null)" != directory ] ||
        [ "$(printf 'a\0' | xargs -0 -n 1 echo 2>/dev/null)" != a ] ||
        [ "$(printf ab | head -c 1 2>/dev/null)" != a ] ||
        [ ! -e /proc/self/fd/0 ]; then
        printf ' no-record no-bits no-resume'
    fi
}

# started: prints the first message of a run: which program the tools of this container allow.
started() {
    if [ -n "$python" ]; then
        printf '{"event":"started","tool":"python","python":"%s","version":"%s"}\n' "$python" "$version"
    else
        codes=$(limits)
        quoted=''
        for code in $codes; do quoted="$quoted${quoted:+,}\"$code\""; done
        printf '{"event":"started","tool":"posix","limits":[%s]}\n' "$quoted"
    fi
}
