# One verb a task; each is safe to repeat and installs what it needs.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
PORT ?= 8000
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: setup serve test test-unit lint format bench bench-peers clean

# serving needs neither torch nor the test tools
.venv/serve: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) --editable .
	touch $@

.venv/dev: .venv/serve
	$(PIP) --editable '.[client,torch,otel,dev]'
	touch $@

setup: .venv/dev

serve: .venv/serve
	exec $(BIN)/trm serve --port $(PORT)

# the unit tests run where torch and onnxruntime cannot be imported
test-unit: .venv/dev
	$(BIN)/python -m pytest tests/unit -p tests.without_torch

test: test-unit
	tests/install_tools
	$(BIN)/python -m pytest tests/contract tests/model tests/e2e tests/conformance

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/dev
	$(BIN)/python -m bench.engine
	$(BIN)/python -m bench.http
	$(BIN)/python -m bench.scheduling

# about 20 minutes; options go into PEERS, such as PEERS=--quick
bench-peers: .venv/dev
	$(BIN)/python -m bench.peers $(PEERS)

clean:
	rm -rf .venv .bench
