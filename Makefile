# Everything runs in .venv, made from the python3 of this machine; nothing else is changed.
PYTHON ?= python3
SECONDS ?= 60
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help archive image demo test guest emulated programs e2e browser pictures lint bench fuzz fuzz-files clean

help: ## Show the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

demo: $(VENV)/.runtime ## Diagnose four flows of shipped snapshots (no root, no cluster, no compiler)
	@$(BIN)/python snapshots/demo.py

test: $(VENV)/.dev ## Run the tests; as root with the kernel labs. What is skipped is listed with its reason
	@$(BIN)/python -m pytest

programs: $(VENV)/.dev ## Build Kubernetes and what else the tests with a cluster run (Go); docs/e2e.md
	@$(BIN)/python -m tests.e2e.binaries

e2e: programs ## Run the tests that need a Kubernetes cluster, which is made here (root, Go); docs/e2e.md
	@$(BIN)/python -m pytest -m e2e tests/e2e

guest: $(VENV)/.dev ## Run the tests that need a guest kernel for what this one lacks (root; user-mode-linux)
	@$(BIN)/python -m pytest -m guest tests/kernel/guest

emulated: $(VENV)/.dev ## Run the tests that need Debian's cloud kernel in an emulated machine (root; docs/kernel.md)
	@$(BIN)/python -m pytest -m emulated tests/kernel/guest

browser: $(VENV)/.dev ## Run the tests of the web pages in a browser (chromium and its driver)
	@$(BIN)/python -m pytest -m browser tests/browser

pictures: $(VENV)/.dev ## Take the pictures of docs/tour.md anew (chromium and its driver)
	@$(BIN)/python -m tests.browser.tour

lint: $(VENV)/.dev ## Check format, style, types, and which package imports which
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --strict
	$(BIN)/lint-imports

image: $(VENV)/.dev ## Build the collector's image without Docker (root; buildah, mmdebstrap), and print where it is
	@$(BIN)/python -m tests.e2e.collector_image

archive: $(VENV)/.runtime ## Pack the program and all it needs for this platform into dist/; docs/install.md
	@$(BIN)/python -m tests.release.archive $(if $(ADDRESS),--address $(ADDRESS))

bench: $(VENV)/.runtime ## Measure start-up, rules by their number, snapshots by their size: make bench NODES="50 5000"
	@$(BIN)/python -m tests.bench.startup $(ROUNDS)
	@echo; $(BIN)/python -m tests.bench.node $(ROUNDS)
	@echo; $(BIN)/python -m tests.bench.sizes $(NODES)

fuzz: $(VENV)/.dev ## Compare random rules, sets, routes with the kernel (root): make fuzz SECONDS=60
	@$(BIN)/python -m tests.fuzz --seconds $(SECONDS) $(if $(SEED),--seed $(SEED))

fuzz-files: $(VENV)/.dev ## Fuzz all that reads a stranger's bytes: make fuzz-files SECONDS=600; docs/fuzzing.md
	@$(PIP) install --group fuzz || echo "note: atheris is not installed: by chance alone, without coverage" >&2
	@$(BIN)/python -m tests.fuzzing --seconds $(SECONDS) $(TARGETS)

clean: ## Remove .venv and the caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "error: there is no $(PYTHON); on Debian: apt install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) --version 2>&1); try make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "error: $(PYTHON) cannot make virtual environments; on Debian: apt install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: pyproject.toml | $(BIN)/python
	@echo "installing into $(VENV) ..." >&2
	@$(PIP) install --editable .
	@touch $@

# python-iptables is built from source: where that cannot be done everything else still works.
$(VENV)/.dev: pyproject.toml | $(BIN)/python
	@echo "installing into $(VENV) ..." >&2
	@$(PIP) install --upgrade 'pip>=25.1'
	@$(PIP) install --editable . --group dev
	@if [ "$$(uname)" = Linux ]; then command -v cc >/dev/null && $(PIP) install --group iptc || \
	  echo "note: python-iptables is not installed (it is built from source and needs a C compiler): tests that compare with it are skipped" >&2; fi
	@touch $(VENV)/.runtime $@
