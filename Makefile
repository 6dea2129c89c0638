# goaway's entry points. `make` alone lists them.

VERSION := $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' Cargo.toml | head -n 1)
# Before 1.0 a minor version may break the ABI: the soname of 0.1.0 is libgoaway.so.0.1.
ABI := $(basename $(VERSION))

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DESTDIR ?=

CARGO ?= cargo
STRIP ?= strip
PYTHON ?= python3
CFLAGS ?= -O2 -g
WARNINGS ?= -Wall -Wextra -Wpedantic -Werror
# Passed on: make test TEST='--test close', make bench BENCH='--quick',
# make test-python PYTEST='-k supervisor'
TEST ?=
BENCH ?=
PYTEST ?=
# make demo PORT=9090
PORT ?= 8080

# Which library: of the profile `release`, which is what users get, or `dev`, which
# is built in seconds. If it is not set the tests take `dev` and all else `release`:
# make test PROFILE=release. Each has a folder of its own, with what is linked to it.
PROFILE ?=
TARGET := $(or $(CARGO_TARGET_DIR),target)
$(if $(filter-out dev release,$(PROFILE)),$(error PROFILE is dev or release, not $(PROFILE)))
OUT := $(if $(filter dev,$(PROFILE)),build/dev,build)
# As `cargo test` builds it: another command would build it again, with other features.
BUILT := $(if $(filter dev,$(PROFILE)),$(TARGET)/debug/deps,$(TARGET)/release)
# Panic messages and debug information name source files: without the folders of
# this machine. A build whose profile the environment changes is a developer's
# and keeps them.
CARGO_FOLDER = $(or $(CARGO_HOME),$(HOME)/.cargo)
REMAP = $(if $(CARGO_PROFILE_RELEASE_LTO),,--config "build.rustflags = [\
	'--remap-path-prefix=$(CARGO_FOLDER)/registry/src=crates', '--remap-path-prefix=$(CURDIR)=.']")
# The shared and the static library at once, and no Rust library beside them:
# only then does cargo optimise across crates, which is worth a tenth of the time
# that a request takes.
BUILD_RELEASE = $(CARGO) rustc --release --locked --lib --crate-type cdylib,staticlib $(REMAP) -- \
	-C link-arg=@build/glibc/link
BUILD_DEV = $(CARGO) test --locked --no-run --test symbols
BUILD_LIBRARY = $(if $(filter dev,$(PROFILE)),$(BUILD_DEV),$(BUILD_RELEASE))

SANITIZED := $(abspath $(TARGET))/sanitize
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
C := bindings/c/examples
DEMO_SOURCES := $(C)/demo.c $(wildcard $(C)/demo/*.c)
EXAMPLES := $(patsubst $(C)/%.c,$(OUT)/c/%,$(filter-out $(C)/demo.c,$(wildcard $(C)/*.c)))
COMPILE = $(CC) -std=c11 -D_POSIX_C_SOURCE=200809L $(CFLAGS) $(WARNINGS) -Iinclude
# The programs find the library beside them, wherever the folder is.
LINK = -pthread -L$(OUT)/lib -lgoaway -Wl,-rpath,'$$ORIGIN/../lib'

.PHONY: help
help: ## shows this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-17s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: build
build: library $(OUT)/c/demo $(EXAMPLES) ## builds the library, the demos and the examples

.PHONY: library
library: build/glibc/link
	@.ci/needs cc
	$(BUILD_LIBRARY)
	@mkdir -p $(OUT)/lib $(OUT)/c
	@ln -sfnr '$(BUILT)/libgoaway.so' $(OUT)/lib/libgoaway.so
	@ln -sfnr '$(BUILT)/libgoaway.so' $(OUT)/lib/libgoaway.so.$(ABI)
	@ln -sfnr '$(BUILT)/libgoaway.a' $(OUT)/lib/libgoaway.a

# The oldest glibc that the shared library runs with is chosen at link time.
build/glibc/link: packaging/glibc-stubs packaging/glibc.c
	@.ci/needs cc nm
	CC='$(CC)' packaging/glibc-stubs build/glibc

$(OUT)/c/demo: $(DEMO_SOURCES) $(wildcard $(C)/demo/*.h) include/goaway.h | library
	$(COMPILE) $(DEMO_SOURCES) $(LINK) -o $@

$(OUT)/c/%: $(C)/%.c $(C)/serve.h include/goaway.h | library
	$(COMPILE) $< $(LINK) -o $@

.PHONY: demo
demo: build ## builds and runs the demo on 127.0.0.1, port 8080 or PORT=9090, and says what to try
	@echo
	@echo 'In another terminal:'
	@echo '  curl --http2-prior-knowledge -i http://127.0.0.1:$(PORT)/'
	@echo '  curl --http2-prior-knowledge http://127.0.0.1:$(PORT)/sessions'
	@echo '  curl --http2-prior-knowledge http://127.0.0.1:$(PORT)/count/1000    # then Ctrl-C here: it has 5 s'
	@echo '  nghttp -v http://127.0.0.1:$(PORT)/trailers'
	@echo '  h2load -n 200000 -c 32 -m 32 http://127.0.0.1:$(PORT)/'
	@echo 'Ctrl-C closes the server gracefully, a second one by force; then it prints the report.'
	@echo
	@bindings/run-demo c $(PORT)

# The suites wait more than they compute: they run side by side, each on several
# tests at once. What one says is shown when it is over.
.PHONY: test
test: venv ## installs what the tests need, builds, runs the tests (two or three minutes)
	@.ci/needs curl nghttp h2load openssl valgrind cc c++ nm pkg-config haproxy nginx nginx-stream node npm
	$(CARGO) test --locked --no-run $(TEST)
	$(MAKE) PROFILE=$(TESTED) build node
	$(MAKE) PROFILE=$(TESTED) -j3 --output-sync=target suite-rust suite-python suite-node

.PHONY: test-rust
test-rust: venv ## of these those in Rust: the core, the C ABI and the wire
	@.ci/needs curl nghttp h2load node openssl valgrind cc c++ haproxy nginx nginx-stream
	$(MAKE) PROFILE=$(TESTED) build suite-rust

.PHONY: test-python
test-python: venv ## of these those of the Python package
	@.ci/needs curl nghttp h2load openssl
	$(MAKE) PROFILE=$(TESTED) library suite-python

.PHONY: test-node
test-node: ## of these those of the Node.js package
	@.ci/needs node npm openssl
	$(MAKE) PROFILE=$(TESTED) node suite-node

TESTED = $(or $(PROFILE),dev)

# What the suites test is built already, and named by the variables that the
# bindings, bindings/run-demo and the kit know.
.PHONY: suite-rust suite-python suite-node
suite-rust suite-python suite-node: export GOAWAY_C_PROGRAMS = $(abspath $(OUT)/c)
suite-rust suite-python suite-node: export GOAWAY_LIBRARY = $(abspath $(OUT)/lib/libgoaway.so)
suite-rust suite-python suite-node: export GOAWAY_NODE_ADDON = $(abspath $(NODE_BUILT)/goaway.node)

suite-rust:
	$(CARGO) test --locked --no-fail-fast $(TEST) -- --test-threads=4 --skip under_valgrind --skip install::

suite-python:
	cd bindings/python && ../../$(VENV)/bin/python -m pytest --quiet --numprocesses=4 --dist=worksteal $(PYTEST)

suite-node:
	cd $(NODE) && node --test --test-reporter=spec $(NODE_AT_ONCE) tests/*.test.js

# Node.js 18 has no such option.
NODE_AT_ONCE = $(shell node --test-concurrency=3 --eval 0 2>/dev/null && echo --test-concurrency=3)

# The release build as users get it.
.PHONY: test-packages
test-packages: venv ## what `make install` installs, the wheel, the npm package
	@.ci/needs curl pkg-config cc nm node npm
	$(MAKE) PROFILE= build node-prebuild
	$(CARGO) test --locked --test examples install::
	cd bindings/python && ../../$(VENV)/bin/python -m pytest --quiet tests/packages
	cd $(NODE) && node --test --test-reporter=spec tests/packages/*.test.js

# The Python interpreter that the tests use, with the packages of the list.
VENV := build/venv
REQUIREMENTS := bindings/python/requirements-test.txt

.PHONY: venv
venv: $(VENV)/fresh ## makes build/venv, the Python environment that the tests use

$(VENV)/fresh: $(REQUIREMENTS)
	@.ci/needs venv
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r $(REQUIREMENTS)
	@touch $@

.PHONY: compatibility
compatibility: $(VENV)/fresh ## asks other ASGI servers the same as goaway, and writes docs/python-servers.md
	$(MAKE) library
	$(VENV)/bin/python bindings/python/compatibility

.PHONY: wheel
wheel: venv ## makes build/wheel/goaway-*.whl, the Python package with the library in it
	$(MAKE) library
	rm -rf build/wheel
	$(VENV)/bin/pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		--wheel-dir build/wheel ./bindings/python
	@ls build/wheel/goaway-*.whl

.PHONY: valgrind
valgrind: ## the misuse suite once more, under valgrind (minutes)
	@.ci/needs valgrind cc
	$(CARGO) test --locked --test misuse under_valgrind -- --test-threads=2

.PHONY: sanitize
sanitize: sanitize-address sanitize-thread ## the misuse suite, the close kit and HTTP/1.1 under two sanitizers

# What GCC's runtime lacks and LLVM's code calls.
MORE = $(if $(wildcard tests/sanitize/$*.c),$(abspath build/$*/more.o))

