# SPDX-License-Identifier: MIT OR Apache-2.0
# The front door. Everything that is made goes below target/.

PYTHON ?= /usr/bin/python3
PG ?= 15

export CARGO_TARGET_DIR := $(CURDIR)/target
export PYTHONPYCACHEPREFIX := $(CURDIR)/target/pycache
export PG_SRC

.PHONY: help demo check check-long pgtests matrix psql library man fuzz header bench clean
.PHONY: build install uninstall abi debs dist

# Where things are installed; scripts/install says what each means.
export DESTDIR PREFIX BINDIR LIBDIR INCLUDEDIR DATADIR MANDIR MODULESDIR

help:
	@echo 'make demo    psql with several certificates, against a real PostgreSQL server'
	@echo 'make check   every test; the last lines say what was skipped for want of a download, and why'
	@echo 'make check-long  what takes longer: make pgtests, make matrix, packages (WITHIN=N: what'
	@echo '             fits into N minutes)'
	@echo "make pgtests PostgreSQL's own SSL tests, with certpick in its libpq"
	@echo 'make matrix  the Rust and C tests with OpenSSL 1.1.1, 3.5, 3.6 and 4.0 (hours)'
	@echo 'make psql    a patched psql, target/psql-$(PG)/bin/psql (PG=15, 16, 17 or 18;'
	@echo '             PG_SRC=dir takes the PostgreSQL source from there; libpq alone for 16, and'
	@echo "             for 17 and 18 where Debian's source cannot be downloaded)"
	@echo 'make bench   measures connections, choices, selectors and starts, beside stock libpq, Go, Java'
	@echo '             and GnuTLS (20 minutes; BENCH_QUICK=1: three); see doc/performance.md'
	@echo 'make fuzz    each fuzz target for FUZZ_SECONDS (20) of processor time'
	@echo 'make man     manual pages and completions of the program, into target/manual'
	@echo 'make build   library, program, manual pages: what make install installs'
	@echo 'make install, make uninstall   with DESTDIR, PREFIX (/usr/local), LIBDIR (PREFIX/lib), and'
	@echo '             BINDIR, INCLUDEDIR, DATADIR, MANDIR, MODULESDIR'
	@echo 'make dist    the source with all crates, checksums, SBOM and licences, into target/dist'
	@echo 'make debs    Debian packages, built and tried in a clean root of trixie (root or sudo)'
	@echo 'make abi     record additions to the interface; a break is refused'
	@echo 'make header  make include/certpick.h anew from the source'
	@echo 'make clean   remove target/'
	@echo 'demo, check, check-long, pgtests, matrix, bench and psql install missing Debian packages with apt-get'
	@echo '(CERTPICK_SETUP=no: never).'

demo:
	@scripts/setup demo
	@$(MAKE) --no-print-directory library
	@$(PYTHON) scripts/demo-without-a-patch
	@$(PYTHON) scripts/demo

check:
	@scripts/setup check
	@$(PYTHON) scripts/check

check-long:
	@scripts/setup check
	@scripts/setup pgtests
	@scripts/setup debs
	@WITHIN=$(WITHIN) $(PYTHON) scripts/check-long

matrix:
	@scripts/setup check
	@$(PYTHON) scripts/matrix

pgtests:
	@scripts/setup pgtests
	@$(PYTHON) scripts/pgtests

psql: library
	@scripts/setup demo
	@PG=$(PG) scripts/psql

# The linker asks for libcertpick.so, the running program for its SONAME, libcertpick.so.0.
library:
	@cargo build --release --locked --workspace
	@mkdir -p target/lib
	@ln -sfn ../release/libcertpick.so target/lib/libcertpick.so.0
	@ln -sfn libcertpick.so.0 target/lib/libcertpick.so

fuzz:
	@scripts/setup check
	@$(PYTHON) scripts/fuzz

# With the workspace's features, for which the tests have built the crates.
man:
	@cargo build --quiet --locked --workspace --example manual
	@target/debug/examples/manual target/manual

build: library man

install:
	@scripts/install install

uninstall:
	@scripts/install uninstall

abi:
	@$(PYTHON) scripts/abi record

debs:
	@scripts/setup debs
	@scripts/debian-package

dist:
	@$(PYTHON) scripts/dist

# tests/header.rs compares the header with what cbindgen makes, or writes it.
header:
	@CERTPICK_WRITE_HEADER=1 cargo test --quiet --locked --test header

bench:
	@scripts/setup bench
	@$(MAKE) --no-print-directory library
	@cargo bench --quiet --locked
	@$(PYTHON) scripts/bench-start
	@$(PYTHON) scripts/bench

clean:
	rm -rf target
