# The few commands a newcomer needs: `make run`, `make test`, `make check`.
# Needs Python >= 3.11 and nothing else. .venv is made from the locked requirements, and made anew only when they change.

PYTHON ?= python3
VENV := .venv
BENCH_VENV := .venv-bench
# Of the tests: so many processes side by side; 0: one after the other in one process, auto: two a core (tests/conftest.py).
WORKERS := 2
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check
export PIP_NO_INPUT := 1

.DEFAULT_GOAL := help
.PHONY: help run test cover check format bench soak lock clean
.DELETE_ON_ERROR:

help: ## this list
	@grep -E '^[a-z]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

run: $(VENV)/.run ## start everything on the embedded PostgreSQL, simulator on http://127.0.0.1:8080/sim (PORT= changes it)
	@exec $(VENV)/bin/pardna serve

test: $(VENV)/.dev ## the whole test suite, with its own PostgreSQL, Valkey and stand-in providers
	@$(VENV)/bin/python -m pytest -n $(WORKERS) --dist loadgroup

# Apart from `test`, because watching every branch costs what is computed most of its time again.
cover: $(VENV)/.dev ## the same, and which lines and branches no test reaches
	@$(VENV)/bin/python -m pytest -n $(WORKERS) --dist loadgroup --cov --cov-report=term

check: $(VENV)/.dev ## format, lint, types, imports, dependencies
	@$(VENV)/bin/ruff format --check --quiet . || { echo "make format mends the format"; exit 1; }
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-logo
	@$(VENV)/bin/deptry .

format: $(VENV)/.dev ## rewrite the code in the project's format
	@$(VENV)/bin/ruff check --quiet --fix-only .
	@$(VENV)/bin/ruff format --quiet .

bench: $(VENV)/.dev $(BENCH_VENV)/.bench ## measure; writes benchmarks/RESULTS.md
	@BENCH_PYTHON=$(CURDIR)/$(BENCH_VENV)/bin/python $(VENV)/bin/python -m benchmarks

soak: $(VENV)/.dev ## kills for a quarter of an hour, thousands of notices by the wall clock, messages in any order, whole circles against a model
	@$(VENV)/bin/python -m pytest -m soak tests/faults tests/spine tests/flows/test_any_order.py tests/flows/test_beans.py

# --- the environments -------------------------------------------------------------------------------------------------
# --no-deps: the lock names everything, and pip must not look for newer releases of what others ask for.

$(VENV)/.run: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@echo "Installing the locked dependencies into $(VENV) ..."
	@$(PYTHON) -m venv --clear $(VENV) || { echo "Python's venv is missing: on Debian, apt install python3-venv"; exit 1; }
	@$(VENV)/bin/python $(PIP_INSTALL) --no-deps --require-hashes -r requirements.txt
	@$(VENV)/bin/python $(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.run
	@echo "Installing the tools for tests and checks ..."
	@$(VENV)/bin/python $(PIP_INSTALL) --no-deps --require-hashes -r requirements-dev.txt
	@touch $@

# aiogram pins aiohttp and pydantic: it is measured from an environment of its own.
$(BENCH_VENV)/.bench: requirements-bench.txt
	@echo "Installing what the bench compares with into $(BENCH_VENV) ..."
	@$(PYTHON) -m venv --clear $(BENCH_VENV)
	@$(BENCH_VENV)/bin/python $(PIP_INSTALL) --no-deps --require-hashes -r requirements-bench.txt
	@touch $@

# --- the locks --------------------------------------------------------------------------------------------------------

COMPILE = $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links

lock: ## write the requirements files anew from pyproject.toml (UPGRADE=--upgrade for newer releases)
	@test -x $(VENV)/bin/uv || $(MAKE) $(VENV)/.dev
	@$(COMPILE) $(UPGRADE) pyproject.toml --extra house -o requirements.txt
	@$(COMPILE) $(UPGRADE) pyproject.toml --extra house --extra dev -c requirements.txt -o requirements-dev.txt
	@$(COMPILE) $(UPGRADE) requirements-bench.in -o requirements-bench.txt

clean: ## remove the environments and caches (never .pardna: that is your data)
	@rm -rf $(VENV) $(BENCH_VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage
