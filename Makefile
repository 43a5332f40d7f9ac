# What a person runs. `make` alone lists it. `make test` and `make demo` work on a fresh clone on a
# Debian machine with Python, git, make and apt, as root or as a user with sudo.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
STAMP := $(VENV)/.installed

comma := ,
CLUSTER ?= posit-audit
DEMO_CLUSTER := posit-audit-demo
KUBECONFIG_FILE = $(CURDIR)/.cache/$(1).kubeconfig
# Three at a time, a test file and a cluster each: most of a cluster test is waiting. In the order of the folders, since
# by number of tests the files that take longest would begin last.
PARALLEL ?= -n 3 --dist loadfile --no-loadscope-reorder
# Who isn't root becomes it for the tests: they give files to others, which nobody else may do.
AS_ROOT := $(if $(filter-out 0,$(shell id -u)),sudo --preserve-env=HOME$(comma)CI$(comma)XDG_CACHE_HOME$(comma)NO_PROXY$(comma)no_proxy)
TESTS ?=
COVERAGE := --cov=auditor --cov-report=term --cov-fail-under=90

# The cluster's addresses are this machine's own (scripts/localcluster/network.py): no proxy gets them.
export NO_PROXY := $(NO_PROXY),198.18.0.0/15
export no_proxy := $(NO_PROXY)

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

.PHONY: venv
venv: $(STAMP) ## virtual environment with everything in requirements.lock

# --no-deps: the lock is whole. Left to resolve, pip meets newer releases than the pinned ones, which have no hash, and
# gives up: the set-up would break the day after a release of somebody else's.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "posit-audit needs Python 3.11 or newer; name one with PYTHON=/path/to/python3" >&2; exit 1; }
	@if ! $(PYTHON) -c 'import ensurepip' 2>/dev/null; then \
	  echo "Installing python3-venv with apt-get ..." >&2; \
	  as_root=; [ "$$(id -u)" = 0 ] || as_root=sudo; \
	  export DEBIAN_FRONTEND=noninteractive; \
	  $$as_root apt-get update -qq && $$as_root apt-get install -y -qq python3-venv >/dev/null; \
	fi
	@[ -x $(RUN) ] || { echo "Making $(VENV) ..." >&2; $(PYTHON) -m venv $(VENV); }
	@echo "Installing the packages of requirements.lock (usually under a minute) ..." >&2
	@$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@missing=$$($(RUN) -m pip check) || { echo "requirements.lock is not whole: $$missing" >&2; exit 1; }
	@touch $@

# Debian packages, Kubernetes and Helm compiled once per machine, stand-in images. Where a Docker
# daemon answers the tests use kind instead.
.PHONY: prepare
prepare: venv
	@docker info >/dev/null 2>&1 || scripts/kind-local prepare

.PHONY: lint
lint: venv ## ruff, mypy and the import contracts
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

.PHONY: test
test: lint prepare ## set-up, the checks of `make lint`, then all tests with coverage
	@echo "Running all tests; those on the cluster take some minutes ..." >&2
	@trap '[ -z "$(AS_ROOT)" ] || sudo chown -R "$$(id -u):$$(id -g)" "$(CURDIR)"' EXIT; \
	$(AS_ROOT) $(VENV)/bin/pytest $(PARALLEL) $(COVERAGE) $(TESTS)

.PHONY: unit
unit: venv ## the tests that need no cluster
	$(VENV)/bin/pytest -m "not cluster"

.PHONY: cluster
cluster: prepare ## a cluster for a person; prints its kubeconfig
	@config=$(call KUBECONFIG_FILE,$(CLUSTER)); mkdir -p "$$(dirname "$$config")"; \
	if ! scripts/kind-local get clusters 2>/dev/null | grep -qx '$(CLUSTER)'; then \
	  images=$$($(RUN) -m scripts.images.build); \
	  scripts/kind-local create cluster --name=$(CLUSTER) --kubeconfig="$$config"; \
	  scripts/kind-local load image-archive "$$images" --name=$(CLUSTER); \
	fi; \
	echo "export KUBECONFIG=$$config"; \
	echo "export PATH=$$($(RUN) -m scripts.toolchain.build):\$$PATH   # kubectl and helm"

.PHONY: cluster-down
cluster-down: venv ## delete that cluster
	@scripts/kind-local delete cluster --name=$(CLUSTER) --kubeconfig="$(call KUBECONFIG_FILE,$(CLUSTER))"

# In a cluster of its own, deleted at the end unless KEEP=1.
.PHONY: demo
demo: venv ## find, plan, repair and prove it on a real cluster
	@scripts/kind-local prepare
	@config=$(call KUBECONFIG_FILE,$(DEMO_CLUSTER)); mkdir -p "$$(dirname "$$config")"; \
	down() { scripts/kind-local delete cluster --name=$(DEMO_CLUSTER) --kubeconfig="$$config"; }; \
	down; [ -n "$(KEEP)" ] || trap down EXIT; \
	scripts/kind-local create cluster --name=$(DEMO_CLUSTER) --kubeconfig="$$config"; \
	scripts/kind-local load image-archive "$$($(RUN) -m scripts.images.build)" --name=$(DEMO_CLUSTER); \
	export KUBECONFIG="$$config" DEMO_VOLUMES="$$(scripts/kind-local get folder --name=$(DEMO_CLUSTER))/estate"; \
	export PATH="$$($(RUN) -m scripts.toolchain.build):$$PATH"; \
	$(RUN) -m scripts.demo

.PHONY: bench
bench: cluster ## measurements, on the cluster of `make cluster` where they need one
	@export KUBECONFIG="$(call KUBECONFIG_FILE,$(CLUSTER))"; \
	export PATH="$$($(RUN) -m scripts.toolchain.build):$$PATH"; \
	for bench in scripts/bench_*.py; do echo "== $$bench"; $(RUN) "$$bench" || echo "   (goal missed)"; done

.PHONY: clean
clean: ## delete what was made inside the checkout
	rm -rf $(VENV) .cache .pytest-kind .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	rm -rf .coverage .coverage.* htmlcov dist build