# How the library is built. A sanitizer is an unstable option of rustc, which the
# stable compiler takes with RUSTC_BOOTSTRAP. AddressSanitizer needs nothing else: it
# sees what the standard library allocates and frees, since it stands in for malloc.
SANITIZE_BUILD_address = RUSTC_BOOTSTRAP=1 $(CARGO) rustc
# ThreadSanitizer must see all that synchronises, so that the standard library is
# built with it, which nightly can do.
SANITIZE_BUILD_thread = rustup run nightly cargo rustc -Zbuild-std

.PHONY: sanitize-needs-thread sanitize-needs-address
sanitize-needs-address:
sanitize-needs-thread:
	@rustup component list --toolchain nightly --installed 2>/dev/null | grep -q rust-src || { \
		echo 'make sanitize-thread needs the nightly toolchain with its sources:' >&2; \
		echo '  rustup toolchain install nightly --component rust-src' >&2; exit 1; }

# The programs in C are built by cc, whose runtime serves both.
.PHONY: sanitize-address sanitize-thread
sanitize-address sanitize-thread: sanitize-%: include/goaway.h sanitize-needs-% $(VENV)/fresh
	@.ci/needs cc curl openssl
	RUSTFLAGS=-Zsanitizer=$* CARGO_PROFILE_DEV_OPT_LEVEL=1 CARGO_TARGET_DIR='$(SANITIZED)-$*' $(SANITIZE_BUILD_$*) \
		--locked --lib --crate-type cdylib --target '$(HOST)'
	@mkdir -p build/$*/lib
	@ln -sfn '$(SANITIZED)-$*/$(HOST)/debug/libgoaway.so' build/$*/lib/libgoaway.so
	@ln -sfn '$(SANITIZED)-$*/$(HOST)/debug/libgoaway.so' build/$*/lib/libgoaway.so.$(ABI)
	$(if $(MORE),$(CC) -std=c11 $(CFLAGS) -fPIC -fno-builtin -c tests/sanitize/$*.c -o $(MORE))
	$(COMPILE) -fsanitize=$* $(DEMO_SOURCES) $(MORE) -pthread -Lbuild/$*/lib -lgoaway \
		-Wl,-rpath,'$$ORIGIN/lib' -o build/$*/demo
	GOAWAY_MISUSE_CFLAGS='-fsanitize=$* $(MORE) -rdynamic' GOAWAY_LIBRARY='$(abspath build/$*/lib/libgoaway.so)' \
		$(CARGO) test --locked --test misuse $(TEST) -- --test-threads=2 --skip under_valgrind
	# A thousand sessions at once are enough for a slow one.
	ulimit -n 2000; for tls in '' 1; do \
		GOAWAY_KIT_TLS=$$tls GOAWAY_C_PROGRAMS='$(abspath build/$*)' ASAN_OPTIONS=detect_leaks=0 \
		$(CARGO) test --locked --test close --test http1 $(TEST) -- --test-threads=2 --skip kit:: || exit 1; done

.PHONY: bench
bench: ## measures goaway beside other servers
	@.ci/needs curl h2load nghttpd nginx haproxy h2o wrk openssl
	$(MAKE) build
	$(CARGO) build --release --locked --manifest-path benches/peers/Cargo.toml
	$(CARGO) run --release --locked --manifest-path benches/peers/Cargo.toml --bin bench -- $(BENCH)

# Passed on: make test-applications APPLICATION='datasette wagtail'
APPLICATION ?=

.PHONY: test-applications
test-applications: $(VENV)/fresh ## whole applications, by goaway and by uvicorn, gunicorn or Node.js: the same responses?
	@.ci/needs node npm openssl
	$(MAKE) library node-prebuild
	$(VENV)/bin/python tests/applications $(APPLICATION)

.PHONY: bench-python
bench-python: venv ## measures the Python package beside Granian and Hypercorn
	@.ci/needs h2load
	$(MAKE) library
	$(VENV)/bin/python benches/python $(BENCH)

.PHONY: bench-close
bench-close: build/close/fresh ## measures how goaway, Node.js, uvicorn, Hypercorn and Granian close
	@.ci/needs node
	$(MAKE) library
	build/close/bin/python benches/close

