# `make help` lists the targets. The environment is .venv; every command runs from it. The pipeline's
# packages are installed first (.venv/.ready), those of tests, lint and fuzzers once asked for (.venv/.dev).
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
READY := $(VENV)/.ready
DEV := $(VENV)/.dev
INSTALL := $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

# The first Python that runs and is 3.11, 3.12 or 3.13; name another with `make PYTHON=... repro`.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	2>/dev/null && echo $$p && break; done)
NO_PYTHON := error: no Python 3.11, 3.12 or 3.13 found; name one with make PYTHON=/path/to/python3.12

DATA ?= data/sample
REV ?= main
SWEEP ?= train.model=logistic,tree,boosting
export SWEEP # a value may hold what the shell would take for its own

.PHONY: help repro test lint lock-check docs-check compare sweep bench bench-model bench-score bench-explain bench-segment study-compare study-discover study-intervals study-portraits study-campaign study-effects study-ledger study-learning study-month-rows study-drift study-months study-year study-forecast study-ripening study-calibration study-permuted study-reasons study-lasting study-parts fuzz fuzz-shops format cluster remotes lock clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | sort | column -t -s "$$(printf '\t')"

$(READY): requirements.txt
	@test -n "$(PYTHON)" || { echo "$(NO_PYTHON)"; exit 1; }
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the locked packages into $(VENV) (about two minutes the first time)"
	@$(INSTALL) -r requirements.txt
	@touch $@

$(DEV): $(READY) requirements-dev.txt
	@echo "Adding the locked packages of tests, lint and fuzzers to $(VENV)"
	@$(INSTALL) -r requirements-dev.txt
	@touch $@

repro: $(READY) ## Make the environment and run the whole pipeline (dvc repro)
	dvc repro

test: $(DEV) ## Make the environment and pass all tests
	python -m pytest -n auto --dist loadfile

lint: $(DEV) ## Check style and formatting
	ruff check .
	ruff format --check .

lock-check: $(READY) ## Check that dvc.lock fits code, params and data description
	@dvc repro --dry --allow-missing > .lock-check.log 2>&1 || { cat .lock-check.log; rm .lock-check.log; exit 1; }
	@if grep "^Running stage" .lock-check.log; then rm .lock-check.log; \
		echo "error: dvc.lock is behind the code; run dvc repro and commit dvc.lock, metrics and plots"; exit 1; fi
	@rm .lock-check.log; echo "dvc.lock fits"

docs-check: $(READY) ## Check that README.md quotes the figures of the last run (of the simulated shop)
	@python .ci/docs_check.py

compare: $(READY) ## Compare this version's predictions with those of REV (default main)
	@python stages/compare.py --rev "$(REV)" $(if $(AGAINST),--against "$(AGAINST)")

sweep: $(READY) ## Try each value of SWEEP (default three models) and print the experiments beside each other
	@python .ci/sweep.py

bench: $(DEV) ## Measure every stage of 1,000 to 1,000,000 customers, beside DuckDB and BENCH="--before REV" (an hour)
	python benchmarks/stages.py --write $(BENCH)

bench-model: $(READY) ## Nested cross-validation of every family on DATA (default the simulated shop; minutes)
	python benchmarks/model.py $(DATA)

study-compare: $(READY) ## Count how often compare is right: other seeds, and two features less (an hour)
	python benchmarks/compare.py $(DATA)

bench-score: $(READY) ## Measure scoring 1,300 to 1,000,000 customers by each family, beside the steps counted (minutes)
	python benchmarks/score.py

bench-explain: $(READY) ## Measure reasons for 1,300 to 1,000,000 customers (minutes)
	python benchmarks/explain.py

bench-segment: $(READY) ## Measure segments, offers and files for 1,000 to 1,000,000 customers (minutes)
	python benchmarks/segment.py

study-discover: $(READY) ## Discover rules on 500 permuted labels of DATA: how often does one pass? (a minute)
	python benchmarks/discovering.py $(DATA)

study-portraits: $(READY) ## Count portraits that show a difference where segments follow risk alone, and where one is planted (half an hour)
	python benchmarks/portraits.py

study-calibration: $(READY) ## Ask the verdict on probabilities whose truth is known: how often is it false? (an hour)
	python benchmarks/calibration.py

