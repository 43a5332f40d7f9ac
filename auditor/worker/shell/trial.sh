# shellcheck shell=sh
# Says what the image has, in a pod without the volume: nothing else is done.
find_python
started
