# `make help` lists the targets. PYTHON chooses the interpreter the virtual environment is made with.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
DATA := src/sampan/kube/schema/builtin.types
SOURCES := $(wildcard src tests bench demo)
PYTEST_ARGS ?=

.PHONY: no-data help venv packages format lint types unit check test demo bench clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(STAMP)  ## make .venv with Sampan and its tools in it

# pyproject.toml is the list of dependencies: installed again whenever it changes. So it is where the data that
# the build hook makes is missing (a clean checkout beside an old .venv).
$(STAMP): pyproject.toml hatch_build.py $(if $(wildcard $(DATA)),,no-data)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable '.[dev]'
	@touch $@

no-data:

packages:  ## install the distribution packages the tests use (root, Debian or Ubuntu)
	.ci/packages

format: $(STAMP)  ## rewrite the sources in the one format
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

lint: $(STAMP)  ## formatting and lint
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)

types: $(STAMP)  ## strict types
	$(BIN)/mypy

unit: $(STAMP)  ## tests that need no root
	$(BIN)/pytest -m "not root" $(PYTEST_ARGS)

check: lint types unit  ## what every commit must pass: format, lint, types, unit tests (no root)

test: packages lint types  ## everything: what .ci/run runs (root)
	$(BIN)/pytest $(PYTEST_ARGS)

demo:  ## a tour on a fresh machine (root): install, run, publish, volume, commit
	PYTHON=$(PYTHON) demo/run

bench: $(STAMP)  ## measure starts, execs and removals; DOCKER=unix:///path compares with that Docker
	$(BIN)/python bench/start.py $(if $(DOCKER),--docker $(DOCKER))

clean:  ## remove what the other targets made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache build dist src/*.egg-info
	find src tests bench demo -name __pycache__ -type d -prune -exec rm -rf {} +
