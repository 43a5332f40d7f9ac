# shellcheck shell=sh
# look_job VOLUME UID GID SECONDS BYTES ENTRIES START DIGEST PROGRAM: all of a look in one go, for a pod that lives no
# longer than this. The exit code says nothing: what is printed does.
answer=$(tools "$1")
printf '%s\n--\n' "$answer"
case $answer in
*'"tool":"python"'*)
    find_python
    "$python" -I -S -c "$7" "$8" "$9" "$1" --uid "$2" --gid "$3" --check --limit "$6" --seconds "$4"
    ;;
*) look "$1" "$2" "$3" "$4" "$5" ;;
esac
exit 0
