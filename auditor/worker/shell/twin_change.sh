# shellcheck shell=sh
# The twin's change of owners with a record.
finished=''
refuse_foreign "$state"
# A run that was cut off: what it wrote down and did not come to is done first.
again_=0
for name in $(names); do
    again_=$((again_ + 1))
    if ! copied "$name" "old$again_" || [ "$open" = yes ] || ! ours "$scratch/old$again_"; then continue; fi
    if ends "$scratch/old$again_" e || ends "$scratch/old$again_" z; then continue; fi
    # Of a run that was killed between writing a move down and making it.
    xargs -0 -n 200 sh "$scratch/self" --moves <"$scratch/old$again_" >"$scratch/moves" || missed 1
    while IFS= read -r line; do
        path=${line#* * * } path=${path#./} suffix=${line#m } suffix=${suffix%% *} last=''
        if ! reached "./$path$suffix" && reached "./$path"; then move "$path" "$suffix"; fi
    done <"$scratch/moves"
    before=$changed
    in_turn "$scratch/old$again_" change
    earlier=$((earlier + $(lines_of "$scratch/old$again_") - 1 - (changed - before)))
    wrong=$((wrong + changed - before))
    seal "$name" "old$again_"
    finished="$finished$name "
done
[ "$earlier" -ge 0 ] || earlier=0

cat "$scratch/header" >"$scratch/aside"
to_move=''
for path in $asides; do
    name_aside "$path"
    if [ -n "$verdict" ]; then
        tell_aside "$path" false "$verdict" ''
    else
        printf 'm %s 0 ./%s\0' "$suffix" "$path" >>"$scratch/aside"
        to_move="$to_move$path:$suffix "
    fi
done
if [ -n "$to_move" ]; then
    kept aside
    seal "$name" aside
    finished="$finished$name "
    for one in $to_move; do move "${one%%:*}" "${one#*:}"; done
fi

# Everything but directories, then directories, the top last of all.
walked() {
    what_is_wrong "$@" -print0
    [ $? -le 128 ] || : >"$scratch/killed"
}
listed_by_each() { xargs -0 -n 200 sh "$scratch/self" --list "$root" "$device" 2>>"$scratch/errors"; }
rm -f "$scratch/killed"
{
    cat "$scratch/header" &&
        : >"$scratch/errors" &&
        walked ! -type d 2>>"$scratch/errors" | listed_by_each &&
        walked -type d 2>/dev/null | listed_by_each &&
        if top_is_wrong; then sh "$scratch/self" --list "$root" "$device" .; fi
} >"$scratch/list"
case $? in
0) [ ! -e "$scratch/killed" ] || stop_at failed 'The search for entries was cut off, as by a lack of memory' 'Run it again.' ;;
1 | 2 | 123) stop_at no-space 'The pod has no room for its list of former owners' 'Give it more and run it again.' ;;
*) stop_at failed 'The list of former owners was cut off, as by a lack of memory' 'Run it again.' ;;
esac
unreadable=$(($(wc -l <"$scratch/errors")))
found=$(($(lines_of "$scratch/list") - 1))
wrong=$((wrong + found))
if [ "$found" -gt 0 ]; then
    kept list
    seal "$name" list
    finished="$finished$name "
    in_turn "$scratch/list" change
fi
give_top
if [ "$failed" -eq 0 ] && [ "$unreadable" -eq 0 ]; then
    for name in $finished; do mark "$name" e; done
fi
finish
