# SPDX-License-Identifier: MIT OR Apache-2.0
# All builds go to target/.

PYTHON ?= /usr/bin/python3
PG ?= 15

export CARGO_TARGET_DIR := $(CURDIR)/target
export PYTHONPYCACHEPREFIX := $(CURDIR)/target/pycache
export PG_SRC

.PHONY: help demo check check-long pgtests matrix psql library man fuzz header bench clean
.PHONY: build install uninstall abi debs rpms dist architectures

# See scripts/install.
export DESTDIR PREFIX BINDIR LIBDIR INCLUDEDIR DATADIR MANDIR MODULESDIR

help:
	@echo 'make demo        psql with several certificates and a PostgreSQL server'
	@echo 'make check       all tests; the last lines list the tests that were skipped for lack of a download'
	@echo 'make check-long  slower tests: make pgtests, make matrix, packages and more (WITHIN=N: those that'
	@echo '                 fit into N minutes)'
	@echo "make pgtests     PostgreSQL's SSL tests, with certpick in libpq and with patches/upstream (PG=15 or 18:"
	@echo '                 of one version)'
	@echo 'make matrix      the Rust and Python tests with OpenSSL 1.1.1, 3.5, 3.6 and 4.0 (hours)'
	@echo 'make architectures  the Rust and C tests on i386, arm64, armhf, s390x, ppc64el and riscv64, cross-compiled'
	@echo '                 in a clean root of trixie and emulated (root or sudo; hours)'
	@echo 'make psql        a patched psql, target/psql-$(PG)/bin/psql (PG=15, 16, 17 or 18; PG_SRC=DIR: from'
	@echo '                 this source). For 16, and if the source of 17 or 18 cannot be downloaded, libpq only'
	@echo 'make bench       the benchmark, also with stock libpq, Go, Java and GnuTLS (20 minutes;'
	@echo '                 BENCH_QUICK=1: 3 minutes); see doc/performance.md'
	@echo 'make fuzz        each fuzz target for FUZZ_SECONDS (20) of processor time'
	@echo 'make man         manual pages and completions of the program, into target/manual'
	@echo 'make build       library, program, manual pages: the files that make install installs'
	@echo '                 With CARGO_BUILD_TARGET=TRIPLE, also of make install: for another architecture;'
	@echo '                 see doc/packaging.md'
	@echo 'make install     installs; make uninstall removes. Variables: DESTDIR, PREFIX (/usr/local), LIBDIR'
	@echo '                 (PREFIX/lib), BINDIR, INCLUDEDIR, DATADIR, MANDIR, MODULESDIR'
	@echo 'make dist        source tarball with all crates, checksums, SBOM and licences, into target/dist'
	@echo 'make debs        Debian packages for amd64, i386 and arm64, built and tested in a clean root of trixie'
	@echo '                 (root or sudo)'
	@echo 'make rpms        after make debs: packages of packaging/certpick.spec, built in that root and compared'
	@echo '                 with those of make debs'
	@echo 'make abi         records additions to the C interface; rejects other changes'
	@echo 'make header      writes include/certpick.h'
	@echo 'make clean       removes target/'
	@echo 'demo, check, check-long, pgtests, matrix, architectures, bench, psql, fuzz, debs and rpms install missing'
	@echo 'Debian packages with apt-get, unless CERTPICK_SETUP=no.'

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
	@scripts/setup tpm
	@scripts/setup suites
	@scripts/setup programs
	@WITHIN=$(WITHIN) $(PYTHON) scripts/check-long

matrix:
	@scripts/setup check
	@$(PYTHON) scripts/matrix

architectures:
	@scripts/setup debs
	@scripts/architectures

# Every version, unless PG is given.
pgtests:
	@scripts/setup pgtests
	@$(PYTHON) scripts/pgtests $(if $(filter file,$(origin PG)),,$(PG))

psql: library
	@scripts/setup psql
	@PG=$(PG) scripts/psql

# Below target/, the directory of release builds: cargo takes the target from CARGO_BUILD_TARGET.
release = $(if $(CARGO_BUILD_TARGET),$(CARGO_BUILD_TARGET)/)release

# Linking needs libcertpick.so, and the dynamic linker needs the SONAME, libcertpick.so.0.
library:
	@cargo build --release --locked --workspace --exclude testkit
	@mkdir -p target/lib
	@ln -sfn ../$(release)/libcertpick.so target/lib/libcertpick.so.0
	@ln -sfn libcertpick.so.0 target/lib/libcertpick.so

fuzz:
	@scripts/setup check
	@$(PYTHON) scripts/fuzz

# --workspace selects the features with which the tests have built the crates. The example runs on this machine.
man:
	@env -u CARGO_BUILD_TARGET cargo build --quiet --locked --workspace --example manual
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

rpms:
	@scripts/setup debs
	@scripts/rpm-package

dist:
	@$(PYTHON) scripts/dist

# tests/header.rs writes the header if this variable is set, and compares it otherwise.
header:
	@CERTPICK_WRITE_HEADER=1 cargo test --quiet --locked --test header

bench:
	@scripts/setup bench
	@$(MAKE) --no-print-directory library
	@scripts/provider-module pkcs11-provider || [ $$? -eq 75 ]
	@cargo bench --quiet --locked
	@$(PYTHON) scripts/bench-start
	@$(PYTHON) scripts/bench

clean:
	rm -rf target
