# shellcheck shell=sh
# $listed: ls with numbers of owners, where a line break in a name does not end its line. Busybox's ls has no -q: it never
# prints one.
listed='ls -ndq'
ls -ndq / >/dev/null 2>&1 || listed='ls -nd'
