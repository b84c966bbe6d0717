// SPDX-License-Identifier: MIT OR Apache-2.0
//! Detection of misspelt settings. A provider can get a setting by its name, but cannot list the
//! settings, so openssl.cnf is read again when a certificate is needed.

use certpick_core::openssl_cnf::{self, Conf, NameValue};
use certpick_core::ossl::QuietErrors;
use certpick_core::text::excerpt;
use std::ffi::CStr;

/// Fails if the section of the provider with this name contains settings that are not in `names`,
/// or that OpenSSL does not pass to the provider. Succeeds if there is no section, because a
/// program may read another file.
pub fn check_settings(provider: &[u8], names: &[&CStr]) -> Result<(), String> {
    let _errors = QuietErrors::new();
    let Some(file) = openssl_cnf::default_file() else { return Ok(()) };
    let Some(conf) = Conf::load(&file) else { return Ok(()) };
    for (name, value) in provider_settings(&conf, provider).unwrap_or_default() {
        let shown = || excerpt(&name);
        if !names.iter().any(|known| known.to_bytes() == name) {
            return Err(format!("unknown setting \"{}\"", shown()));
        }
        if conf.has_section(&value) {
            return Err(format!(
                "the value of \"{}\" is the name of a section, so OpenSSL does not pass it to the \
                 module",
                shown()
            ));
        }
    }
    Ok(())
}

/// Returns the settings of the provider with this name or identity. A program may start at
/// openssl_conf or at its own name (CONF_modules_load_file(3)), so every value of the default
/// section is tried.
fn provider_settings(conf: &Conf, provider: &[u8]) -> Option<Vec<NameValue>> {
    let starts = conf.section(b"default")?;
    let lists = starts.iter().flat_map(|(_, modules)| conf.provider_lists(modules));
    let mut named: Vec<_> =
        lists.flat_map(|(_, list)| conf.providers(&list)).filter(|p| p.name == provider).collect();
    // If several have the name, OpenSSL loads the active one.
    let active = named.iter().position(|p| p.active).unwrap_or(0);
    (active < named.len()).then(|| named.swap_remove(active).settings)
}
