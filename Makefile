# On a fresh machine: Python 3.11 to 3.13 and make. `make run` and `make test` set everything up by themselves.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

STUDY ?= castle_doctrine
ARGS ?=
WORKERS ?= 2
SWEEPS := tests/functional/test_sweep_cities.py
LONG_TRUST := tests/trust tests/security tests/unit/tracking tests/contract
VENV := .venv
BIN := $(VENV)/bin
PIP = $(BIN)/python -m pip --quiet --disable-pip-version-check
# The stamp carries the content of the lock, not its date: a second `make` installs nothing and needs no network.
STAMP := $(VENV)/.installed-$(shell cat requirements.lock requirements-data.lock pyproject.toml | cksum | tr -d ' ')

.PHONY: help setup run test lint format calibrate long oracle coverage trust mutants sweeps benchmark figures docs lock licences sbom audit ui wheel clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(STAMP) ## create .venv and install the hash-locked dependencies (once)

$(STAMP):
	@python=$$(PYTHON="$(PYTHON)" bash .ci/find-python) && echo "Setting up $(VENV) with $$python (a few minutes, once)" && \
	{ [ -x $(BIN)/python ] || "$$python" -m venv $(VENV); }
	@# One dependency comes as source only. It is built with the locked setuptools, not with what an index offers today.
	@awk '/^[a-z0-9]/ {keep = /^setuptools==/} keep' requirements.lock > $(VENV)/setuptools.lock
	@$(PIP) install --require-hashes -r $(VENV)/setuptools.lock
	@$(PIP) install --require-hashes --no-build-isolation -r requirements.lock
	@$(PIP) install --require-hashes --no-deps -r requirements-data.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/.installed-* && touch $@

run: $(STAMP) ## evaluate the flagship study; STUDY=enterprise_zones or ARGS="seed=7" to vary
	@$(BIN)/evalkit run study=$(STUDY) $(ARGS)

test: $(STAMP) ## run the test suite; ARGS="tests/unit" for a part
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not calibration" -n $(WORKERS) --dist worksteal $(ARGS)

lint: $(STAMP) ## style, types and floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## let ruff write the style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

calibrate: $(STAMP) ## measure size, coverage and bias by simulation, and write docs/calibration.md (hours; broken off, it goes on)
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --timeout 0 --calibrated=docs/calibration.md $(ARGS)

long: $(STAMP) ## the other long tests: thousands of inputs, real servers, the pages' own commands
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "calibration and not measures" -n $(WORKERS) --timeout 0 --ignore $(SWEEPS) $(ARGS)

trust: $(STAMP) ## run the tests of every promise, the long ones too, and write docs/trust.md
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "promise and not calibration" -n $(WORKERS) --dist worksteal --trust=docs/trust.md $(ARGS)
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "promise and calibration" $(LONG_TRUST) --timeout 0 --trust=docs/trust.md $(ARGS)

oracle: $(STAMP) ## compare every estimator with a second implementation and write docs/second-implementation.md (long); ARGS="synthetic_did" for one
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.oracle.second.report $(ARGS)

coverage: $(STAMP) ## branch coverage of the suite, command lines and workers included (twice as long as `make test`): htmlcov/index.html
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not calibration" -n $(WORKERS) --dist worksteal --cov --cov-report=term --cov-report=html $(ARGS)

mutants: $(STAMP) ## change the estimators, inference and rating one line at a time, see whether tests notice, and write docs/mutation.md (long, resumable)
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.mutation.run $(ARGS)

sweeps: $(STAMP) ## 100 cities x 3 estimators on joblib and Ray, processes killed on the way (long); EVALKIT_SWEEP_CITIES=20 for fewer
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m calibration -s $(SWEEPS) $(ARGS)

benchmark: $(STAMP) ## speed against other packages, in one run, as ratios; installs the packages compared with
	@$(PIP) install --no-build-isolation --editable ".[bench]"
	@for script in $$(grep -lF "__main__" benchmarks/*/*.py); do echo "== $$script"; OMP_NUM_THREADS=1 $(BIN)/python "$$script" $(ARGS); done

figures: $(STAMP) ## draw the figures of the method pages again, from real data
	@$(BIN)/python docs/methods/figures.py $(ARGS)

docs: $(STAMP) ## build the docs as a site: open site/index.html
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict $(ARGS)

lock: ## rewrite requirements.lock after an edit of the dependencies (needs uv)
	uv pip compile pyproject.toml --extra dev --extra server --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --output-file requirements.lock

licences: $(STAMP) ## rewrite docs/licences.md; fails where a licence is on no list
	@$(BIN)/python -m tests.supply.licences

sbom: $(STAMP) ## write the bill of materials: dist/evalkit.cdx.json (CycloneDX)
	@$(BIN)/python -m tests.supply.materials dist/evalkit.cdx.json

audit: $(STAMP) ## ask a public service for known weaknesses of the locked dependencies (needs a network)
	@$(BIN)/python -m pip_audit --strict --disable-pip --require-hashes --requirement requirements.lock --requirement requirements-data.lock --progress-spinner off $(ARGS)

ui: $(STAMP) ## open the evidence in MLflow's pages
	@$(BIN)/evalkit ui $(ARGS)

wheel: $(STAMP) ## build dist/*.whl
	@$(PIP) wheel --no-deps --no-build-isolation --wheel-dir dist .

clean: ## remove the environment and caches; results and mlflow.db stay
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
