// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which files are read.

use super::*;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};

const CONTENT: &str = "issuers = \"i\"\n[[credential]]\nsslcert = \"a\"\n";

fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    write(&directory.path().join("file"), CONTENT);
    directory
}

fn write(path: &Path, content: impl AsRef<[u8]>) {
    fs::write(path, content).unwrap();
    set_mode(path, 0o644);
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// The cause for which a file cannot be read.
fn refusal(path: &Path) -> String {
    match ConfigFile::read(path) {
        Err(ConfigError::File { file, why }) => {
            assert_eq!(file, path);
            why
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn names_are_relative_to_the_directory_of_the_file_as_it_was_named() {
    let directory = directory();
    let at = |name: &str| directory.path().join(name);
    fs::create_dir(at("links")).unwrap();
    symlink("../file", at("links/link")).unwrap();
    let file = ConfigFile::read(&at("links/link")).unwrap();
    assert_eq!(file.path(), at("links/link"));
    assert_eq!(file.directory(), at("links"));
    assert_eq!(file.config().issuers, Some(at("links/i")));
    assert_eq!(file.config().credentials[0].sslcert, at("links/a"));
    // A relative name; the working directory itself is the same for all tests.
    let up: PathBuf = std::env::current_dir().unwrap().components().skip(1).map(|_| "..").collect();
    let relative = up.join(at("file").strip_prefix("/").unwrap());
    let file = ConfigFile::read(&relative).unwrap();
    assert!(
        file.path().is_absolute() && file.path().ends_with(at("file").strip_prefix("/").unwrap())
    );
    assert!(file.config().credentials[0].sslcert.is_absolute());
}

#[test]
fn only_a_regular_file_is_read() {
    let directory = directory();
    let at = |name: &str| directory.path().join(name);
    let fifo = std::ffi::CString::new(at("fifo").to_str().unwrap()).unwrap();
    // SAFETY: a C string.
    assert_eq!(unsafe { libc::mkfifo(fifo.as_ptr(), 0o600) }, 0);
    symlink("not-there", at("dangling")).unwrap();
    symlink("loop", at("loop")).unwrap();
    symlink("/dev/zero", at("zero")).unwrap();
    for (name, words) in [
        ("", "it is not a regular file"),
        ("fifo", "it is not a regular file"),
        ("zero", "it is not a regular file"),
        ("dangling", "No such file or directory"),
        ("missing", "No such file or directory"),
        ("file/file", "Not a directory"),
        ("loop", "Too many levels of symbolic links"),
    ] {
        assert_eq!(refusal(&at(name)), words, "{name}");
    }
    for device in ["/dev/zero", "/dev/null", "/dev/full", "/"] {
        assert_eq!(refusal(Path::new(device)), "it is not a regular file");
    }
    assert!(!refusal(Path::new("")).is_empty());
    let text = ConfigFile::read(&at("missing")).unwrap_err().to_string();
    let name = at("missing");
    let words = format!(
        "could not read configuration file \"{}\": No such file or directory",
        name.display()
    );
    assert_eq!(text, words);
}

#[test]
fn a_file_has_at_most_1_mib() {
    let directory = directory();
    let path = directory.path().join("file");
    let fill = |length: usize| {
        let content = format!("{CONTENT}#{}", "x".repeat(length - CONTENT.len() - 1));
        write(&path, content);
    };
    fill(1 << 20);
    assert!(ConfigFile::read(&path).is_ok());
    fill((1 << 20) + 1);
    assert_eq!(refusal(&path), "it is larger than 1 MiB");
    fs::File::create(&path).unwrap().set_len(100 << 20).unwrap();
    assert_eq!(refusal(&path), "it is larger than 1 MiB");
}

#[test]
fn an_empty_file_is_an_error() {
    let directory = directory();
    let path = directory.path().join("empty");
    write(&path, "");
    let text = ConfigFile::read(&path).unwrap_err().to_string();
    assert!(text.ends_with("line 1, column 1: the file has no [[credential]]"), "{text}");
}

#[test]
fn a_file_that_others_may_write_or_own_is_refused() {
    let directory = directory();
    let path = directory.path().join("file");
    let link = directory.path().join("link");
    symlink("file", &link).unwrap();
    for mode in [0o600, 0o400, 0o644, 0o640, 0o755, 0o620, 0o602, 0o664, 0o666, 0o777, 0o1666] {
        set_mode(&path, mode);
        let is_trusted = mode & 0o022 == 0;
        for name in [&path, &link] {
            assert_eq!(ConfigFile::read(name).is_ok(), is_trusted, "{mode:o}");
            if !is_trusted {
                let words = format!("it has group or world write access (mode {mode:04o})");
                assert!(refusal(name).starts_with(&words), "{mode:o}");
            }
        }
    }
    set_mode(&path, 0o600);
    // Only root can create files of another user.
    if trusted::effective_user() == 0 {
        chown(&path, Some(12345), None).unwrap();
        for name in [&path, &link] {
            assert!(refusal(name).starts_with("it is owned by another user, 12345;"));
        }
    }
}

#[test]
fn a_change_of_the_file_or_its_permissions_shows() {
    let directory = directory();
    let at = |name: &str| directory.path().join(name);
    let read_current = || {
        loop {
            let file = ConfigFile::read(&at("file")).unwrap();
            if file.is_current() {
                break file;
            }
            std::thread::yield_now();
        }
    };
    let changes: [&dyn Fn(); 5] = [
        &|| write(&at("file"), CONTENT),
        &|| write(&at("file"), CONTENT.replace("\"a\"", "\"b\"")),
        &|| set_mode(&at("file"), 0o600),
        &|| {
            write(&at("new"), CONTENT);
            fs::rename(at("new"), at("file")).unwrap();
        },
        &|| fs::remove_file(at("file")).unwrap(),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let file = read_current();
        assert!(file.is_current());
        change();
        assert!(!file.is_current(), "{number}");
    }
}

#[test]
fn a_file_that_was_just_written_does_not_count_as_current() {
    let directory = directory();
    let path = directory.path().join("file");
    let file = ConfigFile { stamp: None, ..ConfigFile::read(&path).unwrap() };
    assert!(!file.is_current());
}

#[test]
fn a_change_of_the_effective_user_shows() {
    let directory = directory();
    let path = directory.path().join("file");
    let mut file = ConfigFile::read(&path).unwrap();
    file.stamp = Some(Stamp::of(&path.metadata().unwrap()));
    assert!(file.is_current());
    file.user += 1;
    assert!(!file.is_current());
}
