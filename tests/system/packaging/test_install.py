# SPDX-License-Identifier: MIT OR Apache-2.0
"""`make install` installs exactly the listed files, which work, and `make uninstall` removes them."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from harness import paths
from installing import make

DIRECTORIES = {"PREFIX": "/usr", "LIBDIR": "/usr/lib/some-triple", "MODULESDIR": "/usr/lib/some-triple/ossl-modules"}


def files_below(directory: Path) -> set:
    found = (Path(top) / name for top, _, names in os.walk(directory) for name in names)
    return {"/" + str(path.relative_to(directory)) for path in found}


def the_list(**variables) -> list:
    done = subprocess.run(
        [paths.ROOT / "scripts" / "install", "list"],
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.fixture
def destdir(built, tmp_path) -> Path:
    return tmp_path / "with a blank"


def test_exactly_the_listed_files_are_installed(destdir):
    assert make("install", DESTDIR=destdir, **DIRECTORIES).returncode == 0
    assert files_below(destdir) == set(the_list(**DIRECTORIES))


def test_uninstall_removes_exactly_the_installed_files(destdir):
    others = ["usr/lib/some-triple/libother.so.1", "usr/share/man/man1/other.1", "usr/bin/other"]
    for name in others:
        (destdir / name).parent.mkdir(parents=True, exist_ok=True)
        (destdir / name).touch()
    assert make("install", DESTDIR=destdir, **DIRECTORIES).returncode == 0
    assert make("uninstall", DESTDIR=destdir, **DIRECTORIES).returncode == 0
    assert files_below(destdir) == {f"/{name}" for name in others}
    assert not (destdir / "usr/share/certpick").exists()


def test_installing_again_replaces_and_uninstalling_again_succeeds(destdir):
    for _ in range(2):
        assert make("install", DESTDIR=destdir, **DIRECTORIES).returncode == 0
    for _ in range(2):
        done = make("uninstall", DESTDIR=destdir, **DIRECTORIES)
        assert (done.returncode, done.stdout) == (0, "")


def test_links_point_to_the_library_and_modes_do_not_depend_on_the_umask(destdir):
    before = os.umask(0o027)
    try:
        assert make("install", DESTDIR=destdir, **DIRECTORIES).returncode == 0
    finally:
        os.umask(before)
    library = destdir / "usr/lib/some-triple"
    for link in ("libcertpick.so", "libcertpick.so.0", "ossl-modules/certpick.so"):
        assert (library / link).is_symlink()
        assert (library / link).resolve().name.startswith("libcertpick.so.0.")
    for name in files_below(destdir):
        path = destdir / name[1:]
        executable = path.name == "certpick" and path.parent.name == "bin" or ".so" in path.name
        assert stat.S_IMODE(path.stat().st_mode) == (0o755 if executable else 0o644), name


def test_the_link_in_a_module_directory_outside_libdir_works(destdir):
    variables = {**DIRECTORIES, "MODULESDIR": "/opt/openssl/modules"}
    assert make("install", DESTDIR=destdir, **variables).returncode == 0
    link = destdir / "opt/openssl/modules/certpick.so"
    assert os.readlink(link) == "/usr/lib/some-triple/libcertpick.so.0"


def test_openssls_own_module_directory_is_used_only_below_the_prefix():
    own = subprocess.run(
        ["pkg-config", "--variable=modulesdir", "libcrypto"], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert own.startswith("/usr/")
    assert f"{own}/certpick.so" in the_list(PREFIX="/usr")
    assert "/opt/x/lib/ossl-modules/certpick.so" in the_list(PREFIX="/opt/x")


def test_without_a_build_install_names_the_missing_file(tmp_path):
    (tmp_path / "scripts").mkdir()
    shutil.copy(paths.ROOT / "scripts" / "install", tmp_path / "scripts")
    shutil.copy(paths.ROOT / "Cargo.toml", tmp_path)
    done = subprocess.run(
        [tmp_path / "scripts" / "install", "install"],
        env={"PATH": os.environ["PATH"], "DESTDIR": str(tmp_path / "dest")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and "make build" in done.stderr
    assert "target/release/libcertpick.so" in done.stderr
    assert not (tmp_path / "dest").exists()


@pytest.fixture
def cross_built(tmp_path) -> Path:
    """What `make build` leaves for this machine, and later for TRIPLE; each binary contains the name of its directory."""
    for name in ("scripts/install", "Cargo.toml", "include", "man", "share", "patches", "certpick.pc.in"):
        copy = shutil.copytree if (paths.ROOT / name).is_dir() else shutil.copy
        (tmp_path / name).parent.mkdir(exist_ok=True)
        copy(paths.ROOT / name, tmp_path / name)
    shutil.copytree(paths.TARGET / "manual", tmp_path / "target" / "manual")
    for place in ("release", "TRIPLE/release"):
        (tmp_path / "target" / place).mkdir(parents=True)
        for name in ("libcertpick.so", "certpick"):
            (tmp_path / "target" / place / name).write_text(place)
    (tmp_path / "target" / "lib").mkdir()
    (tmp_path / "target" / "lib" / "libcertpick.so.0").symlink_to("../TRIPLE/release/libcertpick.so")
    return tmp_path


def install_from(tree: Path, **variables) -> subprocess.CompletedProcess:
    environment = {"PATH": os.environ["PATH"], "DESTDIR": str(tree / "dest"), "PREFIX": "/usr", **variables}
    return subprocess.run([tree / "scripts" / "install", "install"], env=environment, capture_output=True, text=True)


def test_with_cargo_build_target_the_files_of_that_target_are_installed(built, cross_built):
    done = install_from(cross_built, CARGO_BUILD_TARGET="TRIPLE")
    assert done.returncode == 0, done.stderr
    for installed in ("bin/certpick", "lib/libcertpick.so"):
        assert (cross_built / "dest/usr" / installed).read_text() == "TRIPLE/release"


def test_files_of_another_target_than_that_of_make_build_are_not_installed(built, cross_built):
    done = install_from(cross_built)
    assert done.returncode == 1 and "its library is TRIPLE/release/libcertpick.so" in done.stderr
    assert not (cross_built / "dest").exists()


def test_make_build_links_the_library_of_cargo_build_target():
    told = {target: make("-n", "library", CARGO_BUILD_TARGET=target).stdout for target in ("", "TRIPLE")}
    assert "ln -sfn ../release/libcertpick.so target/lib/libcertpick.so.0" in told[""]
    assert "ln -sfn ../TRIPLE/release/libcertpick.so target/lib/libcertpick.so.0" in told["TRIPLE"]


def pkg_config(prefix: Path, *words) -> str:
    done = subprocess.run(
        ["pkg-config", *words, "certpick"],
        env={"PATH": os.environ["PATH"], "PKG_CONFIG_PATH": str(prefix / "lib/some-triple/pkgconfig")},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_pkg_config_names_the_directories_and_openssl_only_for_static_linking(prefix):
    assert pkg_config(prefix, "--libs") == f"-L{prefix}/lib/some-triple -lcertpick"
    assert pkg_config(prefix, "--cflags") == f"-I{prefix}/include"
    assert pkg_config(prefix, "--print-requires") == ""
    assert pkg_config(prefix, "--print-requires-private").split() == ["libssl", "libcrypto"]


def openssl(*words, **environment) -> str:
    done = subprocess.run(
        ["openssl", *words],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_example_of_openssl_cnf_loads_the_module(prefix):
    output = openssl("list", "-providers", OPENSSL_CONF=str(prefix / "share/certpick/openssl.cnf"))
    assert "certpick" in output and "default" in output


def test_openssl_finds_the_module_by_its_name(prefix):
    modules = str(prefix / "lib/some-triple/ossl-modules")
    words = ("list", "-providers", "-provider", "default", "-provider", "certpick")
    assert "certpick" in openssl(*words, OPENSSL_MODULES=modules, OPENSSL_CONF="/dev/null")


def test_the_installed_program_finds_the_installed_module(tmp_path, built, pki):
    assert make("install", PREFIX=tmp_path).returncode == 0
    done = subprocess.run(
        [tmp_path / "bin" / "certpick", "run", "--sslcert", "anna.crt", "--sslkey", "anna.key", "--print"],
        cwd=pki["files"],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert f"{tmp_path}/lib/libcertpick.so" in done.stdout, done.stderr
