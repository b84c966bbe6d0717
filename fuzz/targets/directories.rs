// SPDX-License-Identifier: MIT OR Apache-2.0
//! Directories as entries, compared with a simple second implementation. Input: a byte for the password, and
//! a line for each file: a byte for its content, a byte for what it is, and its name.

#![no_main]

use certpick_core::Secret;
use certpick_core::Selector;
use certpick_core::source::Accepts;
use certpick_fuzz::FILES;
use certpick_fuzz::naive::directories::{Content, File, Leaf, What, credentials};
use libfuzzer_sys::fuzz_target;
use openssl::pkcs12::Pkcs12;
use openssl::stack::Stack;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::LazyLock;
use testkit::certificates::{Identity, Subject};
use testkit::directory::set_mode;

const MAX_FILES: usize = 16;

struct Pool {
    contents: Vec<(Vec<u8>, Content)>,
    /// The DER of each certificate, by its number.
    certificates: Vec<Vec<u8>>,
}

static POOL: LazyLock<Pool> = LazyLock::new(|| {
    let root = Identity::root("root");
    // Without basic constraints.
    let issuer = root.issue(Subject::new("issuer").bare());
    let all = [
        (Identity::root("authority"), Leaf { number: 0, is_ca: true, ends: 100, issuer: Some(0) }),
        (issuer.clone(), Leaf { number: 1, is_ca: false, ends: 100, issuer: None }),
        (issuer.issue("issued"), Leaf { number: 2, is_ca: false, ends: 100, issuer: Some(1) }),
        (
            root.issue(Subject::new("long").valid(-1, 900)),
            Leaf { number: 3, is_ca: false, ends: 900, issuer: None },
        ),
        (
            root.issue(Subject::new("short").valid(-1, 9)),
            Leaf { number: 4, is_ca: false, ends: 9, issuer: None },
        ),
    ];
    let mut contents = vec![
        (Vec::new(), Content::default()),
        (b"text\n".to_vec(), Content::default()),
        (
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec(),
            Content { has_certificate: true, ..Content::default() },
        ),
        (
            b"-----BEGIN PRIVATE KEY-----\n".to_vec(),
            Content { has_key: true, ..Content::default() },
        ),
        (b"\x30\x05\x02\x01\x03\x30\x00".to_vec(), Content::default()),
    ];
    for (identity, leaf) in &all {
        let (leaf, key_of) = (Some(*leaf), Some(leaf.number));
        let certificate = Content { leaf, has_certificate: true, ..Content::default() };
        let root = root.pem();
        let chain = [identity.pem(), root.clone()].concat();
        let both = Content { has_key: true, key_of, ..certificate };
        let pkcs12 = Content { leaf, key_of, is_pkcs12: true, ..Content::default() };
        contents.extend([
            (identity.pem(), certificate),
            (chain, Content { others: 1, ..certificate }),
            (identity.key_pem(), Content { has_key: true, key_of, ..Content::default() }),
            (identity.bundle(), both),
            (file(identity, ""), pkcs12),
            (file(identity, "secret"), Content { has_password: true, ..pkcs12 }),
        ]);
    }
    let certificates = all.iter().map(|(x, _)| x.certificate.to_der().expect("DER")).collect();
    Pool { contents, certificates }
});

fn file(identity: &Identity, password: &str) -> Vec<u8> {
    let mut builder = Pkcs12::builder();
    builder.pkey(&identity.key).cert(&identity.certificate).key_iter(1).mac_iter(1);
    if password.is_empty() {
        builder.ca(Stack::new().expect("a stack"));
    }
    builder.build2(password).expect("a file").to_der().expect("DER")
}

/// Returns the files of an input.
fn files(data: &[u8]) -> Vec<(usize, File<'_>)> {
    let mut files: Vec<(usize, File<'_>)> = Vec::new();
    for line in data.split(|byte| *byte == b'\n').take(MAX_FILES) {
        let [content, what, name @ ..] = line else { continue };
        let is_name = !name.is_empty() && name.len() < 256 && name != b"." && name != b"..";
        let is_new = files.iter().all(|(_, file)| file.name != name);
        if !is_name || name.contains(&b'/') || name.contains(&0) || !is_new {
            continue;
        }
        let number = usize::from(*content) % POOL.contents.len();
        let content = POOL.contents[number].1;
        let what = match what {
            b'd' => What::Directory,
            b'm' => What::Dangling,
            other => What::Regular { content, is_open: *other == b'o' },
        };
        files.push((number, File { name, what }));
    }
    files
}

fn write(directory: &Path, number: usize, file: &File<'_>, is_link: bool) {
    let path = directory.join(OsStr::from_bytes(file.name));
    let content = &POOL.contents[number].0;
    match file.what {
        What::Directory => fs::create_dir(path).expect("a directory"),
        What::Dangling => symlink("/nowhere/at/all", path).expect("a link"),
        What::Regular { is_open, .. } => {
            let target = if is_link {
                FILES.path(format!("target-{number}-{is_open}"))
            } else {
                path.clone()
            };
            fs::write(&target, content).expect("a file");
            set_mode(&target, if is_open { 0o644 } else { 0o600 });
            if is_link {
                symlink(target, path).expect("a link");
            }
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((options, lines)) = data.split_first() else { return };
    let (has_password, is_link) = (options & 1 != 0, options & 2 != 0);
    let directory = FILES.path("directory");
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir(&directory).expect("a directory");
    set_mode(&directory, 0o755);
    let files = files(lines);
    for (number, file) in &files {
        write(&directory, *number, file, is_link);
    }
    let files: Vec<File<'_>> = files.into_iter().map(|(_, file)| file).collect();
    let expected = credentials(&files, has_password);

    let mut selector = Selector::new();
    // The files change faster than the cache detects. The cache has its own tests.
    selector.set_cache(false);
    let password = if has_password { Secret::new(b"secret") } else { None };
    let added = selector.add_entry(directory, None, password, Accepts::Any);
    let frozen = added.and_then(|()| selector.freeze());
    let frozen = match frozen {
        Ok(frozen) => frozen,
        Err(error) => {
            let text = error.to_string();
            assert!(text.starts_with("entry 1: ") && !text.contains('\n'), "{text}");
            assert!(expected.is_none(), "{text}: {expected:?}");
            return;
        }
    };
    let expected = expected.expect("the directory is refused");
    let names: Vec<&[u8]> = frozen
        .credentials()
        .map(|one| one.file().and_then(Path::file_name).expect("a name").as_bytes())
        .collect();
    assert_eq!(names, expected.iter().map(|one| one.name).collect::<Vec<_>>());
    for (at, one) in expected.iter().enumerate() {
        let leaf = frozen.certificate(at).expect("a certificate").to_der().expect("DER");
        assert_eq!(leaf, POOL.certificates[one.leaf.number]);
        // The key of another certificate is skipped, but a damaged one is an error.
        assert!(one.has_key || frozen.check_key(at).is_err());
    }
});
