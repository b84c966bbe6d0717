// SPDX-License-Identifier: MIT OR Apache-2.0
//! The file to which explanations are appended.
//!
//! An explanation contains text that a server chose, and the process may run as root. Another user
//! must therefore not be able to redirect the file, whether by a symbolic link, a hard link or a
//! directory of its path. Each component of the path is opened relative to the previous one, and
//! the open file is checked, so that no name is resolved twice.

use super::regular::system_text;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The number of symbolic links that Linux follows.
const MAX_LINKS: usize = 40;
const INSPECT: libc::c_int = libc::O_PATH | libc::O_NOFOLLOW;
const APPEND: libc::c_int = libc::O_WRONLY
    | libc::O_APPEND
    | libc::O_CREAT
    | libc::O_NOFOLLOW
    | libc::O_NONBLOCK
    | libc::O_NOCTTY
    | libc::O_LARGEFILE;

/// Opens a file for appending, and creates it with mode 0600 if it does not exist. An existing file
/// must be a regular file with one link, owned by the effective user. Returns the reason if the
/// file is refused.
pub fn open(path: &Path) -> Result<File, String> {
    let name = path.file_name().ok_or("it is not a file name")?;
    let directory = open_directory(path.parent().unwrap_or(Path::new("")))?;
    // Opening a device for writing could have side effects.
    match open_at(Some(&directory), name, INSPECT) {
        Ok(found) => check(&metadata(&found)?)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(system_text(&error)),
    }
    let file = open_at(Some(&directory), name, APPEND).map_err(|e| system_text(&e))?;
    // If others may remove names from the directory, one of two links may have been removed in the
    // meantime: the file that has this name must have no other name.
    let found = open_at(Some(&directory), name, INSPECT).map_err(|e| system_text(&e))?;
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

/// Opens a directory. Each component of its path, including symbolic links, must be owned by root
/// or the effective user, and a world-writable directory must have the sticky bit.
fn open_directory(path: &Path) -> Result<File, String> {
    let mut pending = components(&Path::new(".").join(path));
    let mut directory = None;
    let mut links = 0;
    while let Some(component) = pending.pop() {
        let failure = |why: &str| format!("{component:?} in its path {why}");
        let found = open_at(directory.as_ref(), &component, INSPECT)
            .map_err(|error| failure(&format!("cannot be opened: {}", system_text(&error))))?;
        let metadata = metadata(&found)?;
        if metadata.uid() != 0 && metadata.uid() != effective_user() {
            return Err(failure(&format!("is owned by another user, {}", metadata.uid())));
        }
        if metadata.is_symlink() {
            links += 1;
            if links > MAX_LINKS {
                return Err(failure("exceeds the limit of symbolic links"));
            }
            let target = read_link(&found).map_err(|error| failure(&system_text(&error)))?;
            pending.extend(components(&target));
        } else if metadata.mode() & 0o1002 == 0o0002 {
            return Err(failure("is a world-writable directory without the sticky bit"));
        } else {
            // If it is not a directory, opening the next component fails.
            directory = Some(found);
        }
    }
    directory.ok_or_else(|| "it has no directory".to_owned())
}

/// Returns the components of a path, the last one first.
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

/// Calls openat(2), relative to the working directory if `directory` is `None`.
fn open_at(directory: Option<&File>, name: &OsStr, flags: libc::c_int) -> io::Result<File> {
    const MODE: libc::c_uint = 0o600;
    let at = directory.map_or(libc::AT_FDCWD, AsRawFd::as_raw_fd);
    let name = CString::new(name.as_bytes())?;
    // SAFETY: an open directory or AT_FDCWD, and a C string. The new descriptor is ours.
    unsafe {
        match libc::openat(at, name.as_ptr(), flags | libc::O_CLOEXEC, MODE) {
            -1 => Err(io::Error::last_os_error()),
            descriptor => Ok(File::from_raw_fd(descriptor)),
        }
    }
}

/// Returns the target of an open symbolic link.
fn read_link(link: &File) -> io::Result<PathBuf> {
    const EMPTY: &CStr = c"";
    let mut target = vec![0; libc::PATH_MAX as usize];
    // SAFETY: an open link, and a buffer of this length.
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
    use std::fs;
    use std::io::Write;
    use std::os::unix::fs::{chown, lchown, symlink};
    use testkit::directory::{Directory, is_root, set_mode};

    fn refusal(path: &Path) -> String {
        open(path).err().unwrap_or_else(|| panic!("{} was opened", path.display()))
    }

    #[test]
    fn a_new_file_has_mode_0600_and_an_existing_one_is_appended_to() {
        let directory = Directory::new();
        let path = directory.path("file");
        for line in ["one\n", "two\n"] {
            open(&path).unwrap().write_all(line.as_bytes()).unwrap();
        }
        assert_eq!(fs::read(&path).unwrap(), b"one\ntwo\n");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_of_more_than_2_gib_is_appended_to() {
        let directory = Directory::new();
        let path = directory.path("file");
        let mut file = open(&path).unwrap();
        file.set_len(1 << 31).unwrap();
        file.write_all(b"one\n").unwrap();
        open(&path).unwrap().write_all(b"two\n").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), (1 << 31) + 8);
    }

    #[test]
    fn only_a_regular_file_with_one_link_is_opened() {
        let directory = Directory::new();
        let at = |name: &str| directory.path(name);
        fs::write(at("victim"), "").unwrap();
        symlink(at("victim"), at("link")).unwrap();
        symlink(at("not-there"), at("dangling")).unwrap();
        fs::write(at("first"), "").unwrap();
        fs::hard_link(at("first"), at("second")).unwrap();
        let fifo = directory.fifo("fifo");
        let _reader = fs::OpenOptions::new().read(true).write(true).open(fifo).unwrap();
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
    fn own_symbolic_links_in_the_path_are_followed_and_loops_are_refused() {
        let directory = Directory::new();
        let at = |name: &str| directory.path(name);
        fs::create_dir_all(at("real/below")).unwrap();
        symlink(at("real"), at("absolute")).unwrap();
        symlink("../absolute/./below/..", at("real/relative")).unwrap();
        open(&at("absolute/relative/file")).unwrap();
        assert!(at("real/file").exists());
        symlink("loop", at("loop")).unwrap();
        assert!(refusal(&at("loop/file")).contains("exceeds the limit of symbolic links"));
    }

    #[test]
    fn a_world_writable_directory_without_the_sticky_bit_is_refused() {
        let directory = Directory::new();
        let path = directory.path("file");
        for (mode, is_refused) in [(0o777, true), (0o1777, false), (0o770, false)] {
            set_mode(directory.root(), mode);
            assert_eq!(open(&path).is_err(), is_refused, "{mode:o}");
        }
    }

    #[test]
    fn files_directories_and_links_of_another_user_are_refused() {
        // Only root can create files of another user.
        if !is_root() {
            assert!(refusal(Path::new("/etc/passwd")).contains("owned by another user, 0"));
            return;
        }
        const ANOTHER: Option<u32> = Some(12345);
        let directory = Directory::new();
        let at = |name: &str| directory.path(name);
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
