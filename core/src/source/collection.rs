// SPDX-License-Identifier: MIT OR Apache-2.0
//! An entry that may stand for several credentials, such as a directory.

use super::listed::ListedCredential;
use super::password_digest::PasswordMark;
use crate::file;
use crate::file::stamp::{Stamp, StampReader};
use crate::list::Files;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// An entry that was read.
pub struct Opened {
    /// Its credentials in the order of preference; never empty.
    pub credentials: Vec<ListedCredential>,
    /// `None` if the entry is one PEM file.
    pub collection: Option<Box<Collection>>,
}

impl From<ListedCredential> for Opened {
    fn from(credential: ListedCredential) -> Opened {
        Opened { credentials: vec![credential], collection: None }
    }
}

/// What has to be known to see changes of an entry and to read it again.
#[derive(Clone, Debug)]
pub struct Collection {
    /// The files as the list names them.
    pub files: Files,
    /// The directories, which are checked for each connection.
    pub directories: Vec<Watched>,
    /// The files that were read.
    pub contents: Vec<Watched>,
    /// The password that decrypted certificates. A selector with another one does not get them from the
    /// cache.
    pub password: Option<PasswordMark>,
}

/// A file or directory, with its stamp when it was read.
#[derive(Clone, Debug)]
pub struct Watched {
    path: PathBuf,
    /// `None` if a change of the file might not change it.
    stamp: Option<Stamp>,
}

impl Watched {
    /// Returns a file with its stamp.
    pub fn new(path: PathBuf, stamp: Option<Stamp>) -> Watched {
        Watched { path, stamp }
    }
}

impl Collection {
    /// Returns whether a directory may have gained or lost files. `base` is the working directory when the
    /// list was added.
    pub fn has_changed_directory(&self, base: Option<&Path>) -> bool {
        have_changed(&self.directories, base)
    }

    /// Returns whether a directory or a file may have changed.
    pub fn has_changed(&self, base: Option<&Path>) -> bool {
        self.has_changed_directory(base) || have_changed(&self.contents, base)
    }

    /// Returns an estimate of the memory that it takes.
    pub fn bytes(&self) -> usize {
        let watched = self.directories.iter().chain(&self.contents);
        watched.map(|one| size_of::<Watched>() + one.path.as_os_str().len()).sum()
    }
}

fn have_changed(watched: &[Watched], base: Option<&Path>) -> bool {
    let paths: Vec<Option<CString>> = watched
        .iter()
        .map(|one| {
            let path = file::absolute(base.filter(|_| one.path.is_relative()), &one.path);
            CString::new(path.as_os_str().as_bytes()).ok()
        })
        .collect();
    let mut stamps = StampReader::default();
    watched.iter().zip(&paths).any(|(one, path)| {
        one.stamp.is_none() || path.as_deref().and_then(|path| stamps.read(path)) != one.stamp
    })
}
