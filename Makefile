# `make help` lists the targets. `make demo` and `make test` need git, make and a Python from 3.11
# on (DINERO_PYTHON may name one); they make .venv themselves and install again only when setup.cfg
# or pyproject.toml changes.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV ?= .venv
PY := $(VENV)/bin/python
# What runs the suite; CI puts `-m coverage run -m pytest` here.
PYTEST ?= $(PY) -m pytest
# A worker on each core, with a database of its own. PYTEST_XDIST_AUTO_NUM_WORKERS=8 is another
# number, and PARALLEL= one process, which a debugger needs.
PARALLEL ?= -n auto --dist worksteal
ARGS ?=
# Of the fault run: how many verbs, and the seed of a run that is to be repeated.
N ?= 200
SEED ?=
# What the package speaks beside English.
LANGUAGES = de es fr

export PIP_DISABLE_PIP_VERSION_CHECK = 1
# Or every worker of the tests, and each of their child processes, compiles everything anew.
unexport PYTHONDONTWRITEBYTECODE

$(PY):
	@found=$${DINERO_PYTHON:-$$(.ci/find-python)} || \
	{ echo "make: Python 3.11 or newer is needed" >&2; exit 1; }; \
	echo "creating $(VENV) with $$found"; \
	"$$found" -m venv $(VENV) || { rm -rf $(VENV); \
	echo "make: this Python has no venv module with pip (Debian: apt-get install python3-venv)" >&2; \
	exit 1; }

# One stamp per set of requirements: `make demo` does not wait for mypy and Sphinx.
$(VENV)/.installed-core: setup.cfg pyproject.toml | $(PY)
	$(PY) -m pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-%: setup.cfg pyproject.toml | $(PY)
	$(PY) -m pip install --quiet --editable '.[$*]'
	@touch $@ $(VENV)/.installed-core

.PHONY: help demo serve test test-fast coverage bench faults faults-all guards lint format types layers migrations messages docs mutants clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.installed-core ## the whole main job against the local test bank, then the books
	$(PY) manage.py dinero_demo $(ARGS)

serve: $(VENV)/.installed-example ## test bank and example project, with addresses and a sign-in
	$(PY) manage.py dinero_serve $(ARGS)

test: $(VENV)/.installed-test ## the test-suite on SQLite (ARGS="-k vault" for a part)
	$(PYTEST) $(PARALLEL) $(ARGS)

test-fast: $(VENV)/.installed-test ## the unit tests and the contract suite, without what is slow
	$(PYTEST) $(PARALLEL) -m "not slow" tests/unit tests/contract $(ARGS)

coverage: $(VENV)/.installed-test ## the test-suite with branch coverage and its threshold
	$(PY) -m coverage erase
	$(PY) -m coverage run -m pytest $(PARALLEL) $(ARGS)
	$(PY) -m coverage combine --quiet
	$(PY) -m coverage report

bench: $(VENV)/.installed-dev ## ratios to bare requests, hand-written ORM, bulk_create (PEERS=1, ARGS=--quick)
	$(PY) -m benchmarks $(ARGS)

faults: $(VENV)/.installed-test ## workers killed, replies lost: then the books of both sides (N=10000 SEED=7)
	$(PY) -m tests.faults --operations $(N) $(if $(SEED),--seed $(SEED)) $(ARGS)

faults-all: $(VENV)/.installed-test ## every verb broken off at every point (ARGS=--pairs)
	$(PY) -m tests.breaking $(ARGS)

guards: $(VENV)/.installed-test ## take each guard away in turn: a test must notice
	$(PY) -m tests.guards $(ARGS)

lint: $(VENV)/.installed-dev ## ruff's checks and its format
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

format: $(VENV)/.installed-dev ## let ruff mend what it can
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

types: $(VENV)/.installed-dev ## mypy, strict
	$(PY) -m mypy

layers: $(VENV)/.installed-test ## import-linter: each room imports only from the rows below it
	$(VENV)/bin/lint-imports

migrations: $(VENV)/.installed-test ## no model change without its migration
	$(PY) -m django makemigrations --check --dry-run --settings tests.settings

# What is translated stays; new texts are added empty, and the tests name them. The date of the extraction
# would change the files each time.
messages: $(VENV)/.installed-core ## collect the texts for translators, compile the catalogues (needs GNU gettext)
	@command -v xgettext >/dev/null && command -v msgfmt >/dev/null || \
	{ echo "make: GNU gettext is needed (Debian: apt-get install gettext)" >&2; exit 1; }
	cd django_dinero && env -u DJANGO_SETTINGS_MODULE $(abspath $(PY)) -m django makemessages $(addprefix -l ,$(LANGUAGES)) \
	--no-obsolete --add-location=file
	sed -i.bak '/^"POT-Creation-Date:/d' django_dinero/locale/*/LC_MESSAGES/django.po
	rm -f django_dinero/locale/*/LC_MESSAGES/django.po.bak
	cd django_dinero && env -u DJANGO_SETTINGS_MODULE $(abspath $(PY)) -m django compilemessages

docs: $(VENV)/.installed-dev ## the HTML documentation in site/
	$(PY) -m sphinx --builder html --fail-on-warning --keep-going --quiet docs site

mutants: $(VENV)/.installed-dev ## mutmut on what money hangs on: hours (ARGS="'*rules*'" for a part)
	# One at a time: mutants of the same process share the test database.
	nice $(VENV)/bin/mutmut run --max-children 1 $(ARGS)
	$(VENV)/bin/mutmut results --all true | $(PY) .ci/mutation_score.py

clean: ## everything that the targets made, .venv too
	rm -rf $(VENV) .venv-* .tox build dist site mutants var htmlcov .coverage .coverage.* *.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
