# SPDX-License-Identifier: MIT
# A thin front door; CMake does the work. `make help` lists the targets.
PREFIX ?= /usr/local
BUILD := build

.PHONY: all demo test test-all bench precision bench-setup fuzz lint install clean help

all: ## build the library and the command into build/
	@command -v cmake >/dev/null || { echo "cmake is missing: run scripts/install-deps first"; exit 1; }
	@scripts/build release

demo: ## check, run, verify and time a real model; prints a report
	@scripts/install-deps
	@scripts/demo

test: ## release and sanitizer builds, all ordinary tests
	@scripts/install-deps
	@scripts/test

test-all: ## the whole matrix: every CPU level, threads, sanitizers
	@scripts/install-deps
	@scripts/test --all

bench: all ## Naru beside ONNX Runtime on the same models (after bench-setup)
	@.venv-bench/bin/python bench/run.py $(BENCH_ARGS)

precision: all ## what lower precisions cost and bring on SmallCNN: accuracy, errors, latency, size, by CPU level
	@cmake --build $(BUILD) --target bench_precision >/dev/null
	@$(BUILD)/bench_precision tests/data $(PRECISION_THREADS)

bench-setup: ## the Python environment and the models that bench needs
	@scripts/bench-setup

fuzz: ## build the fuzz targets with clang and run each for a minute
	@scripts/fuzz $(FUZZ_ARGS)

lint: ## layering, exported symbols, style; prints function sizes
	@scripts/lint

install: all ## PREFIX=/usr/local DESTDIR=
	@cmake --install $(BUILD) --prefix "$(PREFIX)"

clean: ## remove build folders
	rm -rf build build-*/

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20
