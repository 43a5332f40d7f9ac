# shellcheck shell=sh
# find_python: sets $python to the first interpreter that is Python 3.8 or later, and $version to its version. Both are
# empty if there is none. Each candidate is run: one that is too old, broken or no program is passed over.
# In this order: PATH, /opt/python/default, the newest by number below /opt/python, where distributions keep it.

usable() {
    # A path with other characters than these is never one of Posit's, and could garble what is printed about it.
    case $1 in *[!A-Za-z0-9_./+-]*) return 1 ;; esac
    [ -f "$1" ] && [ -x "$1" ] || return 1
    version=$("$1" -I -S -c 'import sys
print("%d.%d.%d" % sys.version_info[:3])
sys.exit(sys.version_info < (3, 8))' </dev/null 2>/dev/null) || version=''
    case $version in '' | *[!0-9.]*) version='' && return 1 ;; esac
    python=$1
}

# as_number 3.14.4: sets $number to 3014004, so that versions compare as numbers; -1 for any other name.
as_number() {
    number=-1
    case $1 in '' | *[!0-9.]* | .* | *. | *..* | *.*.*.*) return ;; esac
    separators=$IFS
    IFS=.
    # shellcheck disable=SC2086 # to be split at its dots
    set -- $1 0 0
    IFS=$separators
    for part in "$1" "$2" "$3"; do
        case $part in 0?* | ????*) return ;; esac
    done
    number=$(($1 * 1000000 + $2 * 1000 + $3))
}

find_python() {
    python='' version='' left=${PATH-}:
    while [ -n "$left" ]; do
        folder=${left%%:*} left=${left#*:}
        case $folder in /*) usable "$folder/python3" && return 0 ;; esac
    done
    usable /opt/python/default/bin/python3 && return 0
    ceiling=1000000000
    while :; do
        best=-1 newest=''
        for folder in /opt/python/*; do
            as_number "${folder##*/}"
            if [ "$number" -gt "$best" ] && [ "$number" -lt "$ceiling" ]; then
                best=$number newest=$folder
            fi
        done
        [ "$best" -ge 0 ] || break
        usable "$newest/bin/python3" && return 0
        ceiling=$best
    done
    for folder in /opt/python/*/bin /usr/bin /usr/local/bin; do
        usable "$folder/python3" && return 0
    done
    usable /usr/libexec/platform-python
}
