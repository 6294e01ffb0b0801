# make demo           what it is about, on the files in examples/: no cluster, no question
# make demo-cluster   the same on a real Kubernetes that is started and ended here (root, Debian packages)
# make test           all tests: core and edges, API server, node. ARGS="-k word" goes to pytest
# make differential   N=10000 random pods, SEED=1: the API server's Pod Security verdicts and ours, word for word
# make lint           ruff, mypy, import-linter
# make bench          benchmarks/: how long a command takes beside what it replaces
# make cluster        only the programs of the test cluster, into ~/.cache/kubectl-caps-cluster
# make dist           dist/kubectl-caps_linux_amd64.tar.gz and krew-manifest.yaml; dist-check: with the real krew

PYTHON ?= python3
WORKERS ?= 2
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
TESTBED := PYTHONPATH=tests/cluster $(BIN)/python -m testbed

.PHONY: demo demo-cluster test differential lint cluster dist dist-check clean

demo: .venv/.installed
	@PATH="$(CURDIR)/$(BIN):$$PATH" examples/demo.sh

demo-cluster: cluster
	@$(TESTBED) run node nginx=docker.io/library/nginx:1.27 -- examples/demo-cluster.sh

test: cluster
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

differential: cluster
	@PYTHONPATH=tests/cluster $(BIN)/python -m differential $(or $(N),10000) $(or $(SEED),1)

lint: .venv/.dev
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: cluster
	@for script in benchmarks/*.py; do PYTHONPATH=tests/cluster $(BIN)/python $$script || exit 1; done

cluster: .venv/.dev
	@$(TESTBED) build

dist: .venv/.dist
	@$(BIN)/python packaging/dist.py

dist-check: .venv/.dev
	@PYTHONPATH=tests/cluster $(BIN)/python packaging/check.py

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("kubectl-caps needs Python 3.10 or newer: make PYTHON=..." if sys.version_info < (3, 10) else 0)'
	@$(PYTHON) -c 'import ensurepip' 2> /dev/null || { echo "error: $(PYTHON) cannot make a .venv: apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv .venv

.venv/.installed: pyproject.toml | $(BIN)/python
	@echo "Installing kubectl-caps into .venv ..."
	@$(PIP) --editable .
	@touch $@

# .venv/.dist is the extra `dist` of pyproject.toml.
.venv/.dist: pyproject.toml | $(BIN)/python
	@echo "Installing kubectl-caps[dist] into .venv ..."
	@$(PIP) --editable '.[dist]'
	@touch $@

# What tests and lint need, by uv: in 7 seconds instead of 40. Where only pip is set up for a registry, by pip.
.venv/.dev: pyproject.toml | $(BIN)/python
	@echo "Installing kubectl-caps[test,lint] into .venv ..."
	@$(PIP) uv && $(BIN)/uv pip install --quiet --python $(BIN)/python --editable '.[test,lint]' || $(PIP) --editable '.[test,lint]'
	@touch $@
