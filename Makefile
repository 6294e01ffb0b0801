# make demo           what it is about, on the files in examples/: no cluster, no question
# make demo-cluster   the same on a real Kubernetes that is started and ended here (root, Debian packages)
# make test           all tests: test-core, test-api (API server), test-node. ARGS="-k word" goes to pytest
# make differential   N=10000 random pods, SEED=1: the API server's Pod Security verdicts and ours, word for word
# make fuzz           SECONDS=600, SEED=1: texts made to break the readers of manifests, /proc and logs, and the editor
# make lint           ruff, mypy, import-linter
# make docs           build/site: the site of the documentation
# make bench          benchmarks/: what a command costs beside what it replaces, with bounds; writes docs/benchmarks.md
# make cluster        only the programs of the test cluster, into ~/.cache/kubectl-caps-cluster
# make dist           dist/: the archive for this machine, its SBOM, wheel and sdist; dist-check: with the real krew
# make lock           packaging/*.lock from pyproject.toml; ARGS=--upgrade takes the newest versions

PYTHON ?= python3
WORKERS ?= 2
BIN := .venv/bin
# Else each of hundreds of processes compiles again what they all import.
unexport PYTHONDONTWRITEBYTECODE
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
TESTBED := PYTHONPATH=tests/cluster $(BIN)/python -m testbed

.PHONY: fuzz demo demo-cluster test test-core test-api test-node differential lint docs cluster dist dist-check lock clean

demo: .venv/.installed
	@PATH="$(CURDIR)/$(BIN):$$PATH" examples/demo.sh

demo-cluster: cluster
	@$(TESTBED) run node nginx=docker.io/library/nginx:1.27 -- examples/demo-cluster.sh

test: test-core test-api test-node

# By `-m`. A session after the other: a real node is late where two sessions compute beside it.
test-core: RETRY = exit 1
test-core: cluster
	@$(call pytest,not api and not node,$(if $(CI),slipcover $(MEASURED) -m))
	@$(if $(CI),$(BIN)/python tests/covered.py .coverage.json core commands/harden)

test-api: cluster
	@$(call pytest,api)

test-node: cluster
	@$(call pytest,node)

MEASURED := --source kubectl_caps/core,kubectl_caps/commands/harden --json --out .coverage.json
# By exit status: 1, tests failed; 5, ARGS select no test of this tier.
pytest = $(BIN)/python -m $(2) pytest -n $(WORKERS) --dist loadfile -m "$(1)" $(ARGS); \
	case $$? in 0 | 5) ;; 1) $(if $(CI),$(RETRY),exit 1) ;; *) exit 2 ;; esac
# A cluster on a shared machine is late at times. CI shows what failed, and tries each such test again by itself.
RETRY = echo "Once more what failed:" && $(BIN)/python -m pytest --last-failed -m "$(1)" $(ARGS)

differential: cluster
	@PYTHONPATH=tests/cluster $(BIN)/python -m differential $(or $(N),10000) $(or $(SEED),1)

fuzz: .venv/.dev
	@PYTHONPATH=tests $(BIN)/python -m fuzz $(or $(SECONDS),600) $(or $(SEED),1)

lint: .venv/.dev
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: .venv/.dev
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Each row with its bound, and PASS or OVER; the rows go into build/benchmarks.jsonl, and into docs/benchmarks.md.
BENCHMARKS := start_up judge inspect_files harden_files inspect_list harden_parallel label_ns completion fit start page
bench: cluster
	@rm -f build/benchmarks.jsonl
	@for name in $(BENCHMARKS); do PYTHONPATH=tests/cluster:packaging $(BIN)/python benchmarks/$$name.py || exit 1; done

cluster: .venv/.dev
	@$(TESTBED) build

dist: build/tools/.done
	@PYTHONHASHSEED=0 build/tools/bin/python packaging/dist.py

dist-check: .venv/.dev
	@PYTHONPATH=tests/cluster $(BIN)/python packaging/check.py

lock: .venv/.dev
	@$(BIN)/python packaging/lock.py $(ARGS)

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

# The tools of `make dist`, by version and checksum.
build/tools/.done: packaging/tools.lock
	@$(PYTHON) -m venv --clear build/tools
	@build/tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r packaging/tools.lock
	@touch $@

# What tests and lint need, by uv: in 7 seconds instead of 40. Where only pip is set up for a registry, by pip.
.venv/.dev: pyproject.toml | $(BIN)/python
	@echo "Installing kubectl-caps[test,lint,docs] into .venv ..."
	@$(PIP) uv && $(BIN)/uv pip install --quiet --python $(BIN)/python --editable '.[test,lint,docs]' || $(PIP) --editable '.[test,lint,docs]'
	@$(BIN)/python -m pytest --collect-only -qq > /dev/null || true # compiles once what all workers would compile at once
	@touch $@
