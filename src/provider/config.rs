// SPDX-License-Identifier: MIT OR Apache-2.0
//! Misspelt settings. A provider can ask for a setting by its name, but not which ones there are,
//! so openssl.cnf is read once more, when a certificate is needed.

use certpick_core::openssl_cnf::{self, Conf, NameValue};
use certpick_core::ossl::QuietErrors;
use certpick_core::text::excerpt;
use std::ffi::CStr;

/// Whether the section of the provider with this name has settings that do not exist, or that
/// OpenSSL does not pass on. Where the section is not found (a program may read another file),
/// nothing is said. `names` are the settings that exist.
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

/// The settings of the provider with this name or identity. It is looked for wherever a program
/// may begin: openssl_conf, or a name of its own (CONF_modules_load_file(3)), which stands in the
/// default section as well.
fn provider_settings(conf: &Conf, provider: &[u8]) -> Option<Vec<NameValue>> {
    let starts = conf.section(b"default")?;
    let lists = starts.iter().flat_map(|(_, modules)| conf.provider_lists(modules));
    let mut named: Vec<_> =
        lists.flat_map(|(_, list)| conf.providers(&list)).filter(|p| p.name == provider).collect();
    // The one that OpenSSL loads, if several have the name.
    named.sort_by_key(|p| !p.active);
    named.into_iter().next().map(|p| p.settings)
}
