#!/bin/sh
# Stands in for a product's server: says what it sees of its volume, then answers HTTP until stopped.
set -eu
for folder in /var/lib/rstudio-pm /var/lib/rstudio-connect; do
  if [ -d "$folder" ] && [ ! -w "$folder" ]; then
    echo "cannot write to $folder as $(id -u):$(id -g)" >&2
  fi
done
# Busybox alone has no init: a first process without a trap ignores SIGTERM, and each stop would take the 120 seconds of
# grace that the charts give.
busybox httpd -f -p "$STAND_IN_PORT" -h /srv/www &
server=$!
trap 'kill "$server"; exit 143' TERM INT
wait "$server"
