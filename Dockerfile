# The agent that manifests/ run. Every image that it is made from is an argument, so that a mirror can stand in:
#   docker build --build-arg BASE=registry.example/python:3.13.9-slim-trixie ... -t registry.example/posit-audit:0.1.0 .
# BASE needs python3 >= 3.11 with venv, and /tmp; GO needs a Go compiler and the Go module proxy.
ARG BASE=docker.io/library/python:3.13.9-slim-trixie
ARG GO=docker.io/library/golang:1.26.8-trixie

# Helm from its Go module, whose content Go's checksum database vouches for; compiled on the building machine for
# whatever architecture is asked for.
FROM --platform=$BUILDPLATFORM ${GO} AS helm
ARG HELM=v4.3.2
ARG TARGETOS
ARG TARGETARCH
ENV PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    GOPATH=/go GOCACHE=/go/cache GOENV=/go/env GOTOOLCHAIN=local
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
      go install -trimpath -ldflags "-s -w" "helm.sh/helm/${HELM%%.*}/cmd/helm@$HELM" \
    && mv "$(find /go/bin -type f -name helm)" /helm

# posit-audit with what pyproject.toml asks for and nothing else, in the versions and with the hashes of
# requirements.lock: pip takes the whole lock file by hash, then chooses from that alone.
FROM ${BASE} AS python
WORKDIR /build
RUN python3 -m venv pip && python3 -m venv --without-pip /opt/posit-audit
COPY requirements.lock ./
RUN pip/bin/pip download --quiet --no-deps --only-binary=:all: --require-hashes --dest wheels -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY auditor auditor
RUN pip/bin/pip --python /opt/posit-audit/bin/python install --quiet --no-cache-dir --no-index --find-links wheels .

FROM ${BASE}
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="posit-audit" \
      org.opencontainers.image.description="Audits and repairs Posit Connect and Package Manager on Kubernetes" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY --from=helm /helm /usr/local/bin/helm
COPY --from=python /opt/posit-audit /opt/posit-audit
# Nothing is written but below /tmp, so that the root file system can be read-only.
ENV PATH=/opt/posit-audit/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /tmp
USER 65532:65532
ENTRYPOINT ["posit-audit"]
CMD ["scan"]
