# shellcheck shell=sh
# launch START DIGEST SOURCE ARGUMENT...: finds Python and lets START (auditor/worker/start.py) run the program.
find_python
if [ -z "$python" ]; then
    printf '%s\n' '{"event":"refusal","code":"no-python","message":"The image has no Python 3.8 or later: name an image that has with --worker-image."}'
    exit 1
fi
start=$1
shift
exec "$python" -I -S -c "$start" "$@"
