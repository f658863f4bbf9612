# Two commands do it all: `make demo` shows the main job on machines of a lab, `make test` tests it.
.DEFAULT_GOAL := help
.PHONY: help setup demo demo-down test test-pythons lint types docs fuzz bench requirements

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready

help:
	@echo 'make demo       the main job on a lab of real machines (root on a Debian-like Linux)'
	@echo 'make setup      .venv alone, which `pyinfra inventory/team.py deploy.py` needs'
	@echo 'make demo-down  takes the lab down; nothing stays running or mounted'
	@echo 'make test       every test that this machine can run'
	@echo 'make test-pythons  those of what is Python, under each other one from 3.11 to 3.13'
	@echo 'make lint       ruff and shellcheck'
	@echo 'make types      mypy, strict'
	@echo 'make docs       docs/credentials.md, made from the catalogue'
	@echo 'make fuzz       100,000 files of nix.conf against each real Nix; 35,000 with credentials'
	@echo 'make bench      beside ssh and Ansible, on 20 lab machines'

$(READY): requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'nixtrust needs Python 3.11 or later; name one: make PYTHON=python3.13 …'; exit 1; }
	@$(PYTHON) -m venv .venv || { echo 'no venv: apt-get install python3-venv'; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

setup: $(READY)
	@echo 'set up; go on: . .venv/bin/activate'

demo: $(READY)
	@$(BIN)/python -m lab.tour

demo-down: $(READY)
	@$(BIN)/python -m lab down

# In some more processes than there are processors, since tests with machines often wait.
WORKERS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))

test: $(READY)
	@$(BIN)/python -m pytest -n $(WORKERS)

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/shellcheck .ci/run .ci/test-pythons lab/image.sh
	$(BIN)/python -m pytest -q tests/shell/test_shellcheck.py

types: $(READY)
	$(BIN)/mypy

docs: $(READY)
	$(BIN)/python -m nixtrust.credentials_page >docs/credentials.md

# Some hours on two cores; SEED=… for others than CI's first ones.
fuzz: $(READY)
	@NIXTRUST_CONF_CASES=100000 NIXTRUST_CONF_SEED=$${SEED:-$$(date +%s)} \
		$(BIN)/python -m pytest -q tests/lab/test_conf_differential.py
	@NIXTRUST_CREDENTIAL_CASES=5000 NIXTRUST_CREDENTIAL_SEED=$${SEED:-$$(date +%s)} \
		$(BIN)/python -m pytest -q tests/lab/test_credential_fuzz.py

BENCH := build/bench-venv
$(BENCH)/ready: requirements-bench.txt
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

bench: $(READY) $(BENCH)/ready
	@$(BIN)/python -m bench --ansible $(BENCH)/bin/ansible-playbook

test-pythons: $(READY)
	@.ci/test-pythons $(WORKERS)

# The pinned versions, anew. No registry's host is written into them.
COMPILE := uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-header --no-emit-index-url
requirements:
	$(COMPILE) pyproject.toml -o requirements.txt
	$(COMPILE) pyproject.toml --group dev -o requirements-dev.txt
	$(COMPILE) --group bench -o requirements-bench.txt
