# Two commands for a fresh machine with Python >= 3.11 and make:
#   make demo    makes .venv, installs the project, runs the demo, says where the report is
#   make test    the same with the development tools, then the test suite
PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2
BIN := $(VENV)/bin
DEMO := reports/demo
comma := ,

# without a C compiler on the machine the simulator takes the one from pip
COMPILER := $(if $(shell command -v cc || command -v gcc || command -v clang),,$(comma)compiler)

.PHONY: demo test lint types bench clean help
.DEFAULT_GOAL := help

help:
	@sed -n '2,3s/^#  //p' Makefile
	@echo "  make lint | types | bench | clean"

demo: $(VENV)/.demo
	$(BIN)/asicbnn verify arch_specs/tiny.yaml workloads/digits_mlp_64_256_256_10.yaml --images 20 --output $(DEMO)
	$(BIN)/asicbnn sweep arch_specs/digits_sweep.yaml --output $(DEMO)
	$(BIN)/asicbnn compare arch_specs/edge64.yaml workloads/binarynet_cifar10.yaml --output $(DEMO)
	@echo "The report is here:"
	@$(BIN)/asicbnn report $(DEMO) --title "asicbnn: digits and BinaryNet"

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(JOBS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .

types: $(VENV)/.dev
	$(BIN)/mypy

bench: $(VENV)/.dev
	$(BIN)/python -m pytest -m benchmark -s

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("asicbnn needs Python 3.11 or newer, $(PYTHON) is " + sys.version.split()[0] + "; try: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "$(PYTHON) cannot make environments; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml | $(BIN)/pip
	$(BIN)/pip install --quiet --editable '.[train$(COMPILER)]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/pip
	$(BIN)/pip install --quiet --editable '.[dev$(COMPILER)]'
	@touch $@
