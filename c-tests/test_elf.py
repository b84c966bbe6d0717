# SPDX-License-Identifier: MIT OR Apache-2.0
"""The ELF file: exports, needed libraries, loader flags."""

import os
import re
import tomllib

from harness.toolchain import CC, HEADER, LIBRARY, LINK_CERTPICK, ROOT, compile_c, succeed

# The dynamic linker is ld-linux-x86-64.so.2 on amd64, ld-linux.so.2 on i386, and ld64.so.1 on s390x.
SYSTEM = re.compile(r"(libc|libm|libpthread|libdl)\.so\.\d+|(ld-linux[\w-]*|ld64)\.so\.\d+")

# The SONAME suffix of libssl and libcrypto.
OPENSSL_SOVERSION = os.environ.get("CERTPICK_OPENSSL_SOVERSION", "3")
PROVIDER_ENTRY = "OSSL_provider_init"

VERSIONS = r"""
#include <certpick.h>
#include <stdio.h>

int main(void)
{
    printf("%s %lu\n", certpick_version(), (unsigned long)certpick_version_number());
    return 0;
}
"""


def header_text() -> str:
    """Returns the header without comments and preprocessor lines."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", "", HEADER.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.sub(r"^\s*#(\\\n|[^\n])*", "", text, flags=re.MULTILINE)


def declared() -> set:
    return set(re.findall(r"\b(\w+)\s*\([^()]*(?:\([^()]*\)[^()]*)*\)\s*;", header_text())) - {"STACK_OF"}


def defined_value(name: str) -> str:
    return re.search(rf"^#define\s+{name}\s+(.+?)\s*$", HEADER.read_text(encoding="utf-8"), re.M)[1]


def tool(name: str) -> str:
    """Returns the binary utility for the architecture of the compiler."""
    return succeed([*CC, f"-print-prog-name={name}"]).strip()


def exported() -> set:
    lines = succeed([tool("nm"), "-D", "--defined-only", LIBRARY]).splitlines()
    return {line.split()[-1].split("@")[0] for line in lines}


def dynamic() -> dict:
    """Returns the values of the dynamic section by tag."""
    entries: dict = {}
    for line in succeed(["readelf", "-dW", LIBRARY]).splitlines():
        found = re.match(r"\s*0x[0-9a-f]+\s+\((\w+)\)\s+(.*)", line)
        if found:
            entries.setdefault(found[1], []).append(found[2].strip())
    return entries


def names(tag: str) -> list:
    return [re.search(r"\[(.*)\]", value)[1] for value in dynamic().get(tag, [])]


def versions(directory) -> list:
    """Returns what the library's version functions return, called by a program that binds all symbols at its start."""
    source = directory / "versions.c"
    source.write_text(VERSIONS, encoding="utf-8")
    program = compile_c(directory / "versions", [source], libs=LINK_CERTPICK)
    return succeed([program], env={**os.environ, "LD_BIND_NOW": "1"}).split()


def test_the_header_declares_these_functions():
    assert declared() == {
        "certpick_version",
        "certpick_version_number",
        "certpick_status_text",
        "certpick_is_list",
        "certpick_handles",
        "certpick_selector_new",
        "certpick_selector_up_ref",
        "certpick_selector_free",
        "certpick_selector_add_lists",
        "certpick_selector_add_files",
        "certpick_selector_add_credential",
        "certpick_selector_add_issuers",
        "certpick_selector_add_config",
        "certpick_selector_add_source",
        "certpick_selector_add_pem",
        "certpick_selector_set_rule",
        "certpick_selector_set_password_callback",
        "certpick_selector_set_option",
        "certpick_selector_count",
        "certpick_selector_validate",
        "certpick_selector_error",
        "certpick_attach",
        "certpick_attach_cert_cb",
        "certpick_select",
        "certpick_set_peer",
        "certpick_outcome",
        "certpick_message",
        "certpick_explanation",
        "certpick_choice",
        "certpick_verdict",
        "certpick_cache_clear",
    }


def test_exactly_the_declared_functions_are_exported():
    assert exported() - {PROVIDER_ENTRY} == declared()


def test_the_entry_point_of_a_provider_is_exported():
    # OpenSSL 1.1.1 has no providers.
    assert (PROVIDER_ENTRY in exported()) == (OPENSSL_SOVERSION != "1.1")


def test_no_rust_symbol_is_exported():
    assert not [name for name in exported() if re.match(r"_ZN|_R|rust_|__rust|__rdl", name)]


def test_the_soname_is_libcertpick_so_0():
    assert names("SONAME") == ["libcertpick.so.0"]


def test_the_library_needs_only_openssl_and_system_libraries():
    needed = names("NEEDED")
    others = [name for name in needed if not SYSTEM.fullmatch(name)]
    assert sorted(others) == [f"libcrypto.so.{OPENSSL_SOVERSION}", f"libssl.so.{OPENSSL_SOVERSION}"]


def test_openssl_is_not_bundled():
    text = succeed([tool("nm"), "-D", "--undefined-only", LIBRARY])
    assert re.search(r"\bSSL_CTX_\w+", text) and re.search(r"\bX509_\w+", text)
    assert not [name for name in exported() if re.match(r"(SSL|EVP|X509|CRYPTO|OPENSSL)_", name)]


def test_the_size_of_the_stripped_library_is_bounded(tmp_path):
    stripped = tmp_path / "stripped.so"
    succeed([tool("strip"), "--strip-unneeded", "-o", stripped, LIBRARY])
    # The same code is larger on other architectures: 1,394 KiB on i386.
    is_amd64 = succeed([*CC, "-dumpmachine"]).startswith("x86_64")
    assert stripped.stat().st_size <= (1280 if is_amd64 else 1536) * 1024


def test_the_library_cannot_be_unloaded():
    assert any("NODELETE" in flags for flags in dynamic().get("FLAGS_1", []))


def test_the_library_has_no_text_relocations_and_no_search_path():
    entries = dynamic()
    assert "TEXTREL" not in entries
    assert not any("TEXTREL" in flags for flags in entries.get("FLAGS", []))
    assert "RPATH" not in entries and "RUNPATH" not in entries


def test_its_relocations_are_read_only_and_its_stack_is_not_executable():
    segments = succeed(["readelf", "-lW", LIBRARY])
    assert "GNU_RELRO" in segments
    assert re.search(r"GNU_STACK.*\bRW\b", segments)


def test_header_library_and_cargo_have_the_same_version(tmp_path):
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))
    version = cargo["package"]["version"]
    if isinstance(version, dict):
        version = cargo["workspace"]["package"]["version"]
    assert defined_value("CERTPICK_VERSION") == f'"{version}"'
    major, minor, patch = (int(part) for part in version.split("."))
    number = (major << 16) + (minor << 8) + patch
    # A macro of OpenSSL's headers that was declared as a function in Rust would be an undefined symbol.
    assert versions(tmp_path) == [version, str(number)]
    assert int(defined_value("CERTPICK_VERSION_NUMBER"), 0) == number
