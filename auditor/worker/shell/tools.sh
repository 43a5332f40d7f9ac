# shellcheck shell=sh
# tools VOLUME: what the container has, who a command in it runs as, and what root left in verify/: license activations
# of a server that ran as root (rstudio/helm, charts/rstudio-pm/templates/post-upgrade-chown-job.yaml).
tools() {
    find_python
    started
    id -u
    id -g
    find "$1/verify" -user 0 2>/dev/null | head -n 1
}
