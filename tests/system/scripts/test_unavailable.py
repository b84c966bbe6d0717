# SPDX-License-Identifier: MIT OR Apache-2.0
"""The replacements, reasons and exit status if a download has no source (harness/unavailable.py)."""

import os
import subprocess

import pytest

from harness import paths, unavailable


@pytest.mark.parametrize(
    "name, command",
    [
        ("source:libnone", ["scripts/apt-source", "libnone", "DEST", "trixie"]),
        ("package:none", ["scripts/apt-package", "none", "DEST", "trixie"]),
        ("crate:none", ["scripts/crate-source", "none", "=1.0.0", "DEST"]),
        ("crate:pq-src", ["scripts/pq-src", "fetch", "17", "DEST"]),
        ("crates", ["scripts/crates", "fetch", "--locked"]),
    ],
)
def test_a_download_without_a_source_exits_with_75_and_leaves_no_files(name, command, tmp_path):
    words = [str(tmp_path / "dest") if word == "DEST" else word for word in command]
    env = {**os.environ, "CERTPICK_UNREACHABLE": f"package:other {name}"}
    done = subprocess.run(words, cwd=paths.ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == unavailable.STATUS, done.stdout + done.stderr
    assert "CERTPICK_UNREACHABLE" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def built(tmp_path, monkeypatch):
    """Makes directories like those of builds: "15" of psql, "17-libpq" of libpq alone, "18-none" without a source."""
    monkeypatch.setattr(paths, "TARGET", tmp_path)
    monkeypatch.setattr(paths, "packaged_servers", lambda: {})

    def make(*names: str) -> None:
        for name in names:
            version, _, what = name.partition("-")
            for part in [] if what == "none" else ["lib"] if what == "libpq" else ["lib", "bin"]:
                (tmp_path / f"psql-{version}" / part).mkdir(parents=True)
            if not what:
                (tmp_path / f"psql-{version}" / "bin" / "psql").touch()
            if what == "none":
                (tmp_path / f"psql-{version}").mkdir()
                (tmp_path / f"psql-{version}" / "unavailable").write_text("no source\n")

    return make


def test_a_libpq_without_psql_is_used_by_an_older_psql(built, tmp_path):
    built("15", "17-libpq", "18")
    with_libpq_17 = {"LD_LIBRARY_PATH": str(tmp_path / "psql-17" / "lib")}
    assert paths.psql(17) == (tmp_path / "psql-15/bin/psql", with_libpq_17)
    assert paths.psql(18) == (tmp_path / "psql-18/bin/psql", {})


def test_a_libpq_without_psql_is_used_by_the_distributions_psql_if_none_was_built(built, tmp_path, monkeypatch):
    built("17-libpq", "15-none", "18")
    monkeypatch.setattr(paths, "packaged_servers", lambda: {18: tmp_path / "18", 16: tmp_path})
    (tmp_path / "psql").touch()
    assert paths.psql(17)[0] == tmp_path / "psql"


def test_the_test_is_skipped_if_only_a_newer_psql_exists(built):
    built("17-libpq", "18")
    with pytest.raises(unavailable.Unavailable, match="no psql can use it"):
        paths.psql(17)


def test_a_version_without_a_source_is_skipped_even_if_an_old_build_exists(built, tmp_path):
    built("15", "18-none")
    (tmp_path / "psql-15" / "unavailable").write_text("gone\n")
    for version, reason in ((15, "gone"), (18, "no source")):
        with pytest.raises(unavailable.Unavailable, match=f"^{reason}$"):
            paths.psql(version)


def test_a_missing_build_is_an_error_and_no_skip(built, tmp_path):
    assert paths.psql(15) == (tmp_path / "psql-15/bin/psql", {})
    with pytest.raises(FileNotFoundError):
        paths.postgres_ssl_files()
    with pytest.raises(FileNotFoundError):
        paths.server_bindir()
