# goaway's entry points. `make` alone lists them.

VERSION := $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' Cargo.toml | head -n 1)
# Before 1.0 a minor version may break the ABI: the soname of 0.1.0 is libgoaway.so.0.1.
ABI := $(basename $(VERSION))

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DATADIR ?= $(PREFIX)/share
DESTDIR ?=

CARGO ?= cargo
STRIP ?= strip
PYTHON ?= python3
CFLAGS ?= -O2 -g
WARNINGS ?= -Wall -Wextra -Wpedantic -Werror
# Passed on: make test-rust TEST='--test close', make bench BENCH='--quick',
# make test-python PYTEST='-k supervisor'
TEST ?=
BENCH ?=
PYTEST ?=
# make demo PORT=9090
PORT ?= 8080

# Which library: `release`, which users get, or `dev`, which is built in seconds.
# Without PROFILE the tests use `dev` and everything else uses `release`:
# make test PROFILE=release. Each profile has its own folder for what is linked to it.
PROFILE ?=
TARGET := $(or $(CARGO_TARGET_DIR),target)
$(if $(filter-out dev release,$(PROFILE)),$(error PROFILE is dev or release, not $(PROFILE)))
OUT := $(if $(filter dev,$(PROFILE)),build/dev,build)
# The same command as `cargo test` uses: another one would build the library again,
# with other features.
BUILT := $(if $(filter dev,$(PROFILE)),$(TARGET)/debug/deps,$(TARGET)/release)
# Panic messages and debug information contain paths of source files. The paths of
# this machine are removed, except if the environment changes the profile, which
# only developers do.
CARGO_FOLDER = $(or $(CARGO_HOME),$(HOME)/.cargo)
REMAP = $(if $(CARGO_PROFILE_RELEASE_LTO),,--config "build.rustflags = [\
	'--remap-path-prefix=$(CARGO_FOLDER)/registry/src=crates', '--remap-path-prefix=$(CURDIR)=.']")
# Builds the shared and the static library together and no Rust library: only then
# does cargo optimise across crates, which saves a tenth of the time of a request.
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
# The programs find the library relative to their own folder.
LINK = -pthread -L$(OUT)/lib -lgoaway -Wl,-rpath,'$$ORIGIN/../lib'

.PHONY: help
help: ## lists the targets
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
demo: build ## builds and runs the demo on 127.0.0.1, port 8080 or PORT=9090, and prints commands to try
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

# The suites wait more than they compute, so they run side by side, each with several
# tests at a time. The output of a suite is shown when it has ended.
.PHONY: test
test: venv ## installs what the tests need, builds, and runs all tests (two or three minutes)
	@.ci/needs curl nghttp h2load openssl valgrind cc c++ nm pkg-config haproxy nginx nginx-stream node npm
	$(CARGO) test --locked --no-run $(TEST)
	$(MAKE) PROFILE=$(TESTED) build node
	$(MAKE) PROFILE=$(TESTED) -j3 --output-sync=target suite-rust suite-python suite-node

.PHONY: test-rust
test-rust: venv ## runs the Rust tests: the core, the C ABI and the wire; TEST='--test close' for a part
	@.ci/needs curl nghttp h2load node openssl valgrind cc c++ haproxy nginx nginx-stream
	$(MAKE) PROFILE=$(TESTED) build suite-rust

.PHONY: test-python
test-python: venv ## runs the tests of the Python package; PYTEST='-k name' for a part
	@.ci/needs curl nghttp h2load openssl
	$(MAKE) PROFILE=$(TESTED) library suite-python

.PHONY: test-node
test-node: ## runs the tests of the Node.js package
	@.ci/needs node npm openssl
	$(MAKE) PROFILE=$(TESTED) node suite-node

TESTED = $(or $(PROFILE),dev)

# The suites test what has been built already. These variables, which the bindings,
# bindings/run-demo and the kit read, name it.
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

# Node.js 18 does not have this option.
NODE_AT_ONCE = $(shell node --test-concurrency=3 --eval 0 2>/dev/null && echo --test-concurrency=3)