study-intervals: $(READY) ## Draw customers whose true scores are known: do the intervals cover? (15 minutes)
	python benchmarks/intervals.py

study-campaign: $(READY) ## Measure simulated campaigns whose effects are known (minutes)
	python benchmarks/campaign.py

study-permuted: $(READY) ## Lead 20 shops in which behaviour tells nothing through every stage: what is claimed? (10 minutes)
	python benchmarks/permuted.py

study-drift: $(READY) ## Count how often drift is told where there is none and where there is some (a quarter of an hour)
	python benchmarks/drift.py

study-ripening: $(READY) ## Count how often the rule of outcomes is wrong on made-up months whose truth is known (minutes)
	python benchmarks/ripening.py

study-forecast: $(READY) ## Count how often what came lies in what was foretold, and a shop that changed is called (minutes)
	python benchmarks/forecast.py

study-month-rows: $(READY) ## Do a campaign's controls tell what happens if nothing is done? Does a customer of many months count once? (10 minutes)
	python benchmarks/month_rows.py

study-months: $(READY) ## Live 200 years of a simulated shop: do forecasts come true, how often is there a false alarm? (half an hour)
	python benchmarks/months.py

study-year: $(READY) ## Live one year of a simulated shop by the project's own commands, forecast beside fact (a quarter of an hour)
	python benchmarks/year.py

study-reasons: $(READY) ## Are reasons beyond noise on permuted labels of DATA, do intervals of importance hold? (half an hour)
	python benchmarks/reasons.py $(DATA)

study-parts: $(DEV) ## Lead 20 random shops through every stage in parts, by both engines and forms: is all equal? (10 minutes)
	python benchmarks/parts.py

study-lasting: $(READY) ## Count reasons and rules in shops of months whose outcomes last with a customer (a quarter of an hour)
	python benchmarks/lasting.py

study-effects: $(READY) ## Count how often the effects for the next campaign cover the true ones (minutes)
	python benchmarks/effects.py

study-ledger: $(READY) ## Live 1,000 years of six campaigns of 500: what do they tell together? (a quarter of an hour)
	python benchmarks/ledger.py

study-learning: $(READY) ## Count how often the learning curve is right about more customers (minutes)
	python benchmarks/learning.py

fuzz: $(DEV) ## Feed prepare 500 random corruptions of the four files
	python fuzz/fuzz_prepare.py --runs 500

fuzz-shops: $(DEV) ## Lead 200 random small shops through every stage (half an hour)
	python fuzz/fuzz_shops.py --runs 200

format: $(DEV) ## Mend style and formatting
	ruff check --fix .
	ruff format .

cluster: $(READY) ## Install what parts on Dask need (docs/scale.md)
	$(INSTALL) -r requirements-cluster.txt

remotes: $(READY) ## Install what dvc push needs for remotes at s3://, gs:// and ssh://
	$(INSTALL) -r requirements-remotes.txt

# The lock tool has an environment of its own: what it brings is no part of .venv.
build/lock/bin/uv:
	@test -n "$(PYTHON)" || { echo "$(NO_PYTHON)"; exit 1; }
	@$(PYTHON) -m venv build/lock
	@build/lock/bin/python -m pip install --quiet --disable-pip-version-check uv

COMPILE = build/lock/bin/uv pip compile --quiet --universal --fork-strategy fewest --generate-hashes \
	--no-emit-index-url --python-version 3.11 --custom-compile-command "make lock" \
	$(if $(filter all,$(UPGRADE)),--upgrade,$(UPGRADE:%=--upgrade-package %))

lock: build/lock/bin/uv ## Make the locks anew from the .in files; UPGRADE=pandas or UPGRADE=all takes newer versions
	$(COMPILE) requirements.in -o requirements.txt
	$(COMPILE) --constraint requirements.txt requirements-dev.in -o requirements-dev.txt
	$(COMPILE) --no-annotate --constraint requirements-dev.txt requirements-cluster.in -o requirements-cluster.txt
	@sed '/^python-dateutil==/s/==.*/<3/; /--hash/d; s/ \\$$//' requirements.txt > build/kept.txt
	$(COMPILE) --no-annotate --constraint build/kept.txt requirements-remotes.in -o requirements-remotes.txt

clean: ## Remove the environment and what tests leave behind
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis build
