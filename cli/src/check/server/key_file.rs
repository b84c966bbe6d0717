// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks the server's private key by PostgreSQL's rule, with PostgreSQL's error messages.

use crate::check::keys::{finding_key, report_password};
use crate::report::{Level, Subject};
use certpick_core::Secret;
use certpick_core::error::{Cause, file_name};
use certpick_core::file::private::is_private;
use certpick_core::file::regular::system_text;
use certpick_core::source::key;
use certpick_core::text::printable;
use openssl::pkey::{PKey, Private};
use std::ffi::CStr;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The server's private key.
pub enum ServerKey {
    Loaded(PKey<Private>),
    /// The key is encrypted and its password is unknown.
    Encrypted,
    Unusable,
}

/// Reports whether a server can use the file, and loads the key.
pub fn report(file: &Path, password: Option<&Secret>, subject: &mut Subject) -> ServerKey {
    const KEY: &str = "key_file";
    let name = file_name(file);
    let metadata = match file.metadata() {
        Ok(metadata) => metadata,
        Err(error) => {
            let reason = system_text(&error);
            let text = format!("could not access private key file \"{name}\": {reason}");
            subject.finding(KEY, Level::Wrong, text);
            return ServerKey::Unusable;
        }
    };
    if !metadata.is_file() {
        let text = format!("private key file \"{name}\" is not a regular file");
        subject.finding(KEY, Level::Wrong, text);
        return ServerKey::Unusable;
    }
    if !report_access(&name, &metadata, subject) {
        return ServerKey::Unusable;
    }
    let (key, is_encrypted) = match key::load(file, file, None, None) {
        Err(Cause::PasswordMissing(_)) => match password {
            Some(_) => (key::load(file, file, password, None), true),
            None => {
                report_encrypted(subject);
                return ServerKey::Encrypted;
            }
        },
        other => (other, false),
    };
    match key {
        Ok(key) => {
            report_password(is_encrypted, password.is_some(), subject);
            if is_encrypted {
                report_encrypted(subject);
            }
            ServerKey::Loaded(key)
        }
        Err(cause) => {
            subject.finding(finding_key(&cause), Level::Wrong, cause.to_string());
            ServerKey::Unusable
        }
    }
}

fn report_encrypted(subject: &mut Subject) {
    let text = "the private key is encrypted: the server needs ssl_passphrase_command";
    subject.finding("password", Level::Note, text);
}

/// Checks PostgreSQL's rule: the file is owned by the server's user without access for group or
/// others, or by root with at most read access for the group.
fn report_access(name: &str, metadata: &Metadata, subject: &mut Subject) -> bool {
    const KEY: &str = "key_file";
    const RULE: &str = "File must have permissions u=rw (0600) or less if owned by the database \
                        user, or permissions u=rw,g=r (0640) or less if owned by root.";
    const ROOT: u32 = 0;
    // SAFETY: geteuid has no preconditions.
    let own = unsafe { libc::geteuid() };
    let (owner, mode) = (metadata.uid(), metadata.mode() & 0o7777);
    // As root, certpick may check the files of a server that runs as another user.
    if owner != ROOT && owner != own && own != ROOT {
        let text =
            format!("private key file \"{name}\" must be owned by the database user or root");
        let advice = format!(
            "It is owned by {}, and certpick runs as {}. Run certpick as the database user or as \
             root.",
            user(owner),
            user(own)
        );
        subject.advised(KEY, Level::Wrong, text, advice);
        return false;
    }
    if !is_private(metadata) {
        let text = format!("private key file \"{name}\" has group or world access");
        subject.advised(KEY, Level::Wrong, text, RULE);
        return false;
    }
    let text =
        format!("private key file \"{name}\" has mode {mode:04o} and is owned by {}", user(owner));
    subject.finding(KEY, Level::Good, text);
    if owner == ROOT && mode & 0o040 != 0 {
        let text = format!("the server's user must be a member of group {}", group(metadata.gid()));
        subject.finding("key_access", Level::Note, text);
    } else if owner == ROOT {
        let text = "only root can read the private key, but PostgreSQL does not run as root";
        let advice = "Change its owner to the server's user, or its group to a group of that user \
                      and its mode to 0640.";
        subject.advised("key_access", Level::Warning, text, advice);
    } else if owner != own {
        let text = format!("the server must run as {}", user(owner));
        subject.finding("key_access", Level::Note, text);
    }
    true
}

/// Returns the name of a user, or the ID if there is none.
fn user(id: u32) -> String {
    // SAFETY: getpwuid returns NULL or an entry that is valid until the next call. `check` has one
    // thread.
    let name = unsafe {
        let entry = libc::getpwuid(id);
        entry.as_ref().map(|e| printable(CStr::from_ptr(e.pw_name).to_bytes()))
    };
    name.unwrap_or_else(|| format!("user {id}"))
}

fn group(id: u32) -> String {
    // SAFETY: as in `user`.
    let name = unsafe {
        let entry = libc::getgrgid(id);
        entry.as_ref().map(|e| printable(CStr::from_ptr(e.gr_name).to_bytes()))
    };
    name.unwrap_or_else(|| id.to_string())
}
