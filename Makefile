# Every target sets up what it needs on a machine with Python 3.11–3.13 and make, and is quick
# when nothing changed. What is installed, and where, .ci/install says.

VENV := .venv/.ready
PY := .venv/bin/python
DBT := ../.venv/bin/dbt
LINTED_SQL = $(wildcard dbt_project/models dbt_project/analyses dbt_project/tests/singular)
# a file's tests share homes, so each file is one process's; a whole line wants a gigabyte
SIDE_BY_SIDE = --numprocesses auto --maxprocesses 4 --dist loadfile
LOCK = .tools/installer/bin/uv pip compile --quiet --upgrade --universal --generate-hashes \
    --no-strip-extras --no-header --no-annotate --python-version 3.11

MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.NOTPARALLEL:
.DEFAULT_GOAL := help

# Compiled once, everything starts seconds sooner.
unexport PYTHONDONTWRITEBYTECODE

# An environment does not survive being moved or copied along with the folder: renew it there.
_ := $(shell for ready in .venv/.ready .tools/*/.ready; do \
    [ ! -f "$$ready" ] || [ "$$(cat "$$ready")" = "$$(pwd -P)" ] || rm -f "$$ready"; done)

.PHONY: help demo run retrain reports status rollback allow quote metrics forget rebuild ui docs test test-slow test-endurance bench \
    lint ruff mypy import-linter sqlfmt sqlfluff dbt-bouncer format lock clean

help: ## this list
	@awk -F ' *## ' '/^[a-z-]+:.*##/ { sub(/:.*/, "", $$1); printf "  make %-10s %s\n", $$1, $$2 }' Makefile

demo: $(VENV) ## writes the demo company's extracts and runs the whole line on them
	@$(PY) -m orchestration demo

run: $(VENV) ## runs the line on whatever lies in the landing folder
	@$(PY) -m orchestration run

retrain: $(VENV) ## the same, with every score trained anew
	@$(PY) -m orchestration retrain

reports: $(VENV) ## builds the reports of what is published, and sends none: reports/index.html
	@$(PY) -m orchestration reports

status: $(VENV) ## what is published, how old it is, what waits, what the last run said
	@$(PY) -m orchestration status

rollback: $(VENV) ## puts the publish before the present one back
	@$(PY) -m orchestration rollback

# The values travel through the environment, untouched by make and the shell.
allow: export ALLOW_FILE := $(value FILE)
allow: export ALLOW_DRIFT := $(value DRIFT)
allow: export ALLOW_REASON := $(value REASON)
allow: $(VENV) ## lets one refused file or drifted mart through: FILE=… or DRIFT=…, and REASON=…
	@$(PY) -m orchestration allow $${ALLOW_FILE:+--file="$$ALLOW_FILE"} \
	    $${ALLOW_DRIFT:+--drift="$$ALLOW_DRIFT"} --reason="$$ALLOW_REASON"

quote: export QUOTE_PRODUCT := $(value PRODUCT)
quote: export QUOTE_QUANTITY := $(value QUANTITY)
quote: export QUOTE_DAY := $(value DAY)
quote: $(VENV) ## the dates kept 50, 80, 95 times in 100: PRODUCT=… QUANTITY=…, DAY=…
	@$(PY) -m orchestration quote --product="$$QUOTE_PRODUCT" --quantity="$$QUOTE_QUANTITY" \
	    --day="$$QUOTE_DAY"

metrics: export ASKED_METRIC := $(value METRIC)
metrics: export ASKED_BY := $(value BY)
metrics: export ASKED_WHERE := $(value WHERE)
metrics: export ASKED_SINCE := $(value SINCE)
metrics: export ASKED_UNTIL := $(value UNTIL)
metrics: $(VENV) ## metrics of what is published: METRIC=… BY=…, WHERE=<group>=…, SINCE=…, UNTIL=…
	@$(PY) -m orchestration metrics --metric="$$ASKED_METRIC" --by="$$ASKED_BY" \
	    $${ASKED_WHERE:+--where="$$ASKED_WHERE"} $${ASKED_SINCE:+--since="$$ASKED_SINCE"} \
	    $${ASKED_UNTIL:+--until="$$ASKED_UNTIL"}

forget: export FORGET_PERSON := $(value PERSON)
forget: export FORGET_SYSTEM := $(value SYSTEM)
forget: export FORGET_MODE := $(value MODE)
forget: export FORGET_REASON := $(value REASON)
forget: $(VENV) ## pseudonymises or erases a person: PERSON=… REASON=…, MODE=erase, SYSTEM=…
	@$(PY) -m orchestration forget --person="$$FORGET_PERSON" --system="$$FORGET_SYSTEM" \
	    --mode="$${FORGET_MODE:-pseudonymise}" --reason="$$FORGET_REASON"