# Tests the release build, as users get it.
.PHONY: test-packages
test-packages: venv ## tests what `make install` installs, the wheel and the npm package
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
compatibility: $(VENV)/fresh ## compares other ASGI servers with goaway, and writes docs/python-servers.md
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
valgrind: ## runs the misuse tests under valgrind (some minutes)
	@.ci/needs valgrind cc
	$(CARGO) test --locked --test misuse under_valgrind -- --test-threads=2

.PHONY: sanitize
sanitize: sanitize-address sanitize-thread ## runs the misuse, close and HTTP/1.1 tests under two sanitizers (15 minutes)

# Functions that LLVM's code calls and GCC's runtime lacks.
MORE = $(if $(wildcard tests/sanitize/$*.c),$(abspath build/$*/more.o))

# How the library is built. A sanitizer is an unstable option of rustc, which the
# stable compiler accepts with RUSTC_BOOTSTRAP. AddressSanitizer needs nothing else:
# it replaces malloc and so sees what the standard library allocates and frees.
SANITIZE_BUILD_address = RUSTC_BOOTSTRAP=1 $(CARGO) rustc
# ThreadSanitizer must see all synchronisation. The standard library is therefore
# built with it too, which needs nightly.
SANITIZE_BUILD_thread = rustup run nightly cargo rustc -Zbuild-std

.PHONY: sanitize-needs-thread sanitize-needs-address
sanitize-needs-address:
sanitize-needs-thread:
	@rustup component list --toolchain nightly --installed 2>/dev/null | grep -q rust-src || { \
		echo 'make sanitize-thread needs the nightly toolchain with its sources:' >&2; \
		echo '  rustup toolchain install nightly --component rust-src' >&2; exit 1; }

# cc builds the C programs; its runtime works for both.
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
	# A thousand sessions at a time are enough for a slow build.
	ulimit -n 2000; for tls in '' 1; do \
		GOAWAY_KIT_TLS=$$tls GOAWAY_C_PROGRAMS='$(abspath build/$*)' ASAN_OPTIONS=detect_leaks=0 \
		$(CARGO) test --locked --test close --test http1 $(TEST) -- --test-threads=2 --skip kit:: || exit 1; done

.PHONY: bench
bench: ## measures the speed of goaway beside other servers (5 minutes)
	@.ci/needs curl h2load nghttpd nginx haproxy h2o wrk openssl
	$(MAKE) build
	$(CARGO) build --release --locked --manifest-path benches/peers/Cargo.toml
	$(CARGO) run --release --locked --manifest-path benches/peers/Cargo.toml --bin bench -- $(BENCH)

# Passed on: make test-applications APPLICATION='datasette wagtail'
APPLICATION ?=

.PHONY: test-applications
test-applications: $(VENV)/fresh ## compares whole applications on goaway and on uvicorn, gunicorn or Node.js
	@.ci/needs node npm openssl
	$(MAKE) library node-prebuild
	$(VENV)/bin/python tests/applications $(APPLICATION)

.PHONY: bench-python
bench-python: venv ## measures the Python package beside Granian and Hypercorn (4 minutes)
	@.ci/needs h2load
	$(MAKE) library
	$(VENV)/bin/python benches/python $(BENCH)

.PHONY: bench-close
bench-close: build/close/fresh ## measures how goaway, Node.js, uvicorn, Hypercorn and Granian close (2 minutes)
	@.ci/needs node
	$(MAKE) library
	build/close/bin/python benches/close

build/close/fresh: benches/close/requirements.txt
	@.ci/needs venv
	$(PYTHON) -m venv --clear build/close
	build/close/bin/pip install --quiet --disable-pip-version-check -r benches/close/requirements.txt
	@touch $@

