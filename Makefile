# Two commands are enough: `make run` and `make test`. Everything they need is built into .venv from the locks.
PYTHON ?= python3
CHILDREN ?= 5000
SEED ?= 7
CITY ?= demo-city
WORKERS ?= 2
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help run test test-all lint format bench bench-agreements bench-consent bench-disclosure bench-linkage bench-scale compare dev evaluate clean lock

help:  ## list these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# One installer for both locks: uv (pinned with hashes, like everything else) does in ten seconds what takes pip two
# minutes; where only pip is configured to reach a package mirror, pip does the same from the same lock.
define install
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-installer.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes $(2) -r $(1) 2>/dev/null \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes $(2) -r $(1)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
endef

.venv/.run: requirements.lock requirements-installer.lock pyproject.toml
	@echo "Building .venv from requirements.lock ..."
	$(call install,requirements.lock)

.venv/.dev: requirements-dev.lock .venv/.run
	@echo "Adding the tools of requirements-dev.lock ..."
	$(call install,requirements-dev.lock)

# PySpark comes as source, 456 MB: it is built with the setuptools of requirements-dev.lock, not with one fetched unseen.
.venv/.spark: requirements-spark.lock .venv/.dev
	@echo "Adding PySpark of requirements-spark.lock ..."
	$(call install,requirements-spark.lock,--no-build-isolation)

run: .venv/.run  ## make the demo city, run its first night, say what happened and what to do next
	@$(BIN)/cradlepath demo --children $(CHILDREN) --seed $(SEED) --nights 3 --out $(CITY) --replace
	@$(BIN)/cradlepath nightly --workspace $(CITY)

# pyCANON, the outside check of row-level files, pins older libraries than the product's: it gets a place of its own.
.venv/.canon: requirements-canon.lock .venv/.dev
	@echo "Building .venv/canon from requirements-canon.lock ..."
	@test -x .venv/canon/bin/python || $(PYTHON) -m venv .venv/canon
	@$(BIN)/uv pip install --quiet --python .venv/canon/bin/python --require-hashes -r requirements-canon.lock 2>/dev/null \
	  || .venv/canon/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-canon.lock
	@touch $@

test: .venv/.dev  ## every test that is not marked slow, in under ten minutes
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not slow"

test-all: .venv/.spark .venv/.canon  ## every test, those on Spark (they need Java 17) and with pyCANON too
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --durations=25

lint: .venv/.dev  ## ruff, mypy --strict and the rooms' import contract
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: .venv/.dev  ## let ruff rewrite what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: .venv/.dev  ## time and memory of each step; writes docs/benchmarks.md
	@$(BIN)/python -m benchmarks

bench-agreements: .venv/.dev  ## 50 agreements of 2,000 fields: lint and compile, cold and again; writes docs/benchmarks.md
	@$(BIN)/python -m benchmarks.agreements

bench-consent: .venv/.dev  ## the nightly gate over a million children, SQLite and PostgreSQL; writes docs/benchmarks.md
	@$(BIN)/python -m benchmarks.consent_gate

bench-disclosure: .venv/.dev  ## suppression beside tau-Argus, a city of 100,000 children, attacks on 200 cities; writes docs/benchmarks.md
	@$(BIN)/python -m benchmarks.disclosure
	@$(BIN)/python -m benchmarks.disclosure_city
	@$(BIN)/python -m benchmarks.release_attacks

bench-linkage: .venv/.dev  ## ours against plaintext Splink, Bloom filters, per-field HMAC; writes docs/benchmarks.md
	@$(BIN)/python -m benchmarks.linkage_peers

bench-scale: .venv/.dev  ## a million children at once, then nights that change 1 %; writes docs/benchmarks.md
	@$(BIN)/python -m benchmarks.linkage_scale

compare: .venv/.dev  ## tokens against plaintext Splink on the same records of a fresh city (SEED=7)
	@$(BIN)/cradlepath demo --children $(CHILDREN) --seed $(SEED) --nights 1 --out build/compare --replace >/dev/null
	@$(BIN)/python -m benchmarks.linkage_plaintext build/compare

dev: .venv/.run  ## open Dagster on the demo city (127.0.0.1:3000); it runs until you stop it
	@CRADLEPATH_WORKSPACE=$(CITY) $(BIN)/cradlepath dagster

evaluate: .venv/.run  ## precision and recall of the demo city's links against its truth
	@$(BIN)/cradlepath evaluate --workspace $(CITY) --truth $(CITY)/truth.csv

lock: .venv/.run  ## resolve the locks anew from pyproject.toml
	@printf 'hatchling\neditables\npip\n' | $(COMPILE) --extra hub pyproject.toml - -o requirements.lock
	@printf 'hatchling\neditables\npip\nsetuptools\n' | $(COMPILE) --extra dev -c requirements.lock pyproject.toml - -o requirements-dev.lock
	@echo 'pyspark>=4.1,<5' | $(COMPILE) -c requirements-dev.lock - -o requirements-spark.lock
	@printf 'setuptools\nwheel\n' | $(COMPILE) --extra agency -c requirements.lock pyproject.toml - -o requirements-agency.lock
	@echo 'pycanon>=1.3,<2' | $(COMPILE) - -o requirements-canon.lock
	@printf 'uv\n' | $(COMPILE) - -o requirements-installer.lock

COMPILE = $(BIN)/uv pip compile $(LOCKFLAGS)
LOCKFLAGS := --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
  --no-emit-index-url --no-emit-find-links --no-strip-extras

clean:  ## remove what the other targets made
	@rm -rf .venv $(CITY) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
