# shellcheck shell=sh
# Changes owners with POSIX tools, for images without Python 3.8: the twin of auditor/worker/ownership.
#
# ownership VOLUME --uid UID --gid GID --state FILE --scratch FOLDER [--move-aside=PATH]... | --undo [--record=...]...
#
# Options, messages, exit codes and rules of belief are the worker's (docs/worker.md); what it can't do is what `limits`
# prints. $text holds this program itself (auditor/worker/commands.py hands it over), since xargs runs parts of it.
# The record: strings that end with NUL. "h OWNER INODE 1" says whose it is; "o OWNER INODE PATH" an entry and its former
# owner, "s OWNER:MODE INODE PATH" the same with a setuid or setgid bit, "r ..." the top, "m SUFFIX 0 PATH" moved aside;
# "e - - -" finished, "z - - -" undone. It gets its name only when it is complete, and nothing is changed before.
set -u
LC_ALL=C
export LC_ALL
umask 077
nl='
'
facts_format='%d:%i %u:%g %f %a'

refuse() {
    printf '{"event":"refusal","code":"%s","message":"%s"}\n' "$1" "$2"
    exit 1
}

# shown TEXT: for JSON, with ? for what does not print.
shown() {
    rest=$1 out=''
    while [ -n "$rest" ]; do
        char=${rest%"${rest#?}"} rest=${rest#?}
        case $char in
        '"' | "\\") out="$out\\$char" ;;
        [[:print:]]) out="$out$char" ;;
        *) out="$out?" ;;
        esac
    done
    printf '%s' "$out"
}

digest() {
    sum=$(sha256sum)
    printf '%s' "${sum%% *}"
}

# reached PATH: whether the directory that holds PATH is below the volume without a link on the way.
reached() {
    folder=${1%/*}
    if [ "$folder" != "$last" ]; then
        last=$folder through=no wanted=$root
        [ "$folder" = . ] || wanted=$root/${folder#./}
        if cd -P -- "$root/$folder" 2>/dev/null && [ "$PWD" = "$wanted" ]; then through=yes; fi
        cd -P -- "$root" || return 1
    fi
    [ "$through" = yes ] && { [ -e "$1" ] || [ -L "$1" ]; }
}

# too_long PATH: whether it may be more than the kernel takes, with the volume's path before it: not the same as gone.
too_long() { [ $((${#root} + ${#1})) -gt 4090 ]; }

# facts_of LINE...: the status of each path, a line each; that of / for one that is gone or behind a link.
facts_of() (
    last='' words='' number=0
    for each do
        number=$((number + 1))
        if reached "${each#* * * }"; then words="$words \"\${$number#* * * }\""; else words="$words /"; fi
    done
    eval "exec stat -c \"\$facts_format\" $words"
)

# list PATH...: prints the lines of a record for entries that have the wrong owner, and a line of errors for each that could
# not be given another one.
list() {
    if ! facts=$(stat -c "$facts_format" "$@" 2>/dev/null); then
        if [ $# -gt 1 ]; then
            for each do list "$each"; done
        elif [ $# -eq 1 ] && { too_long "$1" || [ -e "$1" ] || [ -L "$1" ]; }; then
            echo unreadable >&2 || exit 1
        fi
        return 0
    fi
    for fact in $facts; do
        path=$1
        shift
        id=${fact%% *} fact=${fact#* }
        owner=${fact%% *} fact=${fact#* }
        [ "${id%:*}" = "$device" ] || continue
        if too_long "$path"; then
            echo 'too long' >&2 || exit 1
            continue
        fi
        kind=o
        case ${fact% *} in 8[4-9a-f]??) kind=s owner=$owner:${fact#* } ;; esac
        [ "$path" != . ] || kind=r
        printf '%s %s %s %s\0' "$kind" "$owner" "${id#*:}" "$path" || exit 1
    done
}

# turn LINE...: gives entries of a record their new owner, or with $direction undo their former one.
turn() {
    if ! facts=$(facts_of "$@" 2>/dev/null); then
        if [ $# -gt 1 ]; then
            for each do turn "$each"; done
        else
            last='' path=${1#* * * }
            if too_long "$path" || reached "$path"; then failed=$((failed + 1)); else gone=$((gone + 1)); fi
        fi
        return 0
    fi
    # Arguments by their numbers: to copy all of them for each entry would take most of the time.
    number=0 left=''
    for fact in $facts; do
        number=$((number + 1))
        eval "line=\${$number}"
        kind=${line%% *} line=${line#* }
        former=${line%% *} line=${line#* }
        inode=${line%% *} path=${line#* }
        case $kind in o | s | r) ;; *) continue ;; esac
        bits=''
        if [ "$kind" = s ]; then bits=${former##*:} former=${former%:*}; fi
        id=${fact%% *} now=${fact#* } now=${now%% *}
        if [ "$id" != "$device:$inode" ]; then
            if too_long "$path"; then failed=$((failed + 1)); else gone=$((gone + 1)); fi
            continue
        fi
        from=$former to=$given
        if [ "$direction" = undo ]; then
            from=$given to=$former
        elif [ "$kind" = r ]; then
            continue # the last of all, by itself
        elif [ "$kind" = s ]; then
            turn_special
            continue
        fi
        [ "$now" = "$from" ] || continue
        case ${fact#* * } in
        8[4-9a-f]??" "*)
            give_special
            continue
            ;;
        esac
        left="$left$to $number$nl"
    done
    while [ -n "$left" ]; do
        owner=${left%% *} others='' words=''
        for each in $left; do
            if [ "${each% *}" = "$owner" ]; then
                words="$words \"\${${each#* }#* * * }\""
            else
                others="$others$each$nl"
            fi
        done
        left=$others
        eval "give $words"
    done
}

# give PATH...: to $owner.
# shellcheck disable=SC2317 # run by eval
give() {
    if chown -h "$owner" "$@" 2>/dev/null; then
        changed=$((changed + $#))
        return 0
    fi
    for path do
        if chown -h "$owner" "$path" 2>/dev/null; then changed=$((changed + 1)); else failed=$((failed + 1)); fi
    done
}

# give_special: $path to $to. A change of owner clears its setuid and setgid bits, and they stay off; undo takes them off
# before it is another's, since not every file server does.
give_special() {
    bits=${fact##* }
    if { [ "$direction" != undo ] || chmod ug-s "$path" 2>/dev/null; } && chown -h "$to" "$path" 2>/dev/null; then
        changed=$((changed + 1))
        lost_bits
    else
        failed=$((failed + 1))
    fi
}

# They are set again as the worker does: not for the file of a third user, whose program would get the new owner's rights.
turn_special() {
    if [ "$now" = "$former" ]; then
        if ! chown -h "$given" "$path" 2>/dev/null; then
            failed=$((failed + 1))
            return
        fi
        changed=$((changed + 1))
    elif [ "$now" != "$given" ]; then
        return
    fi
    case $former in
    0:* | "${given%%:*}":*) chmod "$bits" "$path" 2>/dev/null || failed=$((failed + 1)) ;;
    esac
    lost_bits
}

# lost_bits: counts $path if its mode is not $bits. chmod leaves setgid off without an error if CAP_FSETID is missing.
lost_bits() {
    [ "$(stat -c %a "$path" 2>/dev/null)" != "$bits" ] || return 0
    lost=$((lost + 1))
    { shown "${path#./}" && echo; } >>"${0%/*}/lost" || :
} 2>/dev/null

# move_back LINE...: of a record; a JSON object for each line of kind m.
move_back() {
    last=''
    for line do
        case $line in 'm '*) ;; *) continue ;; esac
        path=${line#* * * } suffix=${line#m } suffix=${suffix%% *}
        why='' moved=false
        if reached "$path"; then
            if [ -e "$path$suffix" ] || [ -L "$path$suffix" ]; then why=failed; else why='in its place'; fi
        elif ! reached "$path$suffix" || ! mv -- "$path$suffix" "$path" 2>/dev/null; then
            why=failed
        else
            moved=true
        fi
        printf '{"path":"%s","moved":%s,"from":"%s"%s}\n' "$(shown "${path#./}")" "$moved" \
            "$(shown "${path##*/}$suffix")" "${why:+,\"why\":\"$why\"}" || exit 1
    done
}

case ${1-} in
--list | --turn) IFS=$nl ;; # facts are lines
esac
case ${1-} in
--moves)
    for line do case $line in 'm '*) printf '%s\n' "$line" || exit 1 ;; esac done
    exit 0
    ;;
--list)
    root=$2 device=$3
    shift 3
    list "$@"
    exit 0
    ;;
--turn | --back)
    part=$1 root=$2 direction=$3 given=$4 device=$5
    shift 5
    changed=0 failed=0 gone=0 lost=0
    cd -P -- "$root" || exit 1
    if [ "$part" = --back ]; then
        move_back "$@"
    else
        turn "$@"
        printf '%s %s %s %s %s\n' $# "$changed" "$failed" "$gone" "$lost"
    fi
    exit 0
    ;;
esac