rebuild: $(VENV) ## builds the warehouse anew from landing and state
	@$(PY) -m orchestration rebuild

ui: $(VENV) ## Dagster's web UI and daemon on 127.0.0.1
	@$(PY) -m orchestration ui

docs: $(VENV) ## docs/site: the catalogue with lineage (index.html), the dictionary of the marts
	@cd dbt_project && FUNNELWORKS_WAREHOUSE=:memory: $(DBT) docs generate \
	    --static --empty-catalog --target-path target/docs
	@mkdir -p docs/site && cp dbt_project/target/docs/static_index.html docs/site/index.html
	@$(PY) -m assets.dictionary docs/site/dictionary.html
	@echo "Written: docs/site/index.html"

test: $(VENV) ## the test suite
	@$(PY) -m pytest $(SIDE_BY_SIDE) -m "not slow and not endurance"

test-slow: $(VENV) ## the long proofs
	@$(PY) -m pytest $(SIDE_BY_SIDE) -m "slow and not endurance" || { [ $$? -eq 5 ] && echo "No slow test exists: nothing was proven."; }

test-endurance: $(VENV) ## many whole runs: killed, crowded out, starved of disk, shuffled
	@$(PY) -m pytest -m endurance

bench: export SCALE := $(value SCALE)
bench: export ONLY := $(value ONLY)
bench: export REPORT := $(value REPORT)
bench: $(VENV) ## times the line at SCALE=… of 2 million opportunities, beside what it could cost
	@$(PY) -m tests.bench --scale="$${SCALE:-0.05}" $${ONLY:+--only $$ONLY} \
	    $${REPORT:+--report="$$REPORT"}

lint: ## every linter, to the end, whatever the first one says
	@$(MAKE) --no-print-directory --keep-going ruff mypy import-linter sqlfmt sqlfluff dbt-bouncer

ruff: .tools/lint-python/.ready
	@echo "── ruff"; $(<D)/bin/ruff check --quiet . && $(<D)/bin/ruff format --quiet --check .

mypy: .tools/lint-python/.ready $(VENV)
	@echo "── mypy"; $(<D)/bin/mypy --python-executable $(PY)

import-linter: .tools/lint-python/.ready
	@echo "── import-linter"; $(<D)/bin/lint-imports --no-logo

sqlfmt: .tools/lint-sql/.ready
	@echo "── sqlfmt"; $(<D)/bin/sqlfmt --check --no-progressbar dbt_project

sqlfluff: .tools/lint-sql/.ready
	@echo "── sqlfluff"; $(<D)/bin/sqlfluff lint --processes 0 --disable-progress-bar $(LINTED_SQL)

dbt-bouncer: .tools/dbt-bouncer/.ready $(VENV)
	@echo "── dbt-bouncer"; cd dbt_project && \
	    FUNNELWORKS_WAREHOUSE=:memory: $(DBT) --quiet --warn-error-options '{"error": ["Deprecations"]}' \
	        parse --target-path target/lint && \
	    COLUMNS=200 ../$(<D)/bin/dbt-bouncer run --output-only-failures

format: .tools/lint-python/.ready .tools/lint-sql/.ready ## lays Python and SQL out as lint wants them
	@.tools/lint-python/bin/ruff check --quiet --fix . ; .tools/lint-python/bin/ruff format .
	@.tools/lint-sql/bin/sqlfmt dbt_project

lock: .tools/lint-python/.ready ## resolves all dependencies anew, as far as pyproject.toml allows
	$(LOCK) --extra test pyproject.toml -o requirements.lock
	for group in installer lint-python lint-sql dbt-bouncer superset; do \
	    $(LOCK) --group $$group -o .ci/$$group.lock || exit 1; done

clean: ## removes what can be made again (environments, caches), never data/
	rm -rf .venv .tools build *.egg-info docs/site dbt_project/target dbt_project/logs \
	    .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(VENV): requirements.lock pyproject.toml .ci/install .ci/installer.lock
	@echo "Setting up the Python environment in .venv (about 30 s the first time) …"
	@.ci/install .venv requirements.lock --project
	@echo "Ready."

# what Superset is pinned to has no wheels for Python 3.13
.tools/superset/.ready: export PYTHON := python3.12 python3.11 python3 python

.tools/%/.ready: .ci/%.lock .ci/install
	@echo "Setting up $(@D) (once) …"
	@.ci/install $(@D) $<
