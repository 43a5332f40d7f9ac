# What a person runs. `make` alone lists it. `make test` and `make demo` work on a fresh clone on a
# Debian machine with Python, git, make and apt, as root or as a user with sudo; elsewhere inside a container.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
STAMP := $(VENV)/.installed

# Two checkouts on one machine have clusters of their own.
CHECKOUT_KEY := $(shell pwd | cksum | cut -d' ' -f1)
CLUSTER ?= posit-audit-$(CHECKOUT_KEY)
DEMO_CLUSTER := posit-audit-demo-$(CHECKOUT_KEY)
KUBECONFIG_FILE = $(CURDIR)/.cache/$(1).kubeconfig
# Three at a time, a test file and a cluster each: most of a cluster test is waiting. In the order of the folders, since
# by number of tests the files that take longest would begin last.
PARALLEL ?= -n 3 --dist loadfile --no-loadscope-reorder
TESTS ?=
# Some of the tests cover some of the code.
COVERAGE = $(if $(TESTS),,--cov=auditor --cov-report=term --cov-fail-under=90)

# local: processes of this machine. container: the same inside a container, for a machine that can't run them. kind: the
# kind on PATH, by name only.
ifeq ($(origin CLUSTER_PROVIDER),undefined)
CLUSTER_PROVIDER := $(shell scripts/provider)
endif
export CLUSTER_PROVIDER
# `sudo` can leave root with another user's home: Helm, Go and pip would fill it with root's files.
ifeq ($(shell id -u),0)
ifneq ($(shell stat --format=%u "$$HOME" 2>/dev/null),0)
export HOME := $(shell getent passwd 0 | cut -d: -f6)
endif
endif
# Tests give files to others, which nobody but root can do.
AS_ROOT := scripts/as-root
# However a recipe ends, nothing in the checkout is left to root.
HAND_OVER := trap scripts/hand-over EXIT

# The cluster's addresses are this machine's own (scripts/localcluster/network.py): no proxy gets them.
export NO_PROXY := $(NO_PROXY),198.18.0.0/15
export no_proxy := $(NO_PROXY)

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

.PHONY: venv
venv: handed-over $(STAMP) ## virtual environment with everything in requirements.lock

# A run that was killed could not do it.
.PHONY: handed-over
handed-over:
	@scripts/hand-over

# --no-deps: the lock is whole. Left to resolve, pip meets newer releases than the pinned ones, which have no hash, and
# gives up: the set-up would break the day after a release of somebody else's.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "posit-audit needs Python 3.11 or newer; name one with PYTHON=/path/to/python3" >&2; exit 1; }
	@if ! $(PYTHON) -c 'import ensurepip' 2>/dev/null; then \
	  echo "Installing python3-venv with apt-get ..." >&2; \
	  export DEBIAN_FRONTEND=noninteractive; \
	  scripts/as-root apt-get update -qq && scripts/as-root apt-get install -y -qq python3-venv >/dev/null; \
	fi
	@if [ -e $(VENV)/.unfinished ] || ! $(RUN) -m pip --version >/dev/null 2>&1; then \
	  $(HAND_OVER); echo "Making $(VENV) ..." >&2; $(PYTHON) -m venv --clear $(VENV); \
	fi
	@echo "Installing the packages of requirements.lock (usually under a minute) ..." >&2
	@$(HAND_OVER); touch $(VENV)/.unfinished; \
	$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock; \
	$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .; \
	missing=$$($(RUN) -m pip check) || { echo "requirements.lock is not whole: $$missing" >&2; exit 1; }
	@rm $(VENV)/.unfinished; touch $@; scripts/hand-over

# Debian packages, Kubernetes and Helm compiled once per machine, stand-in images.
.PHONY: prepare
prepare: venv
	@$(HAND_OVER); case $(CLUSTER_PROVIDER) in \
	  local) scripts/kind-local prepare ;; \
	  kind) $(RUN) -m scripts.toolchain.build >/dev/null ;; \
	  container) echo "Only 'make demo' and 'make test' run inside a container." >&2; exit 1 ;; \
	  *) echo "CLUSTER_PROVIDER is local, container or kind, not '$(CLUSTER_PROVIDER)'." >&2; exit 1 ;; \
	esac

.PHONY: lint
lint: venv ## ruff, mypy, the import contracts and shellcheck
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(RUN) -m scripts.lint_shell
	@scripts/hand-over

ifeq ($(CLUSTER_PROVIDER),container)
.PHONY: test demo
test demo:
	@scripts/in-container make $@ TESTS="$(TESTS)" PARALLEL="$(PARALLEL)"
else
.PHONY: test
test: lint prepare ## set-up, the checks of `make lint`, then all tests with coverage
	@echo "Running all tests; those on the cluster take some minutes ..." >&2
	@$(HAND_OVER); $(AS_ROOT) $(RUN) -m pytest $(PARALLEL) $(COVERAGE) $(TESTS)

