# espcam-bridge. `make` alone lists what there is.
#
# Everything goes into .venv, made from Python 3.11 or newer; delete it (`make clean`) to begin anew. Each target works
# alone and twice in a row; what pip cannot install is handled by .ci/system-packages, which says what it lacks.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
# The newest Python that is there; PYTHON=... overrides.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt
CONFIG ?= espcam-bridge.yaml
# Which Home Assistant test-homeassistant runs, see .ci/home-assistant.
export HA ?= 2025.4

.DEFAULT_GOAL := help
.PHONY: help demo test test-yolo test-firmware coverage-firmware test-homeassistant check bench run clean coverage

help:  ## this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.demo  ## see it work: broker, cameras, bridge and page in one; Ctrl-C ends it
	@.ci/system-packages opencv
	@$(BIN)/espcam-bridge demo $(ARGS)

# The unit tests take all cores; what talks to real servers goes in two streams (tests/conftest.py).
test: $(VENV)/.dev  ## run every test (real broker, sockets, HTTP, browser); ARGS=... goes to pytest
	@.ci/system-packages opencv mosquitto postgresql chromium compiler
ifdef ARGS
	@$(BIN)/pytest $(ARGS)
else
	@$(BIN)/pytest tests/unit -n auto
	@$(BIN)/pytest tests/integration tests/firmware tests/browser -n 2 --dist loadgroup
endif

# In an environment of its own, so that everything else is seen to work without PyTorch.
test-yolo:  ## the tests that need ultralytics (PyTorch, 6 GB), in .venv-yolo: its runtime, download, export
	@$(MAKE) --no-print-directory VENV=.venv-yolo .venv-yolo/.yolo
	@.ci/system-packages opencv
	@.venv-yolo/bin/pytest tests/integration -m yolo $(ARGS)

# Each fuzz target for FUZZ_S seconds: FUZZ_S=200 FUZZ_SEED=0 is ten minutes in all, with another luck each time.
FUZZ_S ?= 8
test-firmware:  ## the firmware's portable library: tests with sanitizers, fuzzing, style; FUZZ_S=... seconds a fuzz target
	@.ci/system-packages compiler firmware
	@CXX=clang++-19 cmake -G Ninja -S firmware/tests -B build/camlink-tests -DCMAKE_BUILD_TYPE=Debug >/dev/null
	@cmake --build build/camlink-tests --target camlink-tests
	@build/camlink-tests/camlink-tests
	@CXX=clang++-19 cmake -G Ninja -S firmware/tests -B build/camlink-fuzz -DCMAKE_BUILD_TYPE=Debug -DCAMLINK_FUZZ=ON >/dev/null
	@cmake --build build/camlink-fuzz
	@firmware/tests/fuzz/run build/camlink-fuzz $(FUZZ_S)
	@find firmware \( -name '*.cpp' -o -name '*.h' \) -print0 | xargs -0 clang-format-19 --dry-run -Werror
	@ls firmware/lib/camlink/src/camlink/*.cpp | xargs -P "$$(nproc)" -n 1 clang-tidy-19 --quiet -p build/camlink-tests 2>/dev/null
	@$(or $(PYTHON),python3) firmware/protocol/generate.py --check

coverage-firmware:  ## the same tests, with the share of lines that they reach
	@.ci/system-packages compiler firmware
	@CXX=g++ cmake -G Ninja -S firmware/tests -B build/camlink-coverage -DCMAKE_BUILD_TYPE=Debug -DCAMLINK_SANITIZE=OFF -DCAMLINK_COVERAGE=ON >/dev/null
	@cmake --build build/camlink-coverage --target camlink-tests
	@find build/camlink-coverage -name '*.gcda' -delete
	@build/camlink-coverage/camlink-tests --minimal
	@cd build/camlink-coverage && find . -path '*camlink.dir*' -name '*.gcda' -exec gcov -n {} + 2>/dev/null | \
	  awk -F"[':% ]+" '/^File/ {name = $$2} /^Lines/ && name ~ /camlink\/[a-z0-9_]+\.cpp$$/ {sub(".*/", "", name); printf "  %6.2f %% of %4d lines  %s\n", $$3, $$5, name; reached += $$3 * $$5 / 100; all += $$5; name = ""} END {printf "  %6.2f %% of %4d lines in all\n", 100 * reached / all, all}'

test-homeassistant: $(VENV)/.dev  ## run the tests with a real Home Assistant; HA=newest takes the newest instead of 2025.4
	@.ci/system-packages opencv mosquitto chromium turbojpeg
	@.ci/home-assistant install
	@$(BIN)/pytest tests/homeassistant $(ARGS)

check: $(VENV)/.dev  ## style, types and the rules of the house
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@.ci/system-packages opencv
	@$(BIN)/mypy
	@$(BIN)/lint-imports

coverage: $(VENV)/.dev  ## the tests again, with the share of lines and branches that they reach
	@.ci/system-packages opencv mosquitto postgresql chromium compiler
	@$(BIN)/pytest --cov --cov-report=term:skip-covered $(ARGS)

bench: $(VENV)/.bench  ## measure everything beside its limit, in one run; ARGS=--quick takes two minutes
	@.ci/system-packages opencv mosquitto
	@$(BIN)/python benchmarks/run.py $(ARGS)

run: $(VENV)/.core  ## the bridge itself, with CONFIG=espcam-bridge.yaml
	@.ci/system-packages opencv
	@$(BIN)/espcam-bridge run -c $(CONFIG)

clean:  ## remove what these targets made
	rm -rf $(VENV) .venv-yolo .venv-ha .venv-ha-newest .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage* build dist benchmarks/results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@[ -n "$(PYTHON)" ] || { echo "espcam-bridge needs Python 3.11 or newer; on Debian: sudo apt-get install python3 python3-venv"; exit 1; }
	@.ci/system-packages venv
	@$(PYTHON) -m venv $(VENV)

# One stamp a set of extras; a changed pyproject.toml or constraints.txt installs again.
$(VENV)/.core: $(BIN)/python pyproject.toml constraints.txt
	@echo "installing the core (a minute) ..."
	@$(PIP) -e .
	@touch $@

$(VENV)/.demo: $(BIN)/python pyproject.toml constraints.txt
	@echo "installing the bridge and the demo's broker (a minute) ..."
	@$(PIP) -e '.[demo]'
	@touch $@

$(VENV)/.dev: $(BIN)/python pyproject.toml constraints.txt
	@echo "installing the bridge and the test tools (two minutes) ..."
	@$(PIP) -e '.[demo,postgres,dev]'
	@touch $@

$(VENV)/.yolo: $(BIN)/python pyproject.toml constraints.txt
	@echo "installing the bridge, ultralytics with PyTorch (6 GB) and the test tools: a few minutes, once ..."
	@$(PIP) -e '.[demo,yolo,export,dev]'
	@touch $@

$(VENV)/.bench: $(VENV)/.dev
	@echo "installing ultralytics with PyTorch (6 GB) and what the benchmarks draw with: a few minutes, once ..."
	@$(PIP) -e '.[demo,yolo,export,postgres,dev,bench]'
	@touch $@
