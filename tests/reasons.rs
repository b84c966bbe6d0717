// SPDX-License-Identifier: MIT OR Apache-2.0
//! Compares the table of reasons in choice::Reason with the texts that repeat it: the header,
//! certpick(3) and the documents.

use certpick_core::choice::{Effect, Reason};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns a file as one line: without line breaks, and without the asterisks of comments in C.
fn read(path: PathBuf) -> String {
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let words = text.split_whitespace().filter(|word| !["*", "/**", "*/"].contains(word));
    words.collect::<Vec<_>>().join(" ")
}

/// Returns the beginning of a constant's documentation.
fn beginning(reason: &Reason) -> String {
    let effect = match reason.effect {
        Effect::Excludes => "Hard",
        Effect::Demotes => "Soft",
        Effect::Aborts => "Aborted",
    };
    format!("{effect}: {}", reason.text)
}

#[test]
fn the_bits_differ_from_each_other() {
    let all = Reason::ALL.iter().fold(0, |all, reason| all | reason.bit.0);
    assert_eq!(all.count_ones() as usize, Reason::ALL.len());
}

#[test]
fn the_header_has_every_reason_with_its_bit_its_effect_and_its_text() {
    let header = read(root().join("include/certpick.h"));
    for reason in Reason::ALL {
        let define = format!("#define CERTPICK_REASON_{} {} ", reason.name, reason.bit.0);
        let (before, _) = header.split_once(&define).unwrap_or_else(|| panic!("no {define:?}"));
        let (_, comment) = before.rsplit_once("#define ").expect("a constant before it");
        assert!(comment.contains(&beginning(reason)), "{comment:?} for {}", reason.name);
    }
    assert_eq!(header.matches("#define CERTPICK_REASON_").count(), Reason::ALL.len());
}

#[test]
fn the_manual_has_every_reason_with_its_effect_and_its_text() {
    let page = read(root().join("man/certpick.3"));
    for reason in Reason::ALL {
        let item = format!(".It Dv CERTPICK_REASON_{} {}", reason.name, beginning(reason));
        assert!(page.contains(&item), "certpick(3) does not contain {item:?}");
    }
    assert_eq!(page.matches(".It Dv CERTPICK_REASON_").count(), Reason::ALL.len());
}

#[test]
fn a_document_has_the_text_of_every_reason() {
    let documents = fs::read_dir(root().join("doc")).expect("doc/");
    let documents = documents.map(|file| file.expect("a file").path());
    let documents = documents.filter(|path| path.extension().is_some_and(|e| e == "md"));
    let pages: Vec<_> = documents.chain([root().join("README.md")]).map(read).collect();
    let missing = |page: &String| {
        let has = |reason: &&Reason| page.to_lowercase().contains(&reason.text.to_lowercase());
        Reason::ALL.iter().filter(|reason| !has(reason)).map(|r| r.name).collect::<Vec<_>>()
    };
    let fewest = pages.iter().map(missing).min_by_key(Vec::len);
    assert_eq!(fewest, Some(Vec::new()), "not in README.md, nor in one document of doc/");
}
