// SPDX-License-Identifier: MIT OR Apache-2.0
//! The openssl.cnf that puts the module into effect: all that the one in force says, and our
//! section. Sections that are opened again are merged, and a later value takes the place of an
//! earlier one (config(5)).

use super::{conf, syntax};
use crate::credentials::absolute_path;
use crate::failure::Failure;
use certpick_core::openssl_cnf::{Conf, NameValue, Provider, default_file};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

/// A name and its value.
pub type Setting = (&'static str, Value);

/// The value of a setting.
pub enum Value {
    Text(Vec<u8>),
    /// That of [`EXPLAIN_FILE`] in the environment.
    OfEnvironment,
}

/// The variable by which a program learns the file for its explanations, which is another at each
/// run: in openssl.cnf it would make another file of that too.
pub const EXPLAIN_FILE: &str = "CERTPICK_EXPLAIN_FILE";

/// Its value where a process has no such variable: nothing is written to a device.
const NO_FILE: &[u8] = b"/dev/null";

/// The name of our provider (doc/without-a-patch.md).
const PROVIDER: &[u8] = b"certpick";

/// The configuration in force.
pub struct InForce {
    /// The file; `None` where there is none.
    file: Option<PathBuf>,
    conf: Conf,
}

impl InForce {
    /// Reads it as OpenSSL does.
    pub fn read() -> Result<InForce, Failure> {
        match default_file() {
            Some(file) => InForce::read_file(&file),
            None => InForce::none(),
        }
    }

    fn none() -> Result<InForce, Failure> {
        Ok(InForce { file: None, conf: conf::parse(b"").map_err(Failure::new)? })
    }

    fn read_file(file: &Path) -> Result<InForce, Failure> {
        let failure = |why: &str| {
            Failure::new(format!(
                "OpenSSL's configuration file {file:?} cannot be used: {why}\n\
                 Repair it, or set OPENSSL_CONF to another file, or to nothing to do without."
            ))
        };
        match file.metadata() {
            // As OpenSSL does: it goes without.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return InForce::none();
            }
            Err(e) => return Err(failure(&e.to_string())),
            Ok(m) if m.is_dir() => return Err(failure("it is a directory")),
            // What we read from it the program would miss.
            Ok(m) if m.file_type().is_fifo() || m.file_type().is_socket() => {
                return Err(failure("it is not a regular file, and must be read more than once"));
            }
            Ok(_) => {}
        }
        let conf = conf::load(file).map_err(|why| failure(&why))?;
        Ok(InForce { file: Some(absolute_path(file)?), conf })
    }

    /// The text of the new file. `settings` are those of our provider's section.
    pub fn with_certpick(&self, settings: &[Setting]) -> Result<Vec<u8>, Failure> {
        let mut text = Text::default();
        if let Some(file) = &self.file {
            let file = syntax::value(file.as_os_str().as_bytes());
            text.line(&[b".include = ", &file]);
        }
        if settings.iter().any(|(_, value)| matches!(value, Value::OfEnvironment)) {
            // Where OpenSSL looks for a variable that is not in the environment.
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
        let providers: Vec<Provider> =
            lists.iter().flat_map(|(_, section)| self.conf.providers(section)).collect();

        // Another certpick, perhaps that of a `certpick run` around this one, makes way.
        let unused = self.new_section("certpick_unused");
        let is_in_the_way = |p: &&Provider| is_certpick(p) && (p.list != list || p.key != PROVIDER);
        for other in providers.iter().filter(is_in_the_way) {
            text.section(&unused);
            text.section(&other.list);
            text.setting(&other.key, &unused);
        }

        text.section(&list);
        // OpenSSL activates the default provider by itself only where no other is activated.
        let alone = !providers.iter().any(|p| p.active && !is_certpick(p));
        let default = self.new_section("certpick_default");
        if alone {
            text.setting(&self.free_key(&list, b"default"), &default);
        }
        let ours = self.new_section("certpick_settings");
        text.setting(&self.free_key(&list, PROVIDER), &ours);
        if alone {
            text.section(&default);
            text.setting(b"activate", self.yes());
        }
        text.section(&ours);
        for (name, value) in settings {
            match value {
                Value::Text(value) => text.setting(name.as_bytes(), value),
                Value::OfEnvironment => {
                    text.line(&[name.as_bytes(), b" = ${ENV::", EXPLAIN_FILE.as_bytes(), b"}"])
                }
            }
        }
        text.setting(b"activate", self.yes());
        self.check(&text.0, &list, &ours, settings)?;
        Ok(text.0)
    }

    /// A key for this provider in the list: its name, or its name behind a dot where that stands
    /// for another provider.
    fn free_key(&self, list: &[u8], name: &[u8]) -> Vec<u8> {
        let taken = self.conf.providers(list);
        let is_free = |key: &[u8]| taken.iter().all(|p| p.key != key || p.name == name);
        let numbered = (1..).map(|n: u32| [n.to_string().as_bytes(), b".", name].concat());
        std::iter::once(name.to_vec()).chain(numbered).find(|key| is_free(key)).unwrap_or_default()
    }

    /// A section that is not there yet.
    fn new_section(&self, name: &str) -> Vec<u8> {
        let numbered = (2..).map(|n: u32| format!("{name}_{n}"));
        let mut names = std::iter::once(name.to_owned()).chain(numbered).map(String::into_bytes);
        names.find(|name| !self.conf.has_section(name)).unwrap_or_default()
    }

    /// A word for yes that is not the name of a section, since such a value would stand for what
    /// is in it.
    fn yes(&self) -> &'static [u8] {
        let words = [&b"1"[..], b"yes", b"true", b"on"];
        words.into_iter().find(|word| !self.conf.has_section(word)).unwrap_or(b"1")
    }

    /// Has OpenSSL read the text, and looks whether every setting arrives.
    fn check(
        &self,
        text: &[u8],
        list: &[u8],
        ours: &[u8],
        settings: &[Setting],
    ) -> Result<(), Failure> {
        let file = self.file.as_deref().unwrap_or(Path::new("openssl.cnf"));
        let conf = conf::parse(text).map_err(|why| {
            Failure::new(format!(
                "OpenSSL's configuration file {file:?} cannot be included in another: {why}\n\
                 If it begins with a byte order mark, remove that."
            ))
        })?;
        let referred = conf.section(list).unwrap_or_default();
        let found = conf.section(ours).unwrap_or_default();
        for (name, value) in settings {
            let text = match value {
                Value::Text(text) => Some(text),
                Value::OfEnvironment => None,
            };
            if let Some(section) = text.filter(|text| conf.has_section(text)) {
                return Err(Failure::new(format!(
                    "{file:?} has a section that is called \"{}\", and OpenSSL would take the \
                     value of {name} for that section: give the section another name",
                    certpick_core::text::printable(section)
                )));
            }
            let arrives =
                |(n, v): &NameValue| n == name.as_bytes() && text.is_none_or(|text| text == v);
            if !found.iter().any(arrives) {
                return Err(Failure::new(format!("OpenSSL does not read the value of {name}")));
            }
        }
        if !referred.iter().any(|(_, section)| section == ours) {
            return Err(Failure::new(format!("OpenSSL does not find our section beside {file:?}")));
        }
        Ok(())
    }
}

/// Whether it is a certpick, under whatever name.
fn is_certpick(provider: &Provider) -> bool {
    let module = provider.module.as_deref().unwrap_or_default();
    let file = module.rsplit(|b| *b == b'/').next().unwrap_or_default();
    provider.name == PROVIDER || file.starts_with(b"libcertpick.so")
}

#[derive(Default)]
struct Text(Vec<u8>);

impl Text {
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
