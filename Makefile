# One verb a task; each is safe to repeat and installs what it needs.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
PORT ?= 8000
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: setup serve test test-unit lint format deploy-check deploy-stack dashboards bench bench-peers clean

# serving needs neither torch nor the test tools
.venv/serve: pyproject.toml constraints.txt $(wildcard app/engine/native/*.[ch])
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) --editable .
	touch $@

.venv/dev: .venv/serve
	$(PIP) --editable '.[client,torch,otel,dev]'
	touch $@

setup: .venv/dev

serve: .venv/serve
	-@app/web/fetch_runtime
	exec $(BIN)/trm serve --port $(PORT)

# the unit tests run where torch and onnxruntime cannot be imported
test-unit: .venv/dev
	$(BIN)/python -m pytest tests/unit -p tests.without_torch

test: test-unit
	tests/install_tools
	$(BIN)/python -m pytest tests/contract tests/model tests/e2e tests/conformance tests/browser

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# what checks images, manifests and dashboards: an environment of its own
.deploy/tools: tests/deploy/requirements.txt tests/deploy/package.json
	test -x .deploy/bin/python || $(PYTHON) -m venv .deploy
	.deploy/bin/pip install --quiet --disable-pip-version-check --requirement tests/deploy/requirements.txt
	cp tests/deploy/package.json .deploy/
	! command -v npm >/dev/null || npm install --prefix .deploy --silent --no-audit --no-fund --no-package-lock
	touch $@

deploy-check: .venv/dev .deploy/tools
	tests/install_tools
	$(BIN)/python -m pytest tests/deploy

# builds the image and runs the compose stack with podman, as root, which deploy-check does only where podman is there already; some minutes
deploy-stack: .venv/dev .deploy/tools
	tests/install_tools containers
	$(BIN)/python -m pytest -s tests/deploy/test_compose_stack.py

# dashboards and PrometheusRule from their sources
dashboards: .deploy/tools
	.deploy/bin/python -m monitoring.build

# about four minutes; its figures need a machine that does nothing else. Jobs and the shared cache need redis-server
bench: .venv/dev
	-tests/install_tools redis
	for each in arithmetic engine http path overload jobs cache scaling scheduling; do $(BIN)/python -m bench.$$each || exit; done

# about 20 minutes; options go into PEERS, such as PEERS=--quick
bench-peers: .venv/dev
	$(BIN)/python -m bench.peers $(PEERS)

clean:
	rm -rf .venv .bench .deploy
