# Everything a person types. Each target is one line of `make help`.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(CURDIR)/node_modules/.bin:$(PATH)
export CDK_VALIDATION ?= false

.DEFAULT_GOAL := help
STAMPS := build/.stamps

.PHONY: help install
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

install: $(STAMPS)/python $(STAMPS)/node $(STAMPS)/environments $(STAMPS)/editable ## Install everything into this folder (.venv, .venvs, node_modules)

$(STAMPS)/uv: requirements-uv.txt
	@mkdir -p $(STAMPS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ": set PYTHON=/path/to/python3.11")'
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install -q --disable-pip-version-check --require-hashes --no-deps -r requirements-uv.txt
	@touch $@

$(STAMPS)/python: $(STAMPS)/uv requirements.txt requirements-dev.txt requirements-build.txt
	$(VENV)/bin/uv pip install -q --python $(VENV)/bin/python --require-hashes -r requirements.txt -r requirements-dev.txt -r requirements-build.txt
	@touch $@

$(STAMPS)/editable: $(STAMPS)/python pyproject.toml
	$(VENV)/bin/uv pip install -q --python $(VENV)/bin/python --no-deps --no-build-isolation -e .
	@touch $@

$(STAMPS)/node: $(STAMPS)/python package.json package-lock.json .npmrc
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# One environment for the local AWS and one for each container, so that each runs with what it declares.
ENVIRONMENTS := local_aws=requirements-local-aws.txt $(foreach f,$(wildcard containers/*/requirements.txt),$(notdir $(patsubst %/,%,$(dir $(f))))=$(f))
$(STAMPS)/environments: $(STAMPS)/uv requirements-local-aws.txt $(wildcard containers/*/requirements.txt)
	@set -e; for pair in $(ENVIRONMENTS); do \
	  name=$${pair%%=*}; file=$${pair#*=}; \
	  test -x .venvs/$$name/bin/python || $(VENV)/bin/uv venv -q --python $(VENV)/bin/python .venvs/$$name; \
	  $(VENV)/bin/uv pip sync -q --python .venvs/$$name/bin/python --require-hashes $$file; \
	done
	@touch $@

LOCK := $(VENV)/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header
.PHONY: lock
lock: $(STAMPS)/uv ## Recompile every requirements file from its .in
	$(LOCK) requirements-uv.in -o requirements-uv.txt
	$(LOCK) requirements-build.in -o requirements-build.txt
	$(LOCK) requirements.in -o requirements.txt
	$(LOCK) requirements-dev.in -o requirements-dev.txt
	$(LOCK) --overrides requirements-local-aws-overrides.txt requirements-local-aws.in -o requirements-local-aws.txt
	@set -e; for f in containers/*/requirements.in lambda/*/requirements.in; do test ! -f $$f || $(LOCK) $$f -o $${f%.in}.txt; done
