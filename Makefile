# `make help` lists the targets. The environment is .venv; every command runs from it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
READY := $(VENV)/.ready
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

# The first Python that runs and is 3.11, 3.12 or 3.13; name another with `make PYTHON=... repro`.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	2>/dev/null && echo $$p && break; done)

DATA ?= data/sample
REV ?= main

.PHONY: help repro test lint lock-check compare bench bench-model bench-explain bench-segment study-compare study-discover study-campaign fuzz fuzz-shops format remotes lock clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | sort | column -t -s "$$(printf '\t')"

$(READY): requirements.txt
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11, 3.12 or 3.13 found; name one with make PYTHON=/path/to/python3.12"; exit 1; }
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the locked packages into $(VENV) (about two minutes the first time)"
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

repro: $(READY) ## Make the environment and run the whole pipeline (dvc repro)
	dvc repro

test: $(READY) ## Make the environment and pass all tests
	python -m pytest

lint: $(READY) ## Check style and formatting
	ruff check .
	ruff format --check .

lock-check: $(READY) ## Check that dvc.lock fits code, params and data description
	@dvc repro --dry --allow-missing > .lock-check.log 2>&1 || { cat .lock-check.log; rm .lock-check.log; exit 1; }
	@if grep "^Running stage" .lock-check.log; then rm .lock-check.log; \
		echo "error: dvc.lock is behind the code; run dvc repro and commit dvc.lock, metrics and plots"; exit 1; fi
	@rm .lock-check.log; echo "dvc.lock fits"

compare: $(READY) ## Compare this version's predictions with those of REV (default main)
	@python stages/compare.py --rev "$(REV)" $(if $(AGAINST),--against "$(AGAINST)")

bench: $(READY) ## Measure prepare and featurize beside DuckDB (minutes)
	python -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	python benchmarks/data.py

bench-model: $(READY) ## Nested cross-validation of every family on DATA (default the simulated shop; minutes)
	python benchmarks/model.py $(DATA)

study-compare: $(READY) ## Count how often compare is right: other seeds, and two features less (an hour)
	python benchmarks/compare.py $(DATA)

bench-explain: $(READY) ## Measure reasons for 1,300 to 1,000,000 customers (minutes)
	python benchmarks/explain.py

bench-segment: $(READY) ## Measure segments, offers and files for 1,000 to 1,000,000 customers (minutes)
	python benchmarks/segment.py

study-discover: $(READY) ## Discover rules on 500 permuted labels of DATA: how often does one pass? (a minute)
	python benchmarks/discovering.py $(DATA)

study-campaign: $(READY) ## Measure simulated campaigns whose effects are known (minutes)
	python benchmarks/campaign.py

fuzz: $(READY) ## Feed prepare 500 random corruptions of the four files
	python fuzz/fuzz_prepare.py --runs 500

fuzz-shops: $(READY) ## Lead 200 random small shops through every stage (half an hour)
	python fuzz/fuzz_shops.py --runs 200

format: $(READY) ## Mend style and formatting
	ruff check --fix .
	ruff format .

remotes: $(READY) ## Install what dvc push needs for remotes at s3://, gs:// and ssh://
	python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-remotes.txt

lock: $(READY) ## Make requirements.txt and requirements-remotes.txt anew from their .in files
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check uv
	uv pip compile --universal --fork-strategy fewest --generate-hashes --upgrade --no-emit-index-url \
		--python-version 3.11 --custom-compile-command "make lock" requirements.in -o requirements.txt
	mkdir -p build && sed '/^python-dateutil==/s/==.*/<3/; /--hash/d; s/ \\$$//' requirements.txt > build/kept.txt
	uv pip compile --universal --fork-strategy fewest --generate-hashes --no-annotate --no-emit-index-url \
		--python-version 3.11 --custom-compile-command "make lock" --constraint build/kept.txt \
		requirements-remotes.in -o requirements-remotes.txt

clean: ## Remove the environment and what tests leave behind
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis build
