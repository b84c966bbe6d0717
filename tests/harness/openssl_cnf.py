# SPDX-License-Identifier: MIT OR Apache-2.0
"""Configuration files for OpenSSL 3.0 and later, with the library as a provider module or without."""

from pathlib import Path

from .toolchain import LIBRARY


def escape(value: object) -> str:
    """A value as config(5) wants it, whatever characters it has."""
    return "".join(f"\\{c}" if c in "\\\"'$#" else c for c in str(value))


def section(name: str, settings: dict) -> str:
    """Settings that are None are left out."""
    lines = [f"{key} = {escape(value)}\n" for key, value in settings.items() if value is not None]
    return f"[{name}]\n{''.join(lines)}"


def text(providers: dict, more: str = "") -> str:
    """A file that activates OpenSSL's default provider and these: names with their sections."""
    sections = {"default": {"activate": 1}, **providers}
    names = {name: f"{name}_section" for name in sections}
    parts = ["openssl_conf = openssl_init\n", section("openssl_init", {"providers": "providers"})]
    parts += [section("providers", names)]
    parts += [section(names[name], settings) for name, settings in sections.items()]
    return "".join(parts) + more


def certpick(settings: dict, module: Path = LIBRARY) -> dict:
    """The section of our own provider."""
    return {"module": module, "activate": 1, **settings}


def write(path: Path, settings: dict) -> Path:
    """A file with the library in effect."""
    path.write_text(text({"certpick": certpick(settings)}))
    return path


def write_without(path: Path) -> Path:
    """A file with OpenSSL's own provider alone."""
    path.write_text(text({}))
    return path
