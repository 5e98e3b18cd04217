.DEFAULT_GOAL := help
.PHONY: help install demo test faults writes fuzz soak browser stops docs docs-test check clean

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= 2
SECONDS ?= 60
CLIPS ?= 5000

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## make .venv with everything the project needs

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(STAMP) ## make a toy set, condense it, measure the result: runs/demo (a few minutes)
	PATH="$(abspath $(BIN)):$$PATH" bash examples/demo.sh

test: $(STAMP) ## run the tests, all but those of faults
	$(BIN)/python -m pytest -n $(WORKERS) -m "not fault"

faults: $(STAMP) ## run the tests of the list of faults (docs/faults.md) and count them in docs/trust.md
	$(BIN)/python .ci/faults.py -n $(WORKERS)

writes: $(STAMP) ## let every write of every command fail, also of those that take long
	VIDCONDENSE_EVERY_WRITE=1 $(BIN)/python -m pytest -n $(WORKERS) tests/faults/test_writing.py --timeout 0

fuzz: $(STAMP) ## read hostile input for SECONDS=60; adds its counts to docs/trust.md
	$(BIN)/python benchmarks/fuzz.py --seconds $(SECONDS)

soak: $(STAMP) ## index and condense CLIPS=5000 clips while processes are killed; writes docs/trust.md
	$(BIN)/python benchmarks/soak.py --clips $(CLIPS)

browser: $(STAMP) ## look at the report in Chromium ($CHROMIUM, one on the PATH, or playwright's)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[browser]'
	$(BIN)/python -m pytest tests/browser -rs

stops: $(STAMP) ## stop condensations at 20 random steps each way, 1 and 2 processes, and go on (an hour)
	VIDCONDENSE_STOPS=20 $(BIN)/python -m pytest tests/cli/test_stops.py --timeout 0

docs: $(STAMP) ## make the site of the documentation: site/index.html; a broken link is an error
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs site

docs-test: $(STAMP) ## run what README and docs/ say to run (a few minutes)
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python .ci/docs.py

check: $(STAMP) ## format, lint, types, import contracts, spelling, the list of faults
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/codespell src tests docs examples README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md
	$(BIN)/python .ci/faults.py --check

clean: ## remove what was made here: .venv, runs, caches, builds
	rm -rf $(VENV) runs site build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
