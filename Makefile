# Everything runs in .venv, made from the python3 of this machine; nothing else is changed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SECONDS ?= 60

.PHONY: help demo test lint bench fuzz clean
.DEFAULT_GOAL := help

help: ## Show the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

demo: $(VENV)/.runtime ## Diagnose four flows of a shipped snapshot (no root, no cluster, no compiler)
	@$(BIN)/python snapshots/demo.py

test: $(VENV)/.dev ## Run the tests; as root with the kernel labs
	@$(BIN)/python -m pytest

lint: $(VENV)/.dev ## Check format, style, types, and which package imports which
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --strict
	$(BIN)/lint-imports

bench: $(VENV)/.runtime ## Measure start-up and a small diagnosis as ratios to `python3 -c pass`
	@$(BIN)/python tests/bench/startup.py

fuzz: $(VENV)/.dev ## Compare random rules, routes … with the kernel (root): make fuzz SECONDS=60
	@$(BIN)/python -m tests.fuzz --seconds $(SECONDS)

clean: ## Remove .venv and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "error: $(PYTHON) must be Python 3.11 or newer (it is: $$($(PYTHON) --version 2>&1)); make PYTHON=/path/to/python3 …" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "error: $(PYTHON) has no venv; on Debian: apt install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: pyproject.toml $(BIN)/python
	@echo "installing into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

# python-iptables is built from source: without a compiler the rest is installed, and the tests say what they skip.
$(VENV)/.dev: pyproject.toml $(VENV)/.runtime
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev
	@if [ "$$(uname)" = Linux ]; then \
	  command -v cc >/dev/null && $(BIN)/python -m pip install --quiet --disable-pip-version-check --group iptc || \
	  echo "note: python-iptables is not installed (it needs a C compiler): its comparison is skipped" >&2; fi
	@touch $@
