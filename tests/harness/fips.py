# SPDX-License-Identifier: MIT OR Apache-2.0
"""An openssl.cnf that activates the providers fips and base, and demands fips=yes."""

import os
import subprocess
from pathlib import Path

from .openssl_cnf import section
from .unavailable import ROOT, need


def module() -> Path:
    """Returns the module, from scripts/provider-module. CERTPICK_FIPS_PROVIDER names another directory."""
    directory = Path(os.environ.get("CERTPICK_FIPS_PROVIDER", ROOT / "target" / "openssl-provider-fips"))
    need(directory)
    return (directory / "fips.so").resolve(strict=True)


def write(path: Path, providers: dict, **checks) -> Path:
    """Writes the file, with these providers, too (name: settings). checks: settings of the provider fips."""
    installed = path.with_suffix(".fipsmodule")
    command = ["openssl", "fipsinstall", "-quiet", "-module", module(), "-out", installed]
    env = {**os.environ, "OPENSSL_CONF": "/dev/null"}
    done = subprocess.run(list(map(str, command)), env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    others = {"base": {"activate": 1}, **providers}
    names = {"fips": "fips_sect", **{name: f"{name}_section" for name in others}}
    parts = ["openssl_conf = openssl_init\n"]
    parts += [section("openssl_init", {"providers": "providers", "alg_section": "algorithms"})]
    parts += [section("algorithms", {"default_properties": "fips=yes"}), section("providers", names)]
    parts += [section(names[name], settings) for name, settings in others.items()]
    own = {"module": module(), **checks}
    parts += [installed.read_text(), *(f"{name} = {value}\n" for name, value in own.items())]  # of fips_sect
    path.write_text("".join(parts))
    return path
