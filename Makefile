# `make help` lists the verbs. `make demo` and `make test` need nothing but Python 3.11 and Go.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3.11
VENV := .venv
RUN := $(VENV)/bin
# uv takes a tenth of pip's time; but an index that only pip is configured for, only pip finds.
INSTALL := $(RUN)/uv pip install --quiet --python $(RUN)/python --no-deps
SLOW_INSTALL := $(RUN)/pip install --quiet --no-deps
RELEASE ?= modelcycle
NAMESPACE ?= default
VALUES ?= cluster/values.yaml
# Of the stories that test-faults tells: the same seed, the same stories.
SEED ?= $(shell date +%s)
CODE := operator cluster tests examples benchmarks serve-image/service train-image/source
STATE := $(or $(CLUSTER_STATE),.cluster)
KUBECONFIG_OF_CLUSTER := $(STATE)/kubeconfig

.PHONY: help demo cluster cluster-down images load install uninstall generate lock format lint typecheck verify \
  test test-unit test-convergence test-integration test-clients test-contract test-e2e test-nodes test-faults test-decisions test-processes test-servers release binaries bench-serve bench-writes bench-rollout run clean

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: cluster images load install ## train, serve, retrain, roll out: on a real cluster
	$(PYTHON) examples/demo.py

cluster: ## a kind cluster (NODES=3 for workers); prints its kubeconfig's path
	$(PYTHON) -m cluster up

cluster-down: ## remove it
	$(PYTHON) -m cluster down

images: ## build the operator's, the train and the serve image
	$(PYTHON) -m cluster images

load: ## put the images on the cluster
	$(PYTHON) -m cluster load

install: binaries ## helm install the chart on the cluster
	KUBECONFIG=$(KUBECONFIG_OF_CLUSTER) $(STATE)/bin/helm upgrade --install $(RELEASE) charts/modelcycle \
	  --namespace $(NAMESPACE) --create-namespace --values $(VALUES) $(if $(IMAGE_REGISTRY),--set image.registry=$(IMAGE_REGISTRY)) \
	  $$(test -f $(STATE)/loaded.json && echo --values $(STATE)/loaded.json) --wait --timeout 5m

uninstall: ## helm uninstall it; models, runs and resources stay
	KUBECONFIG=$(KUBECONFIG_OF_CLUSTER) $(STATE)/bin/helm uninstall $(RELEASE) --namespace $(NAMESPACE) --wait

generate: $(VENV)/installed ## write the CRDs from operator/modelcycle/api
	$(RUN)/python -m modelcycle.generate

lock: $(VENV)/installed ## resolve the pins anew
	$(RUN)/uv pip compile -q --python-version 3.11 --python-platform linux --output-file operator/requirements.txt pyproject.toml
	$(RUN)/uv pip compile -q --python-version 3.11 --python-platform linux --extra dev --constraints constraints.txt \
	  --constraints operator/requirements.txt --output-file requirements-dev.txt pyproject.toml

format: $(VENV)/installed ## format the code
	$(RUN)/ruff format $(CODE)
	$(RUN)/ruff check --fix $(CODE)

lint: $(VENV)/installed ## ruff, and the layers
	$(RUN)/ruff format --check $(CODE)
	$(RUN)/ruff check $(CODE)
	$(RUN)/lint-imports

