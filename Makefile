# Two commands matter: `make demo` and `make test`. Both set everything up themselves.
#
# GAMBESON_CACHE names a folder for what may be kept between clones (virtual environments, peers built for tests);
# without it, .cache in the clone is used. CARGO_TARGET_DIR is honoured as always.

CACHE ?= $(if $(GAMBESON_CACHE),$(GAMBESON_CACHE),$(CURDIR)/.cache)
PYTHON ?= python3
VENV := $(CACHE)/venv
TARGET := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),$(CURDIR)/target)
export GAMBESON_CACHE := $(CACHE)
export GAMBESON_BIN ?= $(TARGET)/debug/gambeson

.PHONY: demo test lint test-rust test-python bench fuzz fuzz-heads deny docs build install clean help

help: ## Say what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

build: ## Build the command (development profile)
	cargo build --locked -p gambeson

demo: build $(CACHE)/demo.stamp ## Attack the example app bare and guarded; ONCE=1 runs it through and exits with the verdict
	$(TARGET)/debug/gambeson demo $(if $(ONCE),--once) --python $(CACHE)/demo/bin/python

$(CACHE)/demo.stamp: examples/flask-comments/requirements.txt
	mkdir -p $(CACHE)
	$(PYTHON) -m venv $(CACHE)/demo
	$(CACHE)/demo/bin/pip install -q -r examples/flask-comments/requirements.txt
	touch $@

test: lint test-rust test-python ## Run every test
	@echo "all tests passed"

lint: ## Formatting and lints
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings

test-rust: ## Unit, property and integration tests
	tests/get-pebble.sh
	cargo test --locked --workspace --exclude gambeson-python

test-python: build $(CACHE)/venv.stamp ## The gateway before real apps and servers, the Python package, the guide's commands, a browser if there is one
	tests/get-pebble.sh
	$(VENV)/bin/python -m pytest -q tests examples

$(CACHE)/venv.stamp: tests/requirements.txt pyproject.toml $(shell find crates python/gambeson -name "*.rs" -o -name "*.py")
	mkdir -p $(CACHE)
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install -q -r tests/requirements.txt
	GAMBESON_BUILD_PROFILE=dev $(VENV)/bin/pip install -q .
	touch $@

bench: ## Measure beside nginx, with and without ModSecurity, and write docs/benchmarks.md
	cargo build --locked --release -p gambeson
	$(PYTHON) benches/run.py --gambeson $(TARGET)/release/gambeson --write docs/benchmarks.md
	$(PYTHON) benches/waf.py --gambeson $(TARGET)/release/gambeson --write docs/benchmarks.md
	$(PYTHON) benches/reloads.py --gambeson $(TARGET)/release/gambeson --write docs/benchmarks.md

fuzz: fuzz-heads ## A million mutated heads, then a minute of fuzzing for each parser of hostile bytes (needs cargo-fuzz)
	cargo run --locked -q -p gambeson-wire --example mutate -- --seeds fuzz/corpus
	for target in $$(ls fuzz/fuzz_targets | sed 's/\.rs//'); do RUSTC_BOOTSTRAP=1 cargo fuzz run $$target --sanitizer none -- -max_total_time=60 || exit 1; done

fuzz-heads: ## Parse a million mutated heads
	cargo run --locked --release -q -p gambeson-wire --example mutate -- 1000000

deny: ## Licences, duplicates, walls, advisories (installs cargo-deny once)
	cargo deny --version >/dev/null 2>&1 || CARGO_TARGET_DIR=$(TARGET)/deny cargo install --locked cargo-deny --version 0.20.2
	cargo deny check bans licenses sources
	@if git ls-remote -q https://github.com/RustSec/advisory-db HEAD >/dev/null 2>&1; then cargo deny check advisories; \
	else echo "skipped: advisories, because their database on GitHub cannot be reached"; fi

docs: build ## Write what is generated: the policy reference
	$(GAMBESON_BIN) schema --markdown > docs/policy.md

clean: ## Remove what was built here
	cargo clean
	rm -rf $(CACHE)/venv $(CACHE)/venv.stamp $(CACHE)/demo $(CACHE)/demo.stamp
