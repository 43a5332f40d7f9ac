# shellcheck shell=sh
# The twin's undo: all records are read and judged before any owner is changed.
if [ "$mode" = undo ]; then
    used=''
    unsealed=$(names)
    gap=$(beside "$unsealed")
    [ -n "$seals" ] || refuse_foreign "$state"
    number=0
    for one in $seals; do
        sha=${one##*:} name=${one%:*}
        bytes=${name##*:} name=${name%:*}
        case $name in "$state" | "$state".[0-9]*) ;; *) refuse bad-arguments 'Wrong arguments: a --record is not of this --state.' ;; esac
        number "$bytes" || refuse bad-arguments 'Wrong arguments: --record takes NAME:BYTES:SHA256.'
        gone_or_changed="The record $name is gone or is not what the run left, so the former owners are not known. No owner was changed. Restore this file from a snapshot or backup of the volume and undo again, or change the owners by hand."
        refuse_taken "$name"
        [ -e "$name" ] || refuse record-gone "$gone_or_changed"
        { copied "$name" whole && ours "$scratch/whole"; } || refuse record-changed "$gone_or_changed"
        number=$((number + 1))
        head -c "$bytes" "$scratch/whole" >"$scratch/list$number" || refuse no-space 'The pod has no room for the record.'
        { [ "$(($(wc -c <"$scratch/list$number")))" -eq "$bytes" ] && [ "$(digest <"$scratch/list$number")" = "$sha" ]; } ||
            refuse record-changed "$gone_or_changed"
        unsealed=$(for each in $unsealed; do [ "$each" = "$name" ] || printf '%s\n' "$each"; done)
        gap=$(for each in $gap; do [ "$each" = "$name" ] || printf '%s\n' "$each"; done)
        ends "$scratch/whole" z || used="$name:$number $used"
    done
    for name in $unsealed; do
        number=$((number + 1))
        if ! copied "$name" "list$number" || [ "$open" = yes ]; then
            left_out=$(add "$left_out" "$name")
        elif ours "$scratch/list$number" && ! ends "$scratch/list$number" z; then
            if [ -z "$seals" ] || ! ends "$scratch/list$number" e; then used="$name:$number $used"; fi
        fi
    done
    for name in $gap; do left_out=$(add "$left_out" "$name"); done
    if [ -z "$used" ]; then
        [ -z "$left_out" ] || [ -n "$seals" ] || refuse record-open 'Others than root can write the record of former owners, so it is not believed. No owner was changed.'
        refuse nothing-to-undo 'There is no record of a run that is not undone yet: nothing is known to undo.'
    fi
    for one in $used; do in_turn "$scratch/list${one#*:}" undo; done
    for one in $used; do
        xargs -0 -n 200 sh "$scratch/self" --back "$root" undo "$given" "$device" <"$scratch/list${one#*:}" >"$scratch/back" || missed 1
        while IFS= read -r each; do moved_aside="$moved_aside${moved_aside:+,}$each"; done <"$scratch/back"
    done
    case $failed:$moved_aside in 0:*'"why":"failed"'*) ;; 0:*) for one in $used; do mark "${one%:*}" z; done ;; esac
    finish
fi
