// SPDX-License-Identifier: MIT OR Apache-2.0
//! The server's private key by PostgreSQL's rule for its file, with PostgreSQL's own texts.

use crate::inspect;
use crate::report::{Level, Subject};
use certpick_core::Secret;
use certpick_core::error::{Cause, file_name};
use certpick_core::text::printable;
use openssl::pkey::{PKey, Private};
use std::ffi::CStr;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A key that could be loaded.
pub enum Key {
    Loaded(PKey<Private>),
    /// It is encrypted, and no password is known.
    Encrypted,
    Unusable,
}

/// Says whether a server can use the file, and loads the key.
pub fn tell(file: &Path, password: Option<&Secret>, subject: &mut Subject) -> Key {
    const KEY: &str = "key_file";
    let name = file_name(file);
    let metadata = match file.metadata() {
        Ok(metadata) => metadata,
        Err(error) => {
            let why = inspect::system_text(&error);
            let text = format!("could not access private key file \"{name}\": {why}");
            subject.finding(KEY, Level::Wrong, text);
            return Key::Unusable;
        }
    };
    if !metadata.is_file() {
        let text = format!("private key file \"{name}\" is not a regular file");
        subject.finding(KEY, Level::Wrong, text);
        return Key::Unusable;
    }
    if !tell_access(&name, &metadata, subject) {
        return Key::Unusable;
    }
    let (key, is_encrypted) = match inspect::private_key(file, None) {
        Err(Cause::PasswordMissing(_)) => match password {
            Some(_) => (inspect::private_key(file, password), true),
            None => {
                tell_encrypted(subject);
                return Key::Encrypted;
            }
        },
        other => (other, false),
    };
    match key {
        Ok(key) => {
            if is_encrypted {
                subject.finding("password", Level::Good, "the password opens the private key");
                tell_encrypted(subject);
            } else if password.is_some() {
                let text = "a password is given, but the private key is not encrypted";
                subject.finding("password", Level::Note, text);
            }
            Key::Loaded(key)
        }
        Err(cause) => {
            let key = crate::check::keys::finding_key(&cause);
            subject.finding(key, Level::Wrong, cause.to_string());
            Key::Unusable
        }
    }
}

fn tell_encrypted(subject: &mut Subject) {
    let text = "the private key is encrypted: the server needs ssl_passphrase_command";
    subject.finding("password", Level::Note, text);
}

/// PostgreSQL's rule: owned by the user that the server runs as and nothing for group or world, or
/// owned by root and at most readable by its group.
fn tell_access(name: &str, metadata: &Metadata, subject: &mut Subject) -> bool {
    const KEY: &str = "key_file";
    const RULE: &str = "File must have permissions u=rw (0600) or less if owned by the database \
                        user, or permissions u=rw,g=r (0640) or less if owned by root.";
    const ROOT: u32 = 0;
    // SAFETY: no arguments.
    let own = unsafe { libc::geteuid() };
    let (owner, mode) = (metadata.uid(), metadata.mode() & 0o7777);
    // Root looks at the files of a server that runs as another user.
    if owner != ROOT && owner != own && own != ROOT {
        let text =
            format!("private key file \"{name}\" must be owned by the database user or root");
        let advice = format!(
            "it is owned by {}; certpick runs as {}: run it as the database user, or as root",
            user(owner),
            user(own)
        );
        subject.advised(KEY, Level::Wrong, text, advice);
        return false;
    }
    let forbidden = if owner == ROOT { 0o037 } else { 0o077 };
    if mode & forbidden != 0 {
        let text = format!("private key file \"{name}\" has group or world access");
        subject.advised(KEY, Level::Wrong, text, RULE);
        return false;
    }
    let text =
        format!("private key file \"{name}\" has mode {mode:04o} and is owned by {}", user(owner));
    subject.finding(KEY, Level::Good, text);
    if owner == ROOT && mode & 0o040 != 0 {
        let text = format!("the server's user must be in the group {}", group(metadata.gid()));
        subject.finding("key_access", Level::Note, text);
    } else if owner == ROOT {
        let text = "only root can read the private key, and PostgreSQL does not run as root";
        let advice = "chown it to the server's user, or chgrp it to one of that user's groups and \
                      chmod it to 0640";
        subject.advised("key_access", Level::Warning, text, advice);
    } else if owner != own {
        let text = format!("the server must run as {}", user(owner));
        subject.finding("key_access", Level::Note, text);
    }
    true
}

/// A user's name, or number where there is none.
fn user(id: u32) -> String {
    // SAFETY: NULL, or an entry whose name is copied before anything else asks for one: certpick
    // has one thread.
    let name = unsafe {
        let entry = libc::getpwuid(id);
        entry.as_ref().map(|e| printable(CStr::from_ptr(e.pw_name).to_bytes()))
    };
    name.unwrap_or_else(|| format!("user {id}"))
}

fn group(id: u32) -> String {
    // SAFETY: as above.
    let name = unsafe {
        let entry = libc::getgrgid(id);
        entry.as_ref().map(|e| printable(CStr::from_ptr(e.gr_name).to_bytes()))
    };
    name.unwrap_or_else(|| id.to_string())
}
