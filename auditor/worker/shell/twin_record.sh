# shellcheck shell=sh
# The twin's record of former owners: how it is written, read and believed.
case $state in "$root"/.posit-audit*) state=${state#"$root"/} ;; *) refuse bad-arguments 'Wrong arguments: --state must be a .posit-audit file at the top of the volume.' ;; esac
case $state in */* | *[!A-Za-z0-9._-]*) refuse bad-arguments 'Wrong arguments: --state has characters that are not allowed.' ;; esac
{ [ -d "$scratch" ] && [ -w "$scratch" ]; } || refuse bad-arguments 'Wrong arguments: --scratch must be a folder that can be written.'
# Without a guess: only root may have put anything here.
printf '%s\n' "$text" >"$scratch/self" || refuse no-space 'The pod has no room for its list.'
rm -f "$scratch/lost"
device=$(stat -c %d .) inode=$(stat -c %i .)
working=''
trap 'kill $working 2>/dev/null; exit 143' TERM INT
printf 'h %s %s 1\0' "$given" "$inode" >"$scratch/header"
header_bytes=$(($(wc -c <"$scratch/header")))
header_digest=$(digest <"$scratch/header")

# in_turn FILE DIRECTION: works through a record; progress about every 5,000 entries. Lines that no batch reports, since it
# was killed, count as failed.
in_turn() {
    : >"$scratch/totals"
    {
        xargs -0 -n 200 sh "$scratch/self" --turn "$root" "$2" "$given" "$device" <"$1" | {
            seen=0 done_=0 bad=0 missing=0 bits=0 batches=0
            while read -r lines c f g l; do
                seen=$((seen + lines)) done_=$((done_ + c)) bad=$((bad + f)) missing=$((missing + g)) bits=$((bits + l))
                batches=$((batches + 1))
                [ $((batches % 25)) -ne 0 ] || printf '{"event":"progress","seen":%s,"changed":%s,"failed":%s}\n' "$seen" "$done_" "$bad"
            done
            echo "$done_ $bad $missing $bits $seen" >"$scratch/totals"
        }
    } &
    working=$!
    wait "$working"
    read -r c f g l s <"$scratch/totals" || c=0 f=0 g=0 l=0 s=0
    changed=$((changed + c)) failed=$((failed + f)) lost=$((lost + l))
    missed $(($(lines_of "$1") - s))
}

# copied NAME FILE: a copy of the record, and in $open whether another than root may have written it.
copied() {
    open=yes
    [ ! -L "$1" ] && [ -f "$1" ] || return 1
    {
        about=$(stat -L -c '%d %u %h %a' /proc/self/fd/0) || return 1
        cat >"$scratch/$2" || return 1
    } <"$1"
    case $about in
    "$device 0 1 "*[2367]? | "$device 0 1 "*[2367]) ;;
    "$device 0 1 "*) open=no ;;
    esac
}

ours() { [ "$(head -c "$header_bytes" "$1" | digest)" = "$header_digest" ]; }
ends() { [ "$(tail -c 9 "$1" | digest)" = "$(printf '\0%s - - -\0' "$2" | digest)" ]; }
lines_of() { echo $(($(tr -cd '\0' <"$1" | wc -c))); }
seal() { records=$(add "$records" "$1:$(($(wc -c <"$scratch/$2"))):$(digest <"$scratch/$2")"); }
mark() { [ -L "$1" ] || printf '%s - - -\0' "$2" >>"$1"; } # NAME KIND

# refuse_taken NAME: refuses what no run of ours can have left there. Without a record the work could not be undone.
refuse_taken() {
    if [ -e "$1" ] || [ -L "$1" ]; then
        { [ ! -L "$1" ] && [ -f "$1" ]; } || refuse not-a-record "The place of the ownership record $1 is taken by something that is no regular file, such as a symbolic link or a directory. No owner was changed. Remove it."
    fi
}

# refuse_foreign NAME: the same, and a file that is no record. A group may write: the kubelet lets fsGroup's.
refuse_foreign() {
    refuse_taken "$1"
    [ -e "$1" ] || return 0
    case $(stat -c '%u %h %a' "$1") in
    "0 1 "*[2367] | [!0]* | "0 "[!1]* | "0 1"[!\ ]*)
        refuse record-open "The ownership record $1 is not trusted: it must be a regular file without other names, owned by root and not writable by all users. No owner was changed. Remove it."
        ;;
    esac
    [ "$(head -c 2 "$1" | tr -d '\0')" = 'h ' ] || refuse not-a-record "The file $1 is not an ownership record. No owner was changed. Remove it."
}

# kept FILE: puts a complete list on the volume under the first free name; sets $name.
kept() {
    name=$state again=0
    while [ -e "$name" ] || [ -L "$name" ]; do
        again=$((again + 1))
        name=$state.$again
    done
    rm -rf -- "$name.new"
    if ! (set -C && cat "$scratch/$1" >"$name.new") 2>/dev/null; then
        rm -f -- "$name.new"
        ! read_only || stop_at read-only 'The volume is read-only here' 'Mount the claim writable, and check that neither the volume nor its storage is marked read-only.'
        stop_at no-space 'The record of former owners could not be written to the volume' 'Free some space and run it again.'
    fi
    sync "$name.new" 2>/dev/null || sync
    mv -f -- "$name.new" "$name" || stop_at failed 'The record of former owners could not be named' 'Run it again.'
    # What appeared there just now: mv puts the record into a directory.
    { [ ! -L "$name" ] && [ -f "$name" ]; } || stop_at not-a-record "The place of the ownership record $name is taken" 'Remove what is there and run it again.'
}

# every NAME that is there: the base, then .1, .2, ...
names() {
    again=0 name=$state
    while [ -e "$name" ] || [ -L "$name" ] || [ "$again" -eq 0 ]; do
        { [ ! -e "$name" ] && [ ! -L "$name" ]; } || printf '%s\n' "$name"
        again=$((again + 1))
        name=$state.$again
    done
}

# beside: every other numbered name, after a gap. No run leaves one there.
beside() {
    for each in "$state".[0-9]*; do
        case ${each#"$state".} in *[!0-9]* | 0*) continue ;; esac
        if [ -e "$each" ] || [ -L "$each" ]; then
            case "$nl$1$nl" in *"$nl$each$nl"*) ;; *) printf '%s\n' "$each" ;; esac
        fi
    done
}
