// SPDX-License-Identifier: MIT OR Apache-2.0
//! The file to which explanations are appended.
//!
//! An explanation holds text that a server chose, and the process may be root's. So another user
//! must not be able to choose the file: not by a symbolic link, not by a hard link, and not by a
//! directory on the way to it. Each component of its name is opened below the one before it, and
//! what was opened is checked, so that no name is looked up twice.

use super::regular::system_text;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// As many symbolic links as Linux follows.
const MAX_LINKS: usize = 40;
const LOOK: libc::c_int = libc::O_PATH | libc::O_NOFOLLOW;
const APPEND: libc::c_int = libc::O_WRONLY
    | libc::O_APPEND
    | libc::O_CREAT
    | libc::O_NOFOLLOW
    | libc::O_NONBLOCK
    | libc::O_NOCTTY;

/// Opens a file for appending; makes it with mode 0600 if it is not there. Otherwise it must be a
/// regular file with one link, owned by the effective user. Returns the reason for a refusal.
pub fn open(path: &Path) -> Result<File, String> {
    let name = path.file_name().ok_or("it is not a file name")?;
    let directory = open_directory(path.parent().unwrap_or(Path::new("")))?;
    // A device is not even opened.
    match open_at(Some(&directory), name, LOOK) {
        Ok(found) => check(&metadata(&found)?)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(system_text(&error)),
    }
    let file = open_at(Some(&directory), name, APPEND).map_err(|e| system_text(&e))?;
    // Where others may remove names in the directory, one of two links may be gone by now: it is
    // the file under this very name that must have no other.
    let found = open_at(Some(&directory), name, LOOK).map_err(|e| system_text(&e))?;
    let (file_metadata, found) = (metadata(&file)?, metadata(&found)?);
    if (file_metadata.dev(), file_metadata.ino()) != (found.dev(), found.ino()) {
        return Err("it was replaced while it was opened".to_owned());
    }
    check(&found)?;
    Ok(file)
}

fn check(metadata: &Metadata) -> Result<(), String> {
    if metadata.is_symlink() {
        return Err("it is a symbolic link".to_owned());
    }
    if !metadata.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    if metadata.uid() != effective_user() {
        return Err(format!("it is owned by another user, {}", metadata.uid()));
    }
    if metadata.nlink() != 1 {
        return Err(format!("it has {} hard links", metadata.nlink()));
    }
    Ok(())
}

/// Opens a directory whose every component, symbolic links included, is owned by root or the
/// effective user, and in which not everybody can rename what is there.
fn open_directory(path: &Path) -> Result<File, String> {
    let mut pending = components(&Path::new(".").join(path));
    let mut directory = None;
    let mut links = 0;
    while let Some(component) = pending.pop() {
        let failure = |why: &str| format!("{component:?} in its path {why}");
        let found = open_at(directory.as_ref(), &component, LOOK)
            .map_err(|error| failure(&format!("cannot be opened: {}", system_text(&error))))?;
        let metadata = metadata(&found)?;
        if metadata.uid() != 0 && metadata.uid() != effective_user() {
            return Err(failure(&format!("is owned by another user, {}", metadata.uid())));
        }
        if metadata.is_symlink() {
            links += 1;
            if links > MAX_LINKS {
                return Err(failure("is one of too many symbolic links"));
            }
            let target = read_link(&found).map_err(|error| failure(&system_text(&error)))?;
            pending.extend(components(&target));
        } else if metadata.mode() & 0o1002 == 0o0002 {
            return Err(failure("is a world-writable directory without the sticky bit"));
        } else {
            // What is no directory fails at the next component.
            directory = Some(found);
        }
    }
    directory.ok_or_else(|| "it has no directory".to_owned())
}

/// The components of a name, the last one first.
fn components(path: &Path) -> Vec<OsString> {
    path.components().rev().map(|component| component.as_os_str().to_owned()).collect()
}

fn effective_user() -> libc::uid_t {
    // SAFETY: no arguments.
    unsafe { libc::geteuid() }
}

fn metadata(file: &File) -> Result<Metadata, String> {
    file.metadata().map_err(|error| system_text(&error))
}

/// openat(2); without a directory, from the working directory.
fn open_at(directory: Option<&File>, name: &OsStr, flags: libc::c_int) -> io::Result<File> {
    const MODE: libc::c_uint = 0o600;
    let at = directory.map_or(libc::AT_FDCWD, AsRawFd::as_raw_fd);
    let name = CString::new(name.as_bytes())?;
    // SAFETY: an open directory or AT_FDCWD, and a C string; a new descriptor is ours.
    unsafe {
        match libc::openat(at, name.as_ptr(), flags | libc::O_CLOEXEC, MODE) {
            -1 => Err(io::Error::last_os_error()),
            descriptor => Ok(File::from_raw_fd(descriptor)),
        }
    }
}

