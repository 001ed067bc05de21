# The only door to the project: `make help` lists what there is.
#
# Every target does its own set-up: it builds what is missing, says so, and leaves alone what has not changed. Needed are
# Rust by way of rustup (the pinned version comes from rust-toolchain.toml), a C compiler, and Node.js 18 or newer with npm.
#
# Variables:
#   ARGS=...              arguments of `millrace sandbox` (make run), of the benchmark (make bench), of the runners of vectors
#   CONFIG=rollup.yaml    parameters that dist/ is made for; default: installer/sandbox.yaml
#   DIST=dist             the folder that the kernel, its installer and its preimages go to
#   WASM_OPT=0            ship the kernel as rustc made it: without Node.js, about a tenth larger; for trying things out
#   FUZZ_S=600            how long `make fuzz` goes on, in seconds
#   VECTORS=DIR           what `make conformance` runs, a folder or an archive .tar.gz, default ../shared/vectors; or what
#                         `make pvm-vectors` runs, a folder, default ../shared/vectors/pvm
#   MILLRACE_VECTORS=DIR  Ethereum's fixtures for `make test`, which says so when there are none
#   MILLRACE_PVM_VECTORS=DIR  the recordings of the PVM for `make test`, likewise
#   CARGO_TARGET_DIR      as cargo has it; default `target`
# and for the wasm32 standard library those of scripts/wasm-toolchain.sh.
#
# Programs are chosen by name (--bin), not by package (-p): then every target builds what it depends on with the features
# of the whole workspace, and the next one need not build it anew with others.

.NOTPARALLEL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

CARGO ?= cargo
CONFIG ?= installer/sandbox.yaml
DIST ?= dist
FUZZ_S ?= 600
ETHEREUM_VECTORS := $(or $(VECTORS),../shared/vectors)
PVM_VECTORS := $(or $(VECTORS),../shared/vectors/pvm)
TARGET := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)

# The kernel as rustc makes it, and as Binaryen leaves it.
BUILT := $(TARGET)/wasm32-unknown-unknown/kernel/millrace_kernel.wasm
OPTIMISED := $(TARGET)/wasm32-unknown-unknown/kernel/millrace_kernel.opt.wasm
# Benchmarks are made with the fees of production, in a folder of their own.
BENCH_CONFIG := installer/rollup.example.yaml
BENCH_DIST := $(TARGET)/bench-dist
# The kernel that tests upgrade to: kernel/wasm with its feature test-migration.
NEXT := $(TARGET)/wasm32-unknown-unknown/next/millrace_kernel_next.wasm
SHIPPED := $(if $(filter 0,$(WASM_OPT)),$(BUILT),$(OPTIMISED))

say = @printf '\n==> %s\n' "$(1)"

.PHONY: help
help: ## Shows this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: run
run: dist ## Starts a chain at http://127.0.0.1:8545, with ten funded accounts
	$(call say,building and starting the sandbox)
	@$(CARGO) run --locked --bin millrace -- sandbox $(ARGS)

.PHONY: test
test: needs-node dist $(NEXT) ## Every test, and the check of the shipped kernel
	$(call say,building the tests)
	@$(CARGO) test --locked --no-run
	$(call say,running the tests)
	@$(CARGO) test --locked --no-fail-fast

.PHONY: conformance
conformance: needs-rust ## Ethereum's fixtures below VECTORS: `N passed, N failed, N skipped` (ARGS=--verbose, --filter TEXT)
	$(call say,building the conformance runner)
	@$(CARGO) build --locked --bin millrace-conformance
	$(call say,running the fixtures in $(ETHEREUM_VECTORS))
	@$(TARGET)/debug/millrace-conformance $(ARGS) "$(ETHEREUM_VECTORS)"