typecheck: $(VENV)/installed ## mypy, strict
	$(RUN)/mypy operator cluster tests benchmarks/serve/*.py benchmarks/writes benchmarks/rollout
	MYPYPATH=serve-image/service $(RUN)/mypy -p modelserver
	MYPYPATH=train-image/source $(RUN)/mypy -m fetch_source

verify: generate ## generated files are those that are checked in
	git diff --exit-code -- crds charts/modelcycle/templates examples/iris-source.yaml

# Strands at once: much of a test's time is waiting. Pods come first: what is asked of them has to be answered in time.
test: $(VENV)/bin/python ## everything
	@$(MAKE) -j4 test-e2e test-decisions test-processes test-servers

test-decisions: $(VENV)/installed
	@nice -n 10 $(MAKE) lint
	@nice -n 10 $(MAKE) typecheck
	@nice -n 10 $(MAKE) verify
	@nice -n 10 $(MAKE) test-convergence

test-processes: $(VENV)/installed
	@nice -n 10 $(MAKE) test-unit
	@nice -n 10 $(MAKE) test-contract

test-servers: $(VENV)/installed
	@nice -n 10 $(MAKE) test-integration

release:
	@$(MAKE) cluster
	@$(MAKE) images
	@$(MAKE) load
	@$(MAKE) install

binaries:
	@$(PYTHON) -m cluster binaries

test-unit: $(VENV)/installed ## tables of the pure decisions
	$(RUN)/pytest tests/unit

test-convergence: $(VENV)/installed ## an in-memory world with faults
	$(RUN)/pytest tests/convergence

test-integration: $(VENV)/installed binaries ## the operator against a real etcd, kube-apiserver and MLflow
	$(RUN)/pytest tests/integration

test-clients: $(VENV)/installed binaries ## ordinary scripts, and their models, of MLflow clients 2.12, 2.22, 3.13 and the newest
	CLIENTS="2.12 2.22 3.13 newest" $(RUN)/pytest tests/integration/test_clients.py --timeout 1800
	AGES="2.12.2 2.22.5 3.13.0 newest" $(RUN)/pytest tests/contract/test_ages.py

test-contract: $(VENV)/installed binaries images ## chart, images, README, CRDs
	$(RUN)/pytest tests/contract

test-e2e: $(VENV)/installed release ## on the kind cluster
	$(RUN)/pytest tests/e2e

test-nodes: export CLUSTER_STATE := .cluster-nodes
test-nodes: export CLUSTER_NAME := $(or $(CLUSTER_NAME),modelcycle)-nodes
test-nodes: export NODES := 3
test-nodes: $(VENV)/installed ## drains, faults, scaling: on a three-node cluster of its own that is removed again (20 minutes)
	trap '$(MAKE) cluster-down' EXIT; $(MAKE) cluster images load install && $(PYTHON) -m cluster metrics-server \
	  && KILLS=10 $(RUN)/pytest tests/e2e/test_nodes.py tests/e2e/test_killed_operator.py tests/e2e/nodes

test-faults: $(VENV)/installed ## 10,000 interleavings in the convergence tests (SEED=), 100,000 bad requests to a server, a model of 1 GB
	BAD_REQUESTS=100000 FUZZ_EXAMPLES=5000 BIG_MODEL_MEGABYTES=1024 \
	  $(RUN)/pytest tests/unit/serve/test_fuzz.py tests/unit/serve/test_memory.py -rP --timeout 7200
	CONVERGENCE_EXAMPLES=10000 $(RUN)/pytest tests/convergence --timeout 7200 --hypothesis-seed $(SEED)

bench-serve: $(VENV)/installed ## the serving image beside its peers: requests a second, latency, start, memory (20 minutes)
	command -v wrk > /dev/null || { apt-get update -q && apt-get install -y -q wrk; }
	$(RUN)/python -m benchmarks.serve $(BENCH_ARGS)

bench-writes: $(VENV)/installed binaries ## the operator's writes to the API server, counted from its audit log
	$(RUN)/python -m benchmarks.writes

bench-rollout: $(VENV)/installed cluster images load install ## rollouts in a row under load, every tenth version broken, on the kind cluster (ROLLOUTS=100)
	$(RUN)/python -m benchmarks.rollout

run: $(VENV)/installed ## the operator on this machine, against the current cluster
	MODELCYCLE_TRACKING_URI=$${MLFLOW_TRACKING_URI:-http://127.0.0.1:30500} MODELCYCLE_LOG_FORMAT=plain \
	  MODELCYCLE_TRAIN_IMAGE=localhost/modelcycle/train:0.1.0 MODELCYCLE_SERVE_IMAGE=localhost/modelcycle/serve:0.1.0 \
	  KUBECONFIG=$${KUBECONFIG:-$(KUBECONFIG_OF_CLUSTER)} $(RUN)/python -m modelcycle

clean: ## remove the virtual environment and caches of tools
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -c 'import ensurepip' 2> /dev/null || { apt-get update -q && apt-get install -y -q python3-venv; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: requirements-dev.txt pyproject.toml | $(VENV)/bin/python
	@echo "installing the tools that tests need into $(VENV) (about 2 minutes the first time)"
	$(RUN)/pip install --quiet --no-deps $$(grep '^uv==' requirements-dev.txt)
	$(INSTALL) --requirement requirements-dev.txt || $(SLOW_INSTALL) --requirement requirements-dev.txt
	$(INSTALL) --editable . || $(SLOW_INSTALL) --editable .
	touch $@