/// The target of a symbolic link that was opened.
fn read_link(link: &File) -> io::Result<PathBuf> {
    const EMPTY: &CStr = c"";
    let mut target = vec![0; libc::PATH_MAX as usize];
    // SAFETY: an open link, and room for so many bytes.
    let length = unsafe {
        let buffer = target.as_mut_ptr().cast();
        libc::readlinkat(link.as_raw_fd(), EMPTY.as_ptr(), buffer, target.len())
    };
    let Ok(length) = usize::try_from(length) else { return Err(io::Error::last_os_error()) };
    target.truncate(length);
    Ok(PathBuf::from(OsString::from_vec(target)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::io::Write;
    use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};

    fn refusal(path: &Path) -> String {
        open(path).err().unwrap_or_else(|| panic!("{} was opened", path.display()))
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_file_is_made_for_its_owner_alone_and_appended_to() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        for line in ["one\n", "two\n"] {
            open(&path).unwrap().write_all(line.as_bytes()).unwrap();
        }
        assert_eq!(fs::read(&path).unwrap(), b"one\ntwo\n");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn only_a_regular_file_with_one_link_is_opened() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("victim"), "").unwrap();
        symlink(at("victim"), at("link")).unwrap();
        symlink(at("not-there"), at("dangling")).unwrap();
        fs::write(at("first"), "").unwrap();
        fs::hard_link(at("first"), at("second")).unwrap();
        let fifo = CString::new(at("fifo").as_os_str().as_bytes()).unwrap();
        // SAFETY: a C string.
        assert_eq!(unsafe { libc::mkfifo(fifo.as_ptr(), 0o600) }, 0);
        let _reader = fs::OpenOptions::new().read(true).write(true).open(at("fifo")).unwrap();
        fs::create_dir(at("directory")).unwrap();
        for (name, words) in [
            ("link", "it is a symbolic link"),
            ("dangling", "it is a symbolic link"),
            ("first", "it has 2 hard links"),
            ("second", "it has 2 hard links"),
            ("fifo", "it is not a regular file"),
            ("directory", "it is not a regular file"),
            ("victim/file", "Not a directory"),
        ] {
            assert_eq!(refusal(&at(name)), words, "{name}");
        }
        assert!(!at("not-there").exists());
        assert_eq!(refusal(Path::new("/dev/null")), "it is not a regular file");
        assert_eq!(refusal(Path::new("/dev/stderr")), "it is a symbolic link");
        assert_eq!(refusal(Path::new("/")), "it is not a file name");
    }

    #[test]
    fn links_of_ones_own_on_the_way_are_followed_and_loops_are_not() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::create_dir_all(at("real/below")).unwrap();
        symlink(at("real"), at("absolute")).unwrap();
        symlink("../absolute/./below/..", at("real/relative")).unwrap();
        open(&at("absolute/relative/file")).unwrap();
        assert!(at("real/file").exists());
        symlink("loop", at("loop")).unwrap();
        assert!(refusal(&at("loop/file")).contains("too many symbolic links"));
    }

    #[test]
    fn a_directory_in_which_everybody_can_rename_files_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        for (mode, is_refused) in [(0o777, true), (0o1777, false), (0o770, false)] {
            set_mode(directory.path(), mode);
            assert_eq!(open(&path).is_err(), is_refused, "{mode:o}");
        }
    }

    #[test]
    fn what_another_user_owns_is_refused() {
        // Another user's files can be made by root alone.
        if effective_user() != 0 {
            assert!(refusal(Path::new("/etc/passwd")).contains("owned by another user, 0"));
            return;
        }
        const ANOTHER: Option<u32> = Some(12345);
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("file"), "").unwrap();
        chown(at("file"), ANOTHER, None).unwrap();
        assert_eq!(refusal(&at("file")), "it is owned by another user, 12345");
        fs::create_dir_all(at("theirs/ours")).unwrap();
        chown(at("theirs"), ANOTHER, None).unwrap();
        for name in ["theirs/file", "theirs/ours/file"] {
            assert!(refusal(&at(name)).contains("\"theirs\" in its path is owned by another"));
        }
        fs::create_dir(at("ours")).unwrap();
        symlink(at("ours"), at("link")).unwrap();
        open(&at("link/file")).unwrap();
        lchown(at("link"), ANOTHER, None).unwrap();
        assert!(refusal(&at("link/file")).contains("\"link\" in its path is owned by another"));
    }
}
