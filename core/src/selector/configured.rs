// SPDX-License-Identifier: MIT OR Apache-2.0
//! The configuration files of selectors.

use super::rules::GroupRules;
use crate::cache::Cache;
use crate::config::ConfigFile;
use crate::error::Error;
use crate::hash;
use crate::list::Files;
use crate::source::checked::EffectiveIds;
use crate::source::listing::Entries;
use crate::source::password::KeyPasswords;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// certpick_cache_clear() in the header states these limits.
static CONFIG_FILES: Cache = Cache::new(64, 32 << 20);

/// A configuration file in the form that a selector needs.
#[derive(Debug)]
pub struct Configured {
    file: ConfigFile,
    ids: EffectiveIds,
    pub entries: Entries,
    pub passwords: Arc<KeyPasswords>,
    pub rules: GroupRules,
}

/// A configuration file that is part of a selector.
#[derive(Clone, Debug)]
pub struct SelectedConfig {
    pub configured: Arc<Configured>,
    /// The index of its group.
    pub group: usize,
    /// The index of its file of issuers.
    pub issuers: Option<usize>,
}

impl Configured {
    /// Reads a configuration file, or takes it from the cache if it has not changed. A file is checked
    /// each time, so that a changed rule takes effect at once.
    pub fn open(path: &Path, use_cache: bool) -> Result<Arc<Configured>, Error> {
        let ids = EffectiveIds::current();
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let hash = hash::bytes(absolute.as_os_str().as_bytes()) ^ ids.hash();
        let cached = if use_cache { cached(&absolute, ids, hash) } else { None };
        if let Some(cached) = cached.filter(|cached| cached.file.is_current()) {
            return Ok(cached);
        }
        let new = Arc::new(Configured::new(ConfigFile::read(path)?, ids));
        if use_cache {
            let bytes = new.bytes();
            let value = Arc::clone(&new);
            let evicted = CONFIG_FILES.lock().map(|mut shelf| shelf.put(hash, value, bytes));
            drop(evicted);
        }
        Ok(new)
    }

    fn new(file: ConfigFile, ids: EffectiveIds) -> Configured {
        let credentials = &file.config().credentials;
        let files = credentials.iter().map(|credential| Files {
            certificate: credential.sslcert.clone(),
            key: credential.sslkey.clone(),
        });
        let password_files =
            credentials.iter().map(|credential| credential.sslpasswordfile.clone());
        let password_files: Box<[Option<PathBuf>]> = password_files.collect();
        let entries = Entries::new(files.collect(), &password_files);
        let passwords = Arc::new(KeyPasswords::Files(password_files));
        let rules = credentials.iter().map(|credential| credential.rule.clone());
        let rules = GroupRules::of(rules.collect());
        Configured { file, ids, entries, passwords, rules }
    }

    /// Returns the name of the file.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Returns the file of issuers that the configuration names.
    pub fn issuers(&self) -> Option<&PathBuf> {
        self.file.config().issuers.as_ref()
    }

    /// Returns whether the file is known to be unchanged.
    pub fn is_current(&self) -> bool {
        self.file.is_current()
    }

    /// Returns the approximate size in memory, in bytes.
    fn bytes(&self) -> usize {
        let credentials = self.file.config().credentials.iter();
        let rule = |patterns: usize| 256 + patterns * 64;
        credentials
            .map(|credential| {
                let hosts = credential.rule.hosts.as_ref().map_or(0, |h| h.patterns().count());
                let users = credential.rule.users.as_ref().map_or(0, |u| u.patterns().count());
                3 * credential.sslcert.as_os_str().len() + 2 * rule(hosts + users)
            })
            .sum()
    }
}

fn cached(path: &Path, ids: EffectiveIds, hash: u64) -> Option<Arc<Configured>> {
    let found = CONFIG_FILES.lock()?.get::<Configured>(hash)?;
    (found.path() == path && found.ids == ids).then_some(found)
}

/// Empties the cache.
pub fn clear_cache() {
    CONFIG_FILES.clear();
}
