# SPDX-License-Identifier: MIT OR Apache-2.0
"""scripts/package-contents finds binaries of another architecture, and differences between packages."""

import shutil
import subprocess
from pathlib import Path

import pytest

from harness import paths

LIBRARY = paths.TARGET / "release" / "libcertpick.so"
MODULE = "usr/lib/{triplet}/ossl-modules/certpick.so"
DEBUG = ["usr/lib/debug/usr/bin/certpick-1.debug", "usr/lib/debug/usr/lib64/libcertpick.so.0.1-1.debug"]
LIBRARY_REQUIRES = ["libc6 (>= 2.39)", "libssl3t64 (>= 3.0.0)"]
LIBRARY_OF_RPM = ["libc.so.6(GLIBC_2.34)(64bit)", "libcrypto.so.3()(64bit)", "libcrypto.so.3(OPENSSL_3.0.0)(64bit)"]


def check(*arguments) -> tuple:
    done = subprocess.run(
        ["/usr/bin/python3", paths.ROOT / "scripts" / "package-contents", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stderr


def package(directory: Path, name: str, files: list, requires: list, provides: tuple = ()) -> None:
    for file in files:
        path = directory / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("text")
    (directory / f"{name}.requires").write_text("".join(f"{line}\n" for line in requires))
    (directory / f"{name}.provides").write_text("".join(f"{line}\n" for line in provides))


def of_this_machine() -> str:
    return subprocess.run(["dpkg", "--print-architecture"], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def binaries(tmp_path) -> Path:
    """Packages that contain our library, also as the program."""
    for file in ("libcertpick0/usr/lib/triplet/libcertpick.so.0.1", "certpick/usr/bin/certpick"):
        (tmp_path / file).parent.mkdir(parents=True)
        shutil.copy(LIBRARY, tmp_path / file)
    package(tmp_path, "libcertpick-dev", ["usr/include/certpick.h"], [])
    return tmp_path


def test_binaries_of_this_machine_have_its_architecture(binaries):
    assert check("architecture", of_this_machine(), binaries) == (0, "")


# The offsets of the class, the byte order and the machine.
@pytest.mark.parametrize("offset", [4, 5, 18])
def test_a_binary_of_another_architecture_is_found(binaries, offset):
    program = binaries / "certpick/usr/bin/certpick"
    content = bytearray(program.read_bytes())
    content[offset] ^= 3
    program.write_bytes(content)
    status, told = check("architecture", of_this_machine(), binaries)
    assert status == 1
    assert "certpick/usr/bin/certpick is (" in told and "libcertpick.so" not in told


def test_packages_for_another_architecture_than_the_binaries_are_found(binaries):
    other = "i386" if of_this_machine() != "i386" else "amd64"
    status, told = check("architecture", other, binaries)
    assert status == 1 and told.count(f"but {other} is ") == 2


def test_a_package_that_lacks_its_binary_is_found(binaries):
    (binaries / "libcertpick0/usr/lib/triplet/libcertpick.so.0.1").write_text("no binary")
    status, told = check("architecture", of_this_machine(), binaries)
    assert status == 1 and "libcertpick0 contains no binary" in told


def debs(directory: Path, triplet: str) -> Path:
    documents = ["changelog.gz", "changelog.Debian.gz", "copyright"]
    contents = {
        "certpick": [
            "usr/bin/certpick", MODULE.format(triplet=triplet), "usr/share/lintian/overrides/certpick",
            "usr/share/zsh/vendor-completions/_certpick",
        ],
        "libcertpick0": [f"usr/lib/{triplet}/libcertpick.so.0", "usr/lib/debug/.build-id/aa/bb.debug"],
        "libcertpick-dev": ["usr/include/certpick.h", "usr/share/man/man3/certpick.3.gz"],
    }  # fmt: skip
    requires = {"certpick": ["libcertpick0 (= 1-1)"], "libcertpick0": LIBRARY_REQUIRES}
    for name, files in contents.items():
        package(directory, name, [*files, *(f"usr/share/doc/{name}/{d}" for d in documents)], requires.get(name, []))
    package(directory, "certpick-dbgsym", [f"usr/lib/debug/{triplet}"], [])
    return directory


def test_packages_of_two_architectures_are_alike_but_for_the_triplet(tmp_path):
    one, other = (debs(tmp_path / t, t) for t in ("x86_64-linux-gnu", "arm-linux-gnueabihf"))
    assert check("debs", one, other) == (0, "")
    package(other, "certpick", ["usr/share/more"], ["libc6", "libcertpick0 (= 1-1)"])
    status, told = check("debs", one, other)
    assert status == 1
    assert "certpick: not on both architectures: /usr/share/more\n" in told
    assert "certpick: not on both architectures: the dependency on libc6\n" in told


@pytest.fixture
def rpms(tmp_path) -> Path:
    directory = tmp_path / "rpms"
    licence = "usr/share/licenses/{}/LICENSE-MIT"
    package(
        directory, "certpick",
        ["usr/bin/certpick", MODULE.replace("lib/{triplet}", "lib64"), "usr/share/zsh/site-functions/_certpick",
         licence.format("certpick"), "usr/lib/.build-id/aa/bb"],
        ["certpick-libs(x86-64) = 1-1", "rtld(GNU_HASH)"],
    )  # fmt: skip
    package(
        directory, "certpick-libs",
        ["usr/lib64/libcertpick.so.0", "usr/lib/debug/.build-id/aa/bb.debug", licence.format("certpick-libs")],
        LIBRARY_OF_RPM, ("libcertpick.so.0()(64bit)",),
    )  # fmt: skip
    package(
        directory, "certpick-devel", ["usr/include/certpick.h", "usr/share/man/man3/certpick.3.gz"],
        ["/usr/bin/pkg-config"], ("pkgconfig(certpick) = 1",),
    )  # fmt: skip
    package(directory, "certpick-debuginfo", DEBUG, [])
    for file in DEBUG:
        shutil.copy(LIBRARY, directory / "certpick-debuginfo" / file)
    return directory


@pytest.fixture
def packages(tmp_path, rpms) -> tuple:
    return debs(tmp_path / "debs", "x86_64-linux-gnu"), rpms


def test_packages_of_debian_and_of_the_spec_are_alike_but_for_listed_differences(packages):
    assert check("rpms", *packages) == (0, "")


@pytest.mark.parametrize(
    "name, files, requires, words",
    [
        ("certpick-devel", ["usr/share/more"], None, "only in certpick-devel, without a reason: /usr/share/more"),
        ("certpick-libs", [], ["libc.so.6(X)"], "only libcertpick0 depends on OpenSSL"),
        ("certpick-libs", [], [*LIBRARY_OF_RPM, "libgcc_s.so.1(GCC_3.0)"], "only certpick-libs depends on libgcc"),
        ("certpick", [], ["certpick-libs(x86-64) = 2-1"], "only certpick depends on the library, 2-1"),
        ("certpick", [], ["perl"], "certpick: a dependency that has no counterpart: perl"),
        ("certpick-libs", [], LIBRARY_OF_RPM, "certpick-libs does not provide"),
        ("more", [], [], "the packages are"),
    ],
)
def test_a_difference_that_is_not_listed_is_found(packages, name, files, requires, words):
    before = (packages[1] / f"{name}.requires").read_text().splitlines() if name != "more" else []
    package(packages[1], name, files, before if requires is None else requires)
    (packages[1] / name).mkdir(exist_ok=True)
    status, told = check("rpms", *packages)
    assert status == 1 and words in told


def test_a_listed_difference_that_is_gone_is_found(packages):
    shutil.rmtree(packages[1] / "certpick/usr/lib/.build-id")
    status, told = check("rpms", *packages)
    assert status == 1 and "no longer a difference: /usr/lib/" in told


def test_packages_without_debug_symbols_are_found(packages):
    (packages[1] / "certpick-debuginfo" / DEBUG[1]).write_text("no binary")
    status, told = check("rpms", *packages)
    assert status == 1 and "no debug symbols of libcertpick.so" in told and "bin/certpick" not in told
