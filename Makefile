# Two commands: `make demo` to see it, `make test` to prove it. `make help` lists the rest.
SHELL := /bin/bash
PYTHON ?= python3
PY := .venv/bin/python
ARGS ?=
export PATH := $(CURDIR)/.venv/bin:$(PATH):/usr/sbin

.PHONY: help venv venv-run demo demo-clean test lint unit browser browser-all sim fuzz powercut releases chaos storm bench docs pages test-all lock

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

venv: ## .venv with everything that developing needs
	@PYTHON=$(PYTHON) .ci/venv.sh requirements-dev.lock

venv-run: ## .venv with what running needs (or the developer's, if it is there)
	@PYTHON=$(PYTHON) .ci/venv.sh requirements.lock

demo: venv-run ## one locker, bridge, broker, pages on loopback; ARGS=--once plays the story headless
	@$(PY) -m hil demo $(ARGS)

demo-clean: ## forget the demo's state
	@rm -rf .demo && echo "demo state removed"

test: venv ## lint, contracts, types and all tests that finish in 5 minutes
	@.ci/system-packages.sh
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory -j2 --output-sync=target unit browser

lint: venv
	ruff check .
	ruff format --check .
	mypy
	lint-imports --no-cache

unit: venv
	$(PY) -m pytest -m "not slow and not browser" -n 3 --dist loadscope $(ARGS)

browser: venv # one after the other: each drives a browser of its own
	$(PY) -m pytest -m "browser and not slow" $(ARGS)

browser-all: venv ## every flow of the kiosk, every language and display, each page judged by axe (about 10 min)
	@.ci/system-packages.sh
	$(PY) -m pytest -m "browser and slow" --timeout 600 $(ARGS)

sim: venv ## a fleet in virtual time, many seeds, planted faults (about 8 min)
	$(PY) -m tests.simulation $(ARGS)

fuzz: venv ## every parser under coverage guidance, a planted mistake first (about 12 min)
	$(PY) -m tests.fuzz $(ARGS)

powercut: venv ## 600 power cuts of the device's log (up to 5 min)
	$(PY) -m tests.powercut $(ARGS)

chaos: venv ## 80,000 events over three brokers with resets and kills (up to 10 min a broker)
	@.ci/system-packages.sh
	$(PY) -m tests.chaos $(ARGS)

releases: venv ## updates of a device with real processes, and a power cut at every step (about 3 min)
	$(PY) -m pytest -m slow tests/integration/fullstack/test_releases.py tests/integration/releases tests/unit/cloud_bridge/rollouts $(ARGS)

storm: venv ## 2,000 devices reconnect at once (about 2 min)
	@.ci/system-packages.sh
	$(PY) -m tests.storm $(ARGS)

.PHONY: rig-uml rootfs-arm64 image hil-uml hil-qemu hil-virtual
rig-uml: venv ## User-mode Linux with simulated pins, and its root folder (6 min cold, cached)
	@.ci/rig-packages.sh uml
	$(PY) -m hil build uml root

rootfs-arm64: venv ## the root folder of a device's card (about 7 min cold, cached)
	@.ci/rig-packages.sh image
	$(PY) -m provisioning image root

image: venv ## the card image with its bundle for updates, its bill of materials and its hashes, into dist/
	@.ci/rig-packages.sh image
	$(PY) -m provisioning image build $(ARGS)

hil-uml: rig-uml ## every plan that fits, on User-mode Linux; 100 plug pulls
	$(PY) -m hil run --rig hil/rigs/uml.yaml --report .cache/rig/reports/uml --cycles 100 $(ARGS)

hil-qemu: image ## the card image on an emulated arm64 board
	@.ci/rig-packages.sh qemu
	$(PY) -m hil run --rig hil/rigs/qemu-virt.yaml --report .cache/rig/reports/qemu-virt $(ARGS)

hil-virtual: hil-uml hil-qemu ## every virtual rig

bench: venv ## all benchmarks, or ARGS="NAME …"; writes docs/bench
	$(PY) -m tests.bench $(ARGS)

docs: venv ## write the generated reference pages
	$(PY) -m tests.architecture.reference_pages

pages: venv ## build the web pages (node from the machine, else from the wheel)
	edge/screen/build.sh

test-all: test browser-all sim fuzz powercut chaos storm ## everything (about an hour)
	$(PY) -m pytest -m "slow and not browser"

lock: ## pin all dependencies anew
	uv pip compile pyproject.toml --extra demo --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -q -o requirements.lock
	uv pip compile pyproject.toml --extra dev --extra build --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -q -o requirements-dev.lock -c requirements.lock
	uv pip compile pyproject.toml --extra edge --python-version 3.11 --python-platform aarch64-manylinux_2_35 --generate-hashes --no-emit-index-url --no-annotate --no-header -q -o provisioning/image/device.lock
