// SPDX-License-Identifier: MIT OR Apache-2.0
//! Generates the openssl.cnf that loads the module. It includes the active configuration and adds a
//! section for certpick. Sections with the same name are merged, and a later value overrides an
//! earlier one (config(5)).

use super::{conf, syntax};
use crate::credentials::absolute_path;
use crate::failure::Failure;
use certpick_core::openssl_cnf::{Conf, NameValue, Provider, default_file};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

/// A name and its value.
pub type Setting = (&'static str, SettingValue);

/// The value of a setting.
pub enum SettingValue {
    Text(Vec<u8>),
    /// The value of the environment variable [`EXPLAIN_FILE`].
    FromEnvironment,
}

/// The environment variable for the file of explanations. That file is different in each run, so its
/// name in openssl.cnf would make that file different, too.
pub const EXPLAIN_FILE: &str = "CERTPICK_EXPLAIN_FILE";

/// The default of [`EXPLAIN_FILE`] in openssl.cnf. The module does not write to devices.
const NO_FILE: &[u8] = b"/dev/null";

/// The name of certpick's provider (doc/without-a-patch.md).
const PROVIDER: &[u8] = b"certpick";

/// The configuration that OpenSSL would load without certpick.
pub struct ActiveConfig {
    /// `None` if there is no file.
    file: Option<PathBuf>,
    conf: Conf,
}

impl ActiveConfig {
    /// Reads the file that OpenSSL would load.
    pub fn read() -> Result<ActiveConfig, Failure> {
        match default_file() {
            Some(file) => ActiveConfig::read_file(&file),
            None => ActiveConfig::none(),
        }
    }

    fn none() -> Result<ActiveConfig, Failure> {
        Ok(ActiveConfig { file: None, conf: conf::parse(b"").map_err(Failure::new)? })
    }

    fn read_file(file: &Path) -> Result<ActiveConfig, Failure> {
        let failure = |reason: &str| {
            Failure::new(format!(
                "could not read OpenSSL's configuration file {file:?}: {reason}\n\
                 Correct the file, or set OPENSSL_CONF to another file, or to the empty string to use \
                 none."
            ))
        };
        match file.metadata() {
            // OpenSSL ignores a missing file.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return ActiveConfig::none();
            }
            Err(e) => return Err(failure(&e.to_string())),
            Ok(m) if m.is_dir() => return Err(failure("it is a directory")),
            // The program could not read the bytes that certpick has read.
            Ok(m) if m.file_type().is_fifo() || m.file_type().is_socket() => {
                return Err(failure("it is not a regular file and cannot be read twice"));
            }
            Ok(_) => {}
        }
        let conf = conf::load(file).map_err(|reason| failure(&reason))?;
        Ok(ActiveConfig { file: Some(absolute_path(file)?), conf })
    }

    /// Returns the text of the new file. `settings` are those of certpick's section.
    pub fn with_certpick(&self, settings: &[Setting]) -> Result<Vec<u8>, Failure> {
        let mut text = ConfWriter::default();
        if let Some(file) = &self.file {
            let file = syntax::value(file.as_os_str().as_bytes());
            text.line(&[b".include = ", &file]);
        }
        if settings.iter().any(|(_, value)| matches!(value, SettingValue::FromEnvironment)) {
            // OpenSSL uses this section for a variable that is not in the environment.
            text.section(b"default");
            text.setting(EXPLAIN_FILE.as_bytes(), NO_FILE);
        }
        let modules = match self.conf.value(b"default", b"openssl_conf") {
            Some(section) if !section.is_empty() => section,
            _ => {
                let section = self.new_section("certpick_init");
                text.section(b"default");
                text.setting(b"openssl_conf", &section);
                section
            }
        };
        let lists = self.conf.provider_lists(&modules);
        let list = match lists.iter().find(|l| l.0 == b"providers").or(lists.first()) {
            Some((_, section)) => section.clone(),
            None => {
                let section = self.new_section("certpick_providers");
                text.section(&modules);
                text.setting(b"providers", &section);
                section
            }
        };
        if self.conf.value(b"default", b"nodejs_conf").is_none() {
            // Node.js reads only the section that this setting names.
            let section = self.new_section("certpick_nodejs");
            text.section(b"default");
            text.setting(b"nodejs_conf", &section);
            text.section(&section);
            text.setting(b"providers", &list);
        }
        let providers: Vec<Provider> =
            lists.iter().flat_map(|(_, section)| self.conf.providers(section)).collect();

        // Disables another certpick, for example that of an outer `certpick run`.
        let unused = self.new_section("certpick_unused");
        let is_other = |p: &&Provider| is_certpick(p) && (p.list != list || p.key != PROVIDER);
        for other in providers.iter().filter(is_other) {
            text.section(&unused);
            text.section(&other.list);
            text.setting(&other.key, &unused);
        }

        text.section(&list);
        // OpenSSL activates the default provider only if no other provider is activated.
        let alone = !providers.iter().any(|p| p.active && !is_certpick(p));
        let default = self.new_section("certpick_default");
        if alone {
            text.setting(&self.free_key(&list, b"default"), &default);
        }
        let own = self.new_section("certpick_settings");
        text.setting(&self.free_key(&list, PROVIDER), &own);
        if alone {
            text.section(&default);
            text.setting(b"activate", self.true_value());
        }
        text.section(&own);
        for (name, value) in settings {
            match value {
                SettingValue::Text(value) => text.setting(name.as_bytes(), value),
                SettingValue::FromEnvironment => {
                    text.line(&[name.as_bytes(), b" = ${ENV::", EXPLAIN_FILE.as_bytes(), b"}"])
                }
            }
        }
        text.setting(b"activate", self.true_value());
        self.check(&text.0, &list, &own, settings)?;
        Ok(text.0)
    }

    /// Returns a key for a provider in the list: its name, or `N.name` if another provider has that
    /// key.
    fn free_key(&self, list: &[u8], name: &[u8]) -> Vec<u8> {
        let taken = self.conf.providers(list);
        let is_free = |key: &[u8]| taken.iter().all(|p| p.key != key || p.name == name);
        let numbered = (1..).map(|n: u32| [n.to_string().as_bytes(), b".", name].concat());
        std::iter::once(name.to_vec()).chain(numbered).find(|key| is_free(key)).unwrap_or_default()
    }

    /// Returns the name of a section that does not exist.
    fn new_section(&self, name: &str) -> Vec<u8> {
        let numbered = (2..).map(|n: u32| format!("{name}_{n}"));
        let mut names = std::iter::once(name.to_owned()).chain(numbered).map(String::into_bytes);
        names.find(|name| !self.conf.has_section(name)).unwrap_or_default()
    }

    /// Returns a true value that is not the name of a section, because OpenSSL would read that section.
    fn true_value(&self) -> &'static [u8] {
        let words = [&b"1"[..], b"yes", b"true", b"on"];
        words.into_iter().find(|word| !self.conf.has_section(word)).unwrap_or(b"1")
    }

    /// Parses the text with OpenSSL and checks that it reads every setting.
    fn check(
        &self,
        text: &[u8],
        list: &[u8],
        own: &[u8],
        settings: &[Setting],
    ) -> Result<(), Failure> {
        let file = self.file.as_deref().unwrap_or(Path::new("openssl.cnf"));
        let conf = conf::parse(text).map_err(|reason| {
            Failure::new(format!(
                "could not include OpenSSL's configuration file {file:?} in another: {reason}\n\
                 If it begins with a byte order mark, remove it."
            ))
        })?;
        let referred = conf.section(list).unwrap_or_default();
        let found = conf.section(own).unwrap_or_default();
        for (name, value) in settings {
            let text = match value {
                SettingValue::Text(text) => Some(text),
                SettingValue::FromEnvironment => None,
            };
            if let Some(section) = text.filter(|text| conf.has_section(text)) {
                return Err(Failure::new(format!(
                    "{name} has the value \"{}\", which is the name of a section in {file:?}\n\
                     Rename the section, because OpenSSL would use its content as the value.",
                    certpick_core::text::printable(section)
                )));
            }
            let is_it =
                |(n, v): &NameValue| n == name.as_bytes() && text.is_none_or(|text| text == v);
            if !found.iter().any(is_it) {
                return Err(Failure::new(format!("OpenSSL does not read the value of {name}")));
            }
        }
        if !referred.iter().any(|(_, section)| section == own) {
            return Err(Failure::new(format!(
                "OpenSSL does not find the section of certpick next to {file:?}"
            )));
        }
        Ok(())
    }
}

/// Returns whether a provider is certpick, under any name.
fn is_certpick(provider: &Provider) -> bool {
    let module = provider.module.as_deref().unwrap_or_default();
    let file = module.rsplit(|b| *b == b'/').next().unwrap_or_default();
    provider.name == PROVIDER || file.starts_with(b"libcertpick.so")
}

#[derive(Default)]
struct ConfWriter(Vec<u8>);

impl ConfWriter {
    fn line(&mut self, parts: &[&[u8]]) {
        for part in parts {
            self.0.extend_from_slice(part);
        }
        self.0.push(b'\n');
    }

    fn section(&mut self, name: &[u8]) {
        self.line(&[b"\n", &syntax::header(name)]);
    }

    fn setting(&mut self, name: &[u8], value: &[u8]) {
        self.line(&[name, b" = ", &syntax::value(value)]);
    }
}