build/close/fresh: benches/close/requirements.txt
	@.ci/needs venv
	$(PYTHON) -m venv --clear build/close
	build/close/bin/pip install --quiet --disable-pip-version-check -r benches/close/requirements.txt
	@touch $@

# make fuzz FUZZ=http1_heads SECONDS=20: one target, and how long.
FUZZ ?= $(notdir $(wildcard fuzz/corpus/*))
FUZZED := $(abspath $(or $(CARGO_TARGET_DIR),target))/fuzz
# As cargo-fuzz has it built.
FUZZ_FLAGS := --cfg fuzzing -Cpasses=sancov-module \
	$(addprefix -Cllvm-args=-sanitizer-coverage-,level=4 inline-8bit-counters pc-table trace-compares) \
	-Zsanitizer=address -Ccodegen-units=1 -Cdebug-assertions

.PHONY: fuzz
fuzz: ## the fuzz targets, five minutes each; needs the nightly toolchain
	@.ci/needs c++
	RUSTFLAGS='$(FUZZ_FLAGS)' CARGO_TARGET_DIR='$(FUZZED)' rustup run nightly \
		cargo build --release --locked --manifest-path fuzz/Cargo.toml --target '$(HOST)'
	@mkdir -p $(FUZZ:%=build/fuzz/%)
	for target in $(FUZZ); do '$(FUZZED)/$(HOST)/release/'$$target -max_total_time=$(SECONDS) \
		-artifact_prefix=build/fuzz/ build/fuzz/$$target fuzz/corpus/$$target || exit 1; done

# make soak SECONDS=20 is the short form.
SECONDS ?= 300

.PHONY: soak
soak: ## five minutes of peers that come and go in every way
	@.ci/needs cc
	$(MAKE) build
	SOAK_SECONDS=$(SECONDS) $(CARGO) test --locked --test soak -- --nocapture nothing_stays_behind

NODE := bindings/node
NODE_BUILT := $(if $(filter dev,$(PROFILE)),$(OUT)/node,$(NODE)/build)
NODE_HEADERS := $(NODE)/node_modules/node-api-headers/include
NODE_PREBUILDS = $(NODE)/prebuilds/$(shell node -p 'process.platform + "-" + process.arch')
# A library that is there already: make node NODE_LIBRARY=/usr/lib/libgoaway.so NODE_INCLUDE=/usr/include
NODE_LIBRARY ?= $(OUT)/lib/libgoaway.so
NODE_INCLUDE ?= include
NODE_FLAGS = -fPIC -fvisibility=hidden -shared -I$(NODE_INCLUDE) -isystem $(NODE_HEADERS)
# It finds the library beside itself. It stays mapped when a worker thread that
# loaded it ends: threads of the library may still be on their way out.
NODE_LINK = $(NODE_LIBRARY) -Wl,-rpath,'$$ORIGIN' -Wl,-z,nodelete

# `make library` makes it; without a recipe of its own it counts as made only if
# it was missing.
$(OUT)/lib/libgoaway.so: | library ;

.PHONY: node-needs
node-needs:
	@.ci/needs cc node npm

.PHONY: node
node: node-needs $(if $(filter $(OUT)/lib/%,$(NODE_LIBRARY)),library) $(NODE_BUILT)/goaway.node $(NODE_BUILT)/libgoaway.so.$(ABI) ## builds the Node.js binding

# By force: the package's binaries are for one platform, building it is not.
$(NODE_HEADERS)/node_api.h: $(NODE)/package-lock.json
	npm ci --force --loglevel=error --ignore-scripts --no-audit --no-fund --prefix $(NODE)
	@touch $@

$(NODE_BUILT)/goaway.node: $(NODE)/goaway.c $(wildcard $(NODE)/shim/*) $(NODE_INCLUDE)/goaway.h | $(NODE_LIBRARY) $(NODE_HEADERS)/node_api.h
	@mkdir -p $(@D)
	$(CC) -std=c11 $(CFLAGS) $(WARNINGS) $(NODE_FLAGS) $(NODE)/goaway.c $(NODE)/shim/*.c $(NODE_LINK) -o $@

$(NODE_BUILT)/libgoaway.so.$(ABI): $(NODE_LIBRARY)
	@mkdir -p $(@D)
	cp -f $< $@

.PHONY: node-prebuild
node-prebuild: node ## lays the binding's binaries into its prebuilds/, as its package ships them
	@mkdir -p $(NODE_PREBUILDS)
	$(STRIP) --strip-unneeded -o $(NODE_PREBUILDS)/goaway.node $(NODE_BUILT)/goaway.node
	$(STRIP) --strip-unneeded -o $(NODE_PREBUILDS)/libgoaway.so.$(ABI) $(NODE_BUILT)/libgoaway.so.$(ABI)

.PHONY: bench-node
bench-node: node ## measures the Node.js binding beside node:http2 and Fastify
	@.ci/needs h2load
	npm ci --ignore-scripts --no-audit --no-fund --prefix benches/node
	node benches/node/bench.js $(BENCH)

.PHONY: header
header: ## makes include/goaway.h and include/goaway.json from src/ffi
	GOAWAY_WRITE_HEADER=1 $(CARGO) test --test header is_fresh

.PHONY: readme
readme: ## writes the examples into bindings/c/README.md
	GOAWAY_WRITE_README=1 $(CARGO) test --test examples every_block_of_c

.PHONY: notices
notices: ## writes THIRD-PARTY-NOTICES from the licences of the crates in the library
	$(PYTHON) packaging/notices.py

RUFF := $(VENV)/bin/ruff --config bindings/python/pyproject.toml
PYTHON_SOURCES := bindings/python benches/python benches/close tests/applications tests/parsers packaging

.PHONY: fmt
fmt: venv ## formats the Rust and Python sources
	$(CARGO) fmt
	$(CARGO) fmt --manifest-path benches/peers/Cargo.toml
	$(RUFF) format $(PYTHON_SOURCES)

.PHONY: lint
lint: lint-python ## checks format and style
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings
	$(CARGO) fmt --check --manifest-path benches/peers/Cargo.toml
	$(CARGO) clippy --all-targets --manifest-path benches/peers/Cargo.toml -- -D warnings

.PHONY: lint-python
lint-python: venv
	$(RUFF) format --check $(PYTHON_SOURCES)
	$(RUFF) check $(PYTHON_SOURCES)
	cd bindings/python && ../../$(VENV)/bin/mypy

# Names with spaces and other characters stay whole: the shell has them from the
# environment.
install uninstall: export INSTALL_LIB = $(DESTDIR)$(LIBDIR)
install uninstall: export INSTALL_INCLUDE = $(DESTDIR)$(INCLUDEDIR)
install: export INSTALL_PREFIX = $(PREFIX)
install: export INSTALL_LIBDIR = $(LIBDIR)
install: export INSTALL_INCLUDEDIR = $(INCLUDEDIR)
install: export INSTALL_VERSION = $(VERSION)

# Root compiles nothing and needs no cargo.
.PHONY: install
install: ## installs what `make build` made into PREFIX (/usr/local), below DESTDIR
	@for file in libgoaway.so libgoaway.a; do test -e "build/lib/$$file" || { \
		echo "install: build/lib/$$file is not there; run \`make build\` first" >&2; exit 1; }; done
	install -d "$$INSTALL_LIB/pkgconfig" "$$INSTALL_INCLUDE"
	install -m 755 build/lib/libgoaway.so "$$INSTALL_LIB/libgoaway.so.$(VERSION)"
	$(STRIP) --strip-unneeded "$$INSTALL_LIB/libgoaway.so.$(VERSION)"
	ln -sf libgoaway.so.$(VERSION) "$$INSTALL_LIB/libgoaway.so.$(ABI)"
	ln -sf libgoaway.so.$(ABI) "$$INSTALL_LIB/libgoaway.so"
	install -m 644 build/lib/libgoaway.a "$$INSTALL_LIB/libgoaway.a"
	$(STRIP) --strip-debug "$$INSTALL_LIB/libgoaway.a"
	install -m 644 include/goaway.h "$$INSTALL_INCLUDE/goaway.h"
	awk '{ while (match($$0, /@[A-Z]+@/)) { \
			printf "%s%s", substr($$0, 1, RSTART - 1), ENVIRON["INSTALL_" substr($$0, RSTART + 1, RLENGTH - 2)]; \
			$$0 = substr($$0, RSTART + RLENGTH) } \
		print }' goaway.pc.in > "$$INSTALL_LIB/pkgconfig/goaway.pc"

.PHONY: uninstall
uninstall: ## removes what install put there
	rm -f "$$INSTALL_LIB/libgoaway.so" "$$INSTALL_LIB/libgoaway.so.$(ABI)" \
		"$$INSTALL_LIB/libgoaway.so.$(VERSION)" "$$INSTALL_LIB/libgoaway.a" \
		"$$INSTALL_INCLUDE/goaway.h" "$$INSTALL_LIB/pkgconfig/goaway.pc"

.PHONY: clean
clean: ## removes everything that was built or installed below this folder
	$(CARGO) clean
	rm -rf build $(NODE)/build $(NODE)/prebuilds $(NODE)/node_modules
