# Every command a developer needs. `make` alone lists them; docs/hacking.md explains them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

DATA ?= ./data
RUN_ARGS ?=
KILL_CYCLES ?= 10000
CHAOS_ROUNDS ?= 20
SIM_OPERATIONS ?= 10000000
BENCH_ARGS ?=
KEYS ?= 1000000
HISTORY_RUNS ?= 100
POWER_CUTS ?= 1000

# Every target that says what it does below: none makes a file.
.PHONY: $(shell awk -F ':' '/^[a-z-]+:.*\#\# / {print $$1}' Makefile)

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps: ## Install everything that building and testing need (Debian 12; root or sudo)
	@scripts/install-dependencies build test
	@scripts/python-environment > /dev/null
	@scripts/javascript-environment > /dev/null

build: ## Build Release; leaves build/release/bin/ashlar
	@scripts/install-dependencies build
	@scripts/build release

run: ## Build, then start the server on 127.0.0.1:9000 with data under ./data (DATA=, RUN_ARGS=)
	@scripts/install-dependencies build
	@scripts/build release ashlar
	@exec build/release/bin/ashlar server --data $(DATA) --show-credentials $(RUN_ARGS)

test: ## Everything: style, unit tests, sanitizers, S3, clients, faults, fuzzers
	@scripts/test

bench: ## Measure: rates, latencies, CPU, syncs and bytes per operation (BENCH_ARGS=)
	@scripts/install-dependencies build
	@scripts/build release
	@bench/run.sh $(BENCH_ARGS)

bench-listing: ## Pages of 1,000 keys at KEYS (1000000) keys, with versions, markers and folders
	@scripts/install-dependencies build
	@scripts/build release
	@bench/listing.py --keys $(KEYS)

bench-healing: ## How fast a lost drive is filled again
	@scripts/install-dependencies build
	@scripts/build release
	@bench/healing.py

cost-shape: ## CPU and latency by object count (to 10 M), size and concurrency: docs/cost-shape.svg
	@scripts/install-dependencies build
	@scripts/build release
	@bench/cost_shape.py measure

check-style: ## Layers, style, formatting, clang-tidy, and the tests of these checks
	@scripts/install-dependencies build test
	@scripts/check-style

format: ## Rewrite the C++ files with clang-format
	@scripts/install-dependencies test
	@scripts/format --write

mutation: ## Takes guards away one by one; a test must notice each (tools/seeded_bugs.toml)
	@scripts/install-dependencies build test
	@scripts/mutation

fuzz: ## Every fuzzer for FUZZ_SECONDS (60), two at a time
	@scripts/install-dependencies build test
	@scripts/fuzz

soak-kill: ## kill -9 under load, KILL_CYCLES (10000) times, checked against the client's journal
	@KILL_CYCLES=$(KILL_CYCLES) scripts/soak kill

soak-sim: ## The simulator for SIM_OPERATIONS (10000000) operations (SIM_SEED= begins elsewhere)
	@SIM_OPERATIONS=$(SIM_OPERATIONS) scripts/simulate

soak-histories: ## HISTORY_RUNS (100) histories of two minutes each, with kills, checked
	@HISTORY_RUNS=$(HISTORY_RUNS) scripts/soak histories

soak-powercut: ## The power goes POWER_CUTS (1000) times: all that was not synced is lost
	@POWER_CUTS=$(POWER_CUTS) scripts/soak powercut

soak: ## Hours: 2000 kill cycles, every fault test again, each fuzzer for 10 minutes
	@scripts/soak all

chaos: ## The fault tests (damage, lost drives, no space, kills) CHAOS_ROUNDS (20) times over
	@CHAOS_ROUNDS=$(CHAOS_ROUNDS) scripts/soak chaos

clean: ## Remove build/ (keeps ./data)
	@rm -rf build
