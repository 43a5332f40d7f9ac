#!/usr/bin/env bash
# Asks the API server how it is before the server starts, then becomes the server.
set -o errexit -o nounset -o pipefail

account=/var/run/secrets/kubernetes.io/serviceaccount
healthz="https://${KUBERNETES_SERVICE_HOST}:${KUBERNETES_SERVICE_PORT}/healthz"

echo "#----> prestart.bash $(date +%FT%T%z): Checking kubernetes health via ${healthz}"
curl --fail --silent --show-error --max-time 10 --cacert "${account}/ca.crt" \
  --header "Authorization: Bearer $(cat "${account}/token")" "${healthz}"
echo

exec "$@"
