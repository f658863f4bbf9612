# Two commands do it all: `make demo` shows the main job on machines of a lab, `make test` tests it.
.DEFAULT_GOAL := help
.PHONY: help setup demo demo-down test test-pythons lint types docs soak bench requirements

PYTHON ?= python3
# Where it is set, each of the many short runs would compile all modules anew.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
READY := .venv/ready

help:
	@echo 'make demo       the main job on a lab of real machines (root on a Debian-like Linux)'
	@echo 'make setup      .venv alone, which `pyinfra inventory/team.py deploy.py` needs'
	@echo 'make demo-down  takes the lab down; nothing stays running or mounted'
	@echo 'make test       every test that this machine can run, but what `make lint` runs'
	@echo 'make test-pythons  those of what is Python, under each other one from 3.11 to 3.13'
	@echo 'make lint       ruff and shellcheck'
	@echo 'make types      mypy, strict'
	@echo 'make docs       docs/credentials.md, made from the catalogue'
	@echo 'make soak       what takes hours: kills and cuts, generated files of nix.conf and with credentials'
	@echo 'make bench      beside ssh and Ansible, on 20 lab machines'

# The pip that Python brings only installs the one that installs the rest of .venv.
INSTALL := install --quiet --disable-pip-version-check --require-hashes

$(READY): requirements-dev.txt requirements-pip.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'nixtrust needs Python 3.11 or later; name one: make PYTHON=python3.13 …'; exit 1; }
	@$(PYTHON) -m venv .venv || { echo 'no venv: apt-get install python3-venv'; exit 1; }
	@$(BIN)/python -m pip $(INSTALL) --no-compile -r requirements-pip.txt
	$(BIN)/python -m pip $(INSTALL) -r $<
	@touch $@

setup: $(READY)
	@echo 'set up; go on: . .venv/bin/activate'

demo: $(READY)
	@$(BIN)/python -m lab.tour

demo-down: $(READY)
	@$(BIN)/python -m lab down

# Five processes for two processors, since tests with machines often wait.
WORKERS ?= $(shell echo $$((5 * $$(getconf _NPROCESSORS_ONLN) / 2)))

# What shellcheck says is `make lint`'s.
test: $(READY)
	@$(BIN)/python -m pytest -n $(WORKERS) -m 'not lint'

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/shellcheck .ci/run .ci/other-pythons
	$(BIN)/python -m pytest -q -m lint tests/shell/test_shellcheck.py tests/shell/test_remove_steps.py

types: $(READY)
	$(BIN)/mypy

docs: $(READY)
	$(BIN)/python -m nixtrust.credentials_page >docs/credentials.md

# Some hours on two cores. What fails does not keep the rest from running; SEED=… gives the files of
# an earlier run, NIXTRUST_KILL_SEED=… its moments.
SEED ?= $(shell date +%s)
soak: SEED := $(SEED)
soak: $(READY)
	@echo 'soak: SEED=$(SEED)'; failed=0; \
	run() { env "$$@" || failed=1; }; \
	run NIXTRUST_KILLS=300 $(BIN)/python -m pytest -n $(WORKERS) \
		tests/lab/test_kills.py tests/lab/test_cuts.py tests/lab/test_credential_kills.py; \
	run NIXTRUST_TURNS=20 $(BIN)/python -m pytest -n $(WORKERS) \
		tests/lab/test_hostile_member.py tests/lab/test_writers.py; \
	run NIXTRUST_WAYS=all $(BIN)/python -m pytest -n $(WORKERS) \
		tests/lab/test_portability.py tests/lab/test_credential_portability.py tests/lab/test_owners.py; \
	run NIXTRUST_CONF_CASES=100000 NIXTRUST_CONF_SEED=$(SEED) \
		$(BIN)/python -m pytest -q tests/lab/test_conf_differential.py; \
	run NIXTRUST_CREDENTIAL_CASES=5000 NIXTRUST_CREDENTIAL_SEED=$(SEED) \
		$(BIN)/python -m pytest -q tests/lab/test_credential_fuzz.py; \
	exit $$failed

BENCH := build/bench-venv
$(BENCH)/ready: requirements-bench.txt
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip $(INSTALL) -r $<
	@touch $@

# BEFORE=COMMIT: what that commit's probe costs the machines beside this one's.
bench: $(READY) $(BENCH)/ready
	@$(BIN)/python -m bench --ansible $(BENCH)/bin/ansible-playbook $(if $(BEFORE),--before $(BEFORE))

# The tests of what is Python, under each one that `make test` does not use. What is read of the
# libraries is compiled then; the rest is not.
.PRECIOUS: build/python3.%/ready
build/python3.%/ready: requirements-test.txt $(READY)
	@python3.$* -m venv --without-pip build/python3.$*
	$(BIN)/python -m pip --python build/python3.$* $(INSTALL) --no-compile -r $<
	@touch $@

# Without the tests of .ci/run and of tests/conftest.py: those are the same under each.
test-python3.%: build/python3.%/ready
	build/python3.$*/bin/python -m pytest -q --hypothesis-profile=few -m 'not pyinfra or each_python' \
		--ignore tests/unit/test_ci.py --ignore tests/unit/test_test_runs.py tests/unit tests/pyinfra

test-pythons: $(READY)
	@others=$$(.ci/other-pythons) && for python in $$others; do \
		$(MAKE) --no-print-directory test-$$python || exit 1; \
	done

# The pinned versions, anew. No registry's host is written into them.
COMPILE := uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-header --no-emit-index-url
requirements:
	$(COMPILE) pyproject.toml -o requirements.txt
	$(COMPILE) pyproject.toml --group dev -o requirements-dev.txt
	$(COMPILE) pyproject.toml --group test -o requirements-test.txt
	$(COMPILE) --group bench -o requirements-bench.txt
	$(COMPILE) --group pip -o requirements-pip.txt
