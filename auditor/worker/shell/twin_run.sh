# shellcheck shell=sh
# The twin's arguments, its summary, what it moves aside, and all of a run without a record.
number() { case $1 in '' | *[!0-9]* | ???????????*) return 1 ;; esac; }

root=${1-} uid='' gid='' state='' scratch='' mode=run asides='' seals=''
[ $# -eq 0 ] || shift
while [ $# -gt 0 ]; do
    case $1 in
    --uid | --gid | --state | --scratch)
        [ $# -gt 1 ] || refuse bad-arguments "Wrong arguments: $1 needs a value."
        case $1 in --uid) uid=$2 ;; --gid) gid=$2 ;; --state) state=$2 ;; --scratch) scratch=$2 ;; esac
        shift
        ;;
    --undo) mode=undo ;;
    --record=*[!A-Za-z0-9.:_-]*) refuse bad-arguments 'Wrong arguments: --record takes NAME:BYTES:SHA256.' ;;
    --record=*:*:*) seals="$seals${1#*=} " ;;
    --move-aside=*[!A-Za-z0-9._/-]* | --move-aside=/* | --move-aside=*..* | --move-aside=-* | --move-aside=)
        refuse bad-arguments 'Wrong arguments: --move-aside takes a path below the volume.'
        ;;
    --move-aside=*) asides="$asides${1#*=} " ;;
    *) refuse bad-arguments 'Wrong arguments: one of them is not known.' ;;
    esac
    shift
done
{ number "$uid" && number "$gid"; } || refuse bad-arguments 'Wrong arguments: --uid and --gid need numbers.'
cd -P -- "$root" 2>/dev/null || refuse not-a-volume 'The volume cannot be opened.'
root=$PWD given=$uid:$gid
[ "$root" != / ] || refuse not-a-volume 'This is the root of the whole file system: name the directory of one volume.'

python='' version=''
started
codes=$(limits)
recording=yes
case $codes in *no-record*) recording=no ;; esac
changed=0 failed=0 lost=0 wrong=0 unreadable=0 records='' left_out='' moved_aside='' earlier=0 cut_off=0 samples=''

add() { printf '%s%s"%s"' "$1" "${1:+,}" "$2"; }

# listed_texts: the lines that it reads, ready for JSON, as a comma list.
listed_texts() {
    texts=''
    while IFS= read -r each; do texts=$(add "$texts" "$each"); done
    printf '%s' "$texts"
}

summary() { # COMPLETE CODE MESSAGE
    [ "$recording" = no ] || [ ! -e "$scratch/lost" ] || samples=$(head -n 5 "$scratch/lost" | listed_texts)
    bits=''
    [ "$lost" -le 0 ] || bits="\"dropped\":{\"count\":$lost,\"samples\":[$samples]}"
    right=false
    [ -z "$(find . -prune -user "$uid" -group "$gid" 2>/dev/null)" ] || right=true
    quoted=''
    for code in $codes; do quoted=$(add "$quoted" "$code"); done
    printf '{"event":"summary","mode":"%s","tool":"posix","uid":%s,"gid":%s,"wrong":%s,"changed":%s,"earlier":%s,' \
        "$mode" "$uid" "$gid" "$wrong" "$changed" "$earlier"
    printf '"failed":%s,"unreadable":%s,"mode_bits":{%s},"complete":%s,"root_right":%s,"limits":[%s],"moved_aside":[%s],' \
        "$failed" "$unreadable" "$bits" "$1" "$right" "$quoted" "$moved_aside"
    [ "$recording" = no ] || printf '"records":[%s],' "$records"
    printf '"left_out":[%s]%s}\n' "$left_out" "${2:+,\"code\":\"$2\",\"message\":\"$3\"}"
}

# As root, some shells say of everything that it can be written.
read_only() {
    while read -r _ point _ options _; do
        [ "$point" != "$root" ] || case ,$options, in *,ro,*) return 0 ;; esac
    done </proc/self/mounts
    [ ! -w . ]
} 2>/dev/null

# stop_at CODE WHY WHAT_TO_DO: refuses, or once something was changed ends with a summary, which names the records.
stop_at() {
    case $changed:$records:$moved_aside in
    0::*'"moved":true'*) ;;
    0::*) refuse "$1" "$2: no owner was changed. $3" ;;
    esac
    summary false "$1" "$2: no more owners were changed. $3"
    exit 1
}

# missed NUMBER: of entries that a part of the program did not report, since it was killed or had no room.
missed() { [ "$1" -le 0 ] || failed=$((failed + $1)) cut_off=$((cut_off + $1)); }

finish() {
    failed_aside=no
    case $moved_aside in *'"why":"failed"'*) failed_aside=yes ;; esac
    if [ "$failed" -eq 0 ] && [ "$unreadable" -eq 0 ] && [ "$failed_aside" = no ]; then
        summary true '' ''
        exit 0
    fi
    if [ "$changed" -eq 0 ] && [ "$failed" -gt 0 ] && [ "$cut_off" -eq 0 ]; then
        if read_only; then
            summary false read-only 'The volume is read-only here: mount the claim writable, and check that neither the volume nor its storage is marked read-only.'
        else
            summary false root-squash 'Every change of owner was refused: if a file server is behind the volume, it squashes root; change the owners on the server or allow root for this client.'
        fi
    else
        summary false failed "$((failed + unreadable)) entries could not be changed or read: fix the cause and run it again."
    fi
    exit 1
}

# what_is_wrong TEST...: NUL-separated paths below the top.
what_is_wrong() { walk ! -path . \( ! -user "$uid" -o ! -group "$gid" \) "$@"; }

top_is_wrong() { [ -z "$(find . -prune -user "$uid" -group "$gid" 2>/dev/null)" ]; }

give_top() {
    [ "$failed" -eq 0 ] && [ "$unreadable" -eq 0 ] && top_is_wrong || return 0
    if chown -h "$given" . 2>/dev/null; then changed=$((changed + 1)); else failed=$((failed + 1)); fi
}

# Moves aside by the worker's rules: what another user left, in its place, never through a link.
name_aside() { # PATH: sets $verdict, and $suffix if it is to be moved
    verdict='' suffix='' last=''
    if ! reached "./$1"; then
        verdict=absent
        [ "$through" = yes ] || [ ! -e "./$1" ] || verdict=failed
        return
    fi
    if [ -n "$(find "./$1" -prune -user "$uid" 2>/dev/null)" ]; then
        inside=''
        [ -L "./$1" ] || [ ! -d "./$1" ] || inside=$(find "./$1/." ! -name . -prune ! -user "$uid" -print 2>/dev/null | head -n 1)
        if [ -z "$inside" ]; then
            verdict='belongs to the new owner'
            return
        fi
    fi
    if [ "$recording" = yes ] && [ "$(stat -c %d "./$1" 2>/dev/null)" != "$device" ]; then
        verdict='other file system'
        return
    fi
    suffix=.posit-audit-$(date -u +%Y%m%dT%H%M%SZ) stamp=$suffix again=0
    while [ -e "./$1$suffix" ] || [ -L "./$1$suffix" ]; do
        again=$((again + 1))
        suffix=$stamp-$again
    done
}

tell_aside() { # PATH MOVED WHY SUFFIX
    moved_aside="$moved_aside${moved_aside:+,}{\"path\":\"$1\",\"moved\":$2${3:+,\"why\":\"$3\"}${4:+,\"to\":\"$1$4\"}}"
}

move() { # PATH SUFFIX
    if mv -- "./$1" "./$1$2" 2>/dev/null; then tell_aside "$1" true '' "$2"; else tell_aside "$1" false failed ''; fi
}

# unescaped TEXT: of /proc/self/mounts, with octal numbers; with a / after it, so that no line break at its end is lost.
unescaped() {
    format=''
    while case $1 in *%*) ;; *) false ;; esac do
        format=$format${1%%"%"*}%%
        set -- "${1#*"%"}"
    done
    # shellcheck disable=SC2059 # printf's format is what knows these numbers
    printf "$format$1/"
}

# pattern_of TEXT: sets $pattern, for find's -path.
pattern_of() {
    rest=$1 pattern=''
    while [ -n "$rest" ]; do
        char=${rest%"${rest#?}"} rest=${rest#?}
        case $char in [*?[] | "\\") char="\\$char" ;; esac
        pattern=$pattern$char
    done
}

if [ "$recording" = no ]; then
    [ "$mode" = run ] || refuse no-tools 'This image has not the tools to read a record of former owners: nothing was changed.'
    for path in $asides; do
        name_aside "$path"
        if [ -n "$verdict" ]; then tell_aside "$path" false "$verdict" ''; else move "$path" "$suffix"; fi
    done
    # find's -xdev does not keep it from the mount points themselves.
    set --
    while read -r _ point _; do
        point=$(unescaped "$point")
        point=${point%/}
        case $point in "$root"/*) ;; *) continue ;; esac
        pattern_of "${point#"$root"/}"
        set -- "$@" ! -path "./$pattern"
    done </proc/self/mounts
    count() { what_is_wrong "$@" -exec sh -c 'echo $#' sh {} + 2>/dev/null | { total=0; while read -r n; do total=$((total + n)); done; echo "$total"; }; }
    with_bits() { what_is_wrong "$@" -type f \( -perm -4000 -o -perm -2000 \) -print; }
    wrong=$(count "$@")
    before=$wrong
    ! top_is_wrong || wrong=$((wrong + 1))
    # A name with a line break would be two samples.
    samples=$(with_bits "$@" ! -path "*$nl*" 2>/dev/null | head -n 5 |
        while IFS= read -r each; do shown "${each#./}" && echo; done | listed_texts)
    lost=$(count "$@" -type f \( -perm -4000 -o -perm -2000 \))
    what_is_wrong "$@" ! -type d -exec chown -h "$given" {} + 2>/dev/null
    what_is_wrong "$@" -type d -exec chown -h "$given" {} + 2>/dev/null
    failed=$(count "$@")
    lost=$((lost - $(count "$@" -type f \( -perm -4000 -o -perm -2000 \))))
    changed=$((before - failed))
    [ "$changed" -ge 0 ] || changed=0
    unreadable=$(($(what_is_wrong -print 2>&1 >/dev/null | wc -l)))
    give_top
    finish
fi