# make fuzz FUZZ=http1_heads SECONDS=20: one target, for 20 seconds.
FUZZ ?= $(notdir $(wildcard fuzz/corpus/*))
FUZZED := $(abspath $(or $(CARGO_TARGET_DIR),target))/fuzz
# The flags that cargo-fuzz uses.
FUZZ_FLAGS := --cfg fuzzing -Cpasses=sancov-module \
	$(addprefix -Cllvm-args=-sanitizer-coverage-,level=4 inline-8bit-counters pc-table trace-compares) \
	-Zsanitizer=address -Ccodegen-units=1 -Cdebug-assertions

.PHONY: fuzz
fuzz: ## runs the fuzz targets, five minutes each; needs the nightly toolchain
	@.ci/needs c++
	RUSTFLAGS='$(FUZZ_FLAGS)' CARGO_TARGET_DIR='$(FUZZED)' rustup run nightly \
		cargo build --release --locked --manifest-path fuzz/Cargo.toml --target '$(HOST)'
	@mkdir -p $(FUZZ:%=build/fuzz/%)
	for target in $(FUZZ); do '$(FUZZED)/$(HOST)/release/'$$target -max_total_time=$(SECONDS) \
		-artifact_prefix=build/fuzz/ build/fuzz/$$target fuzz/corpus/$$target || exit 1; done

# make soak SECONDS=20 is the short form.
SECONDS ?= 300

.PHONY: soak
soak: ## tests five minutes of peers that connect and leave in every way; SECONDS=20 for less
	@.ci/needs cc
	$(MAKE) build
	SOAK_SECONDS=$(SECONDS) $(CARGO) test --locked --test soak -- --nocapture nothing_stays_behind

NODE := bindings/node
NODE_BUILT := $(if $(filter dev,$(PROFILE)),$(OUT)/node,$(NODE)/build)
NODE_HEADERS := $(NODE)/node_modules/node-api-headers/include
NODE_PREBUILDS = $(NODE)/prebuilds/$(shell node -p 'process.platform + "-" + process.arch')
# To use an existing library: make node NODE_LIBRARY=/usr/lib/libgoaway.so NODE_INCLUDE=/usr/include
NODE_LIBRARY ?= $(OUT)/lib/libgoaway.so
NODE_INCLUDE ?= include
NODE_FLAGS = -fPIC -fvisibility=hidden -shared -I$(NODE_INCLUDE) -isystem $(NODE_HEADERS)
# The addon finds the library in its own folder. It stays mapped when a worker thread
# that loaded it ends, because threads of the library may still be ending.
NODE_LINK = $(NODE_LIBRARY) -Wl,-rpath,'$$ORIGIN' -Wl,-z,nodelete

# `make library` makes it. Without its own recipe it counts as made only if it was
# missing.
$(OUT)/lib/libgoaway.so: | library ;

.PHONY: node-needs
node-needs:
	@.ci/needs cc node npm

.PHONY: node
node: node-needs $(if $(filter $(OUT)/lib/%,$(NODE_LIBRARY)),library) $(NODE_BUILT)/goaway.node $(NODE_BUILT)/libgoaway.so.$(ABI) ## builds the Node.js binding

# --force: the package's binaries are for one platform, but it can be built on others.
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
node-prebuild: node ## puts the binding's binaries into its prebuilds/, as the package ships them
	@mkdir -p $(NODE_PREBUILDS)
	$(STRIP) --strip-unneeded -o $(NODE_PREBUILDS)/goaway.node $(NODE_BUILT)/goaway.node
	$(STRIP) --strip-unneeded -o $(NODE_PREBUILDS)/libgoaway.so.$(ABI) $(NODE_BUILT)/libgoaway.so.$(ABI)

.PHONY: bench-node
bench-node: node ## measures the Node.js binding beside node:http2 and Fastify (5 minutes)
	@.ci/needs h2load
	npm ci --ignore-scripts --no-audit --no-fund --prefix benches/node
	node benches/node/bench.js $(BENCH)

.PHONY: header
header: ## generates include/goaway.h and include/goaway.json from src/ffi, and Python's declarations
	GOAWAY_WRITE_HEADER=1 $(CARGO) test --test header is_fresh
	$(PYTHON) bindings/python/declare.py

.PHONY: readme
readme: ## copies the examples into bindings/c/README.md
	GOAWAY_WRITE_README=1 $(CARGO) test --test examples every_block_of_c

.PHONY: notices
notices: ## generates THIRD-PARTY-NOTICES from the licences of the crates in the library
	$(PYTHON) packaging/notices.py

RUFF := $(VENV)/bin/ruff --config bindings/python/pyproject.toml
PYTHON_SOURCES := bindings/python benches/python benches/close tests/applications tests/parsers packaging

.PHONY: fmt
fmt: venv ## formats the Rust and Python sources
	$(CARGO) fmt
	$(CARGO) fmt --manifest-path benches/peers/Cargo.toml
	$(RUFF) format $(PYTHON_SOURCES)

.PHONY: lint
lint: lint-python ## checks the format and style of the sources
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings
	$(CARGO) fmt --check --manifest-path benches/peers/Cargo.toml
	$(CARGO) clippy --all-targets --manifest-path benches/peers/Cargo.toml -- -D warnings

.PHONY: lint-python
lint-python: venv
	$(RUFF) format --check $(PYTHON_SOURCES)
	$(RUFF) check $(PYTHON_SOURCES)
	cd bindings/python && ../../$(VENV)/bin/mypy

# The shell reads these from the environment, so that names may contain spaces and
# other characters.
install uninstall: export INSTALL_LIB = $(DESTDIR)$(LIBDIR)
install uninstall: export INSTALL_INCLUDE = $(DESTDIR)$(INCLUDEDIR)
install uninstall: export INSTALL_DATA = $(DESTDIR)$(DATADIR)/goaway
install: export INSTALL_PREFIX = $(PREFIX)
install: export INSTALL_LIBDIR = $(LIBDIR)
install: export INSTALL_INCLUDEDIR = $(INCLUDEDIR)
install: export INSTALL_DATADIR = $(DATADIR)
install: export INSTALL_VERSION = $(VERSION)

# `make install` as root compiles nothing and needs no cargo.
.PHONY: install
install: ## installs the result of `make build` into PREFIX (/usr/local), below DESTDIR
	@for file in libgoaway.so libgoaway.a; do test -e "build/lib/$$file" || { \
		echo "install: build/lib/$$file is not there; run \`make build\` first" >&2; exit 1; }; done
	install -d "$$INSTALL_LIB/pkgconfig" "$$INSTALL_INCLUDE" "$$INSTALL_DATA"
	install -m 755 build/lib/libgoaway.so "$$INSTALL_LIB/libgoaway.so.$(VERSION)"
	$(STRIP) --strip-unneeded "$$INSTALL_LIB/libgoaway.so.$(VERSION)"
	ln -sf libgoaway.so.$(VERSION) "$$INSTALL_LIB/libgoaway.so.$(ABI)"
	ln -sf libgoaway.so.$(ABI) "$$INSTALL_LIB/libgoaway.so"
	install -m 644 build/lib/libgoaway.a "$$INSTALL_LIB/libgoaway.a"
	$(STRIP) --strip-debug "$$INSTALL_LIB/libgoaway.a"
	install -m 644 include/goaway.h "$$INSTALL_INCLUDE/goaway.h"
	install -m 644 include/goaway.json "$$INSTALL_DATA/goaway.json"
	awk '{ while (match($$0, /@[A-Z]+@/)) { \
			printf "%s%s", substr($$0, 1, RSTART - 1), ENVIRON["INSTALL_" substr($$0, RSTART + 1, RLENGTH - 2)]; \
			$$0 = substr($$0, RSTART + RLENGTH) } \
		print }' goaway.pc.in > "$$INSTALL_LIB/pkgconfig/goaway.pc"

.PHONY: uninstall
uninstall: ## removes what `make install` installed
	rm -f "$$INSTALL_LIB/libgoaway.so" "$$INSTALL_LIB/libgoaway.so.$(ABI)" \
		"$$INSTALL_LIB/libgoaway.so.$(VERSION)" "$$INSTALL_LIB/libgoaway.a" \
		"$$INSTALL_INCLUDE/goaway.h" "$$INSTALL_DATA/goaway.json" "$$INSTALL_LIB/pkgconfig/goaway.pc"
	rmdir "$$INSTALL_DATA" 2>/dev/null || true

.PHONY: clean
clean: ## removes everything that was built or installed below this folder
	$(CARGO) clean
	rm -rf build $(NODE)/build $(NODE)/prebuilds $(NODE)/node_modules
