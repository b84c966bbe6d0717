# SPDX-License-Identifier: MIT OR Apache-2.0
"""Writes openssl.cnf files that activate certpick's provider module, or only the default provider."""

from pathlib import Path

from .toolchain import LIBRARY


def escape(value: object) -> str:
    """Escapes a value for config(5)."""
    return "".join(f"\\{c}" if c in "\\\"'$#" else c for c in str(value))


def section(name: str, settings: dict) -> str:
    """Returns a section without the settings that are None."""
    lines = [f"{key} = {escape(value)}\n" for key, value in settings.items() if value is not None]
    return f"[{name}]\n{''.join(lines)}"


def text(providers: dict, more: str = "") -> str:
    """Returns a configuration that activates the default provider and these (name: settings)."""
    sections = {"default": {"activate": 1}, **providers}
    names = {name: f"{name}_section" for name in sections}
    parts = ["openssl_conf = openssl_init\n", section("openssl_init", {"providers": "providers"})]
    parts += [section("providers", names)]
    parts += [section(names[name], settings) for name, settings in sections.items()]
    return "".join(parts) + more


def certpick(settings: dict, module: Path = LIBRARY) -> dict:
    """Returns the settings that activate certpick's module."""
    return {"module": module, "activate": 1, **settings}


def write(path: Path, settings: dict) -> Path:
    """Writes a configuration with certpick's module active."""
    path.write_text(text({"certpick": certpick(settings)}))
    return path


def write_without(path: Path) -> Path:
    """Writes a configuration with the default provider alone."""
    path.write_text(text({}))
    return path