# In a cluster of its own, deleted at the end unless KEEP=1; the next cluster on this machine removes it if the run was
# killed. A second `make demo` in the checkout would delete the cluster of the first.
.PHONY: demo
demo: venv ## find, plan, repair and prove it on a real cluster
	@$(HAND_OVER); scripts/kind-local prepare
	@config="$(call KUBECONFIG_FILE,$(DEMO_CLUSTER))"; mkdir -p "$$(dirname "$$config")"; \
	exec 9>.cache/demo.lock; \
	flock --nonblock 9 || { echo "Another make demo is running in this checkout: wait for its end." >&2; exit 1; }; \
	down() { scripts/kind-local delete cluster --name=$(DEMO_CLUSTER) --kubeconfig="$$config"; }; \
	if [ -n "$(KEEP)" ]; then $(HAND_OVER); down; \
	else trap 'down; scripts/hand-over' EXIT; down; rm -f "$$config" "$$config.lock"; export POSIT_AUDIT_OWNER=$$$$; fi; \
	scripts/kind-local create cluster --name=$(DEMO_CLUSTER) --kubeconfig="$$config"; \
	scripts/kind-local load image-archive "$$($(RUN) -m scripts.images.build)" --name=$(DEMO_CLUSTER); \
	export KUBECONFIG="$$config" DEMO_VOLUMES="$$(scripts/kind-local get folder --name=$(DEMO_CLUSTER))/estate"; \
	export PATH="$$($(RUN) -m scripts.toolchain.build):$$PATH"; \
	$(RUN) -m scripts.demo
endif

# Each cell once for each commit and Kubernetes: what passed is kept in .cache/matrix/, so that a run which was cut off goes
# on. Permissions for exec differ from Kubernetes 1.35 on, so the roles are tried with both too.
MATRIX_KUBERNETES ?= 1.37.2 1.34.4
.PHONY: matrix
matrix: prepare ## every cell of the tables in docs/reliability.md; prints them
	@$(HAND_OVER); failed=0; \
	for version in $(MATRIX_KUBERNETES); do \
	  export KUBERNETES=$$version; $(MAKE) --no-print-directory prepare; \
	  POSIT_AUDIT_MATRIX=all $(AS_ROOT) $(RUN) -m pytest -n 2 --dist load tests/cluster/matrix >&2 || failed=$$?; \
	  POSIT_AUDIT_MATRIX=all $(AS_ROOT) $(RUN) -m pytest -n 2 --dist loadfile -m matrix >&2 || failed=$$?; \
	  $(AS_ROOT) $(RUN) -m pytest tests/cluster/test_in_cluster.py >&2 || failed=$$?; \
	  $(RUN) -m scripts.print_matrix || failed=$$?; \
	done; exit $$failed

.PHONY: unit
unit: venv ## the tests that need no cluster
	@$(HAND_OVER); $(RUN) -m pytest -m "not cluster"

PYTHONS ?= python3.11 python3.12 python3.13
.PHONY: pythons
pythons: ## the wheel and the tests that need no cluster on each of $PYTHONS
	@$(HAND_OVER); scripts/on-each-python $(PYTHONS)

.PHONY: cluster
cluster: prepare ## a cluster for a person; prints its kubeconfig
	@$(HAND_OVER); config="$(call KUBECONFIG_FILE,$(CLUSTER))"; mkdir -p "$$(dirname "$$config")"; \
	if ! scripts/kind-local get clusters 2>/dev/null | grep -qx '$(CLUSTER)'; then \
	  images=$$($(RUN) -m scripts.images.build); \
	  scripts/kind-local create cluster --name=$(CLUSTER) --kubeconfig="$$config"; \
	  scripts/kind-local load image-archive "$$images" --name=$(CLUSTER); \
	fi; \
	echo "export KUBECONFIG='$$config'"; \
	echo "export PATH='$$($(RUN) -m scripts.toolchain.build)':\"\$$PATH\"   # kubectl and helm"

.PHONY: cluster-down
cluster-down: venv ## delete that cluster
	@scripts/kind-local delete cluster --name=$(CLUSTER) --kubeconfig="$(call KUBECONFIG_FILE,$(CLUSTER))"

.PHONY: bench
bench: cluster ## measurements, on the cluster of `make cluster` where they need one
	@export KUBECONFIG="$(call KUBECONFIG_FILE,$(CLUSTER))"; \
	export PATH="$$($(RUN) -m scripts.toolchain.build):$$PATH"; \
	for bench in scripts/bench_*.py; do echo "== $$bench"; $(RUN) "$$bench" || echo "   (goal missed)"; done

.PHONY: clean
clean: ## delete what was made inside the checkout
	rm -rf $(VENV) .cache .pytest-kind .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	rm -rf .coverage .coverage.* htmlcov dist build