.PHONY: pvm-vectors
pvm-vectors: needs-rust ## What Octez recorded, below VECTORS: `N passed, N failed, N skipped` (ARGS=--verbose, --filter TEXT)
	$(call say,building the runner of the PVM's vectors)
	@$(CARGO) build --locked --bin millrace-pvm-vectors
	$(call say,running the vectors in $(PVM_VECTORS))
	@$(TARGET)/debug/millrace-pvm-vectors $(ARGS) "$(PVM_VECTORS)"

.PHONY: check
check: needs-rust needs-git ## Format, clippy, directions between crates, documentation, unwanted files
	$(call say,format)
	@$(CARGO) fmt --all --check
	$(call say,unwanted files)
	@scripts/unwanted-files.sh
	$(call say,clippy)
	@$(CARGO) clippy --locked --all-targets -- -D warnings
	@$(CARGO) clippy --locked -p millrace-kernel --features test-migration -- -D warnings
	$(call say,directions between crates)
	@$(CARGO) test --locked --test directions --test regressions
	$(call say,documentation)
	@RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps

.PHONY: kernel
kernel: dist ## dist/: the kernel, its installer and preimages

.PHONY: dist
dist: needs-rust $(if $(filter 0,$(WASM_OPT)),,needs-node) $(SHIPPED)
	$(call say,building the installer)
	@$(CARGO) build --locked --bin millrace-installer --bin millrace-artifact
	$(call say,making $(DIST)/ for $(CONFIG))
	@$(TARGET)/debug/millrace-installer --kernel $(SHIPPED) --config $(CONFIG) --out $(DIST)
	@$(TARGET)/debug/millrace-artifact check kernel $(DIST)/kernel.wasm
	@$(TARGET)/debug/millrace-artifact check installer $(DIST)/installer.wasm >/dev/null

# Cargo knows whether the kernel has changed; the file keeps its time when it has not, and then make goes no further.
$(BUILT): FORCE
	$(call say,building the kernel)
	@scripts/build-kernel.sh >/dev/null

.PHONY: next
next: needs-rust $(NEXT) ## The kernel that tests upgrade to (make test builds it too)

$(NEXT): FORCE
	$(call say,building the kernel that tests upgrade to)
	@scripts/build-kernel.sh next >/dev/null

$(OPTIMISED): $(BUILT) scripts/optimise-kernel.sh scripts/binaryen/package-lock.json
	$(call say,optimising the kernel with Binaryen (a minute))
	@scripts/optimise-kernel.sh $(BUILT) $@.part && mv $@.part $@

.PHONY: reproducible
reproducible: needs-rust $(BUILT) ## Builds the kernel once more in another folder and home: the bytes must be the same
	$(call say,building the kernel once more as somebody else)
	@scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch"' EXIT \
		&& again=$$(WASM_OPT=0 scripts/rebuild-kernel.sh "$$scratch") \
		&& cmp $(BUILT) "$$again" && echo "the same kernel, $$(wc -c <"$$again") bytes"

.PHONY: bench
bench: needs-rust ## Operators, host calls and bytes of a transaction, latency, throughput: dist/bench.json
	@$(MAKE) --no-print-directory dist CONFIG=$(BENCH_CONFIG) DIST=$(BENCH_DIST)
	$(call say,contracts that are measured (npm; without it swaps are left out))
	@cd tools/bench/npm && npm ci --ignore-scripts --no-audit --no-fund >/dev/null 2>&1 || echo "npm is not there or failed"
	$(call say,benchmarks)
	@$(CARGO) build --locked --bin millrace --bin millrace-bench
	@$(CARGO) build --locked --bin millrace-revm
	@mkdir -p $(DIST)
	@$(TARGET)/debug/millrace-bench --dist $(BENCH_DIST) --out $(DIST)/bench.json --millrace $(TARGET)/debug/millrace \
		--revm $(TARGET)/debug/millrace-revm $(ARGS)

.PHONY: fuzz
fuzz: needs-rust ## Feeds the parsers and the inbox garbage for FUZZ_S seconds, then simulates levels, compares the EVM and feeds the PVM as long
	$(call say,fuzzing for $(FUZZ_S) s)
	@MILLRACE_FUZZ_SECONDS=$(FUZZ_S) $(CARGO) run --locked -p millrace-fuzz
	$(call say,simulating levels for $(FUZZ_S) s)
	@MILLRACE_FUZZ_SECONDS=$(FUZZ_S) $(CARGO) test --locked -p millrace-core simulator -- --nocapture
	$(call say,comparing the EVM with revm for $(FUZZ_S) s)
	@MILLRACE_FUZZ_SECONDS=$(FUZZ_S) $(CARGO) test --locked -p millrace-differential random -- --nocapture
	$(call say,feeding the PVM kernels and calls for $(FUZZ_S) s)
	@MILLRACE_FUZZ_SECONDS=$(FUZZ_S) $(CARGO) test --locked -p millrace-pvm --test fuzz -- --nocapture

.PHONY: clean
clean: ## Forgets everything that was built; the chain in .millrace stays
	@$(CARGO) clean
	@rm -rf $(DIST) tezt-tests/npm/node_modules tools/bench/npm/node_modules tezt-tests/npm-toolchains/node_modules \
		scripts/binaryen/node_modules

.PHONY: needs-rust needs-node needs-git FORCE
needs-rust:
	@scripts/require.sh rust cc
needs-node:
	@scripts/require.sh rust cc node
needs-git:
	@scripts/require.sh git
FORCE:
