// SPDX-License-Identifier: MIT OR Apache-2.0
//! include/certpick.h is generated from src/capi: the frame of cbindgen.toml, and a section for each
//! module. The heading of a section is the module's comment, and cbindgen writes the declarations.
//!
//! `CERTPICK_WRITE_HEADER=1 cargo test --test header`, or `make header`, writes the header.

use cbindgen::{Builder, Config};
use std::fs;
use std::path::Path;

/// The modules of src/capi in the order of the sections.
const SECTIONS: [&str; 10] = [
    "version",
    "status",
    "selector",
    "credentials",
    "policy",
    "rules",
    "attach",
    "outcome",
    "explanation",
    "cache",
];

fn run(builder: Builder) -> String {
    let mut text = Vec::new();
    builder.generate().expect("cbindgen").write(&mut text);
    String::from_utf8(text).expect("UTF-8")
}

/// Returns the comment of a module as a comment in C.
fn heading(source: &str) -> String {
    let lines = source.lines().filter_map(|line| line.strip_prefix("//!"));
    let lines: String = lines.map(|line| format!(" *{line}\n")).collect();
    let rule = "-".repeat(96);
    format!("/* {rule}\n{lines} * {rule} */\n\n")
}

fn section(root: &Path, config: &Config, module: &str) -> String {
    let path = root.join("src/capi").join(module).with_extension("rs");
    let source = fs::read_to_string(&path).expect("a module of src/capi");
    let config = Config {
        header: None,
        include_guard: None,
        sys_includes: Vec::new(),
        after_includes: None,
        ..config.clone()
    };
    let declarations = run(Builder::new().with_config(config).with_src(path));
    heading(&source) + declarations.trim() + "\n\n"
}

fn generate() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml");
    let sections: String = SECTIONS.iter().map(|name| section(root, &config, name)).collect();
    let part = |value: &str| value.parse::<u32>().expect("a version number");
    let number = (part(env!("CARGO_PKG_VERSION_MAJOR")) << 16)
        + (part(env!("CARGO_PKG_VERSION_MINOR")) << 8)
        + part(env!("CARGO_PKG_VERSION_PATCH"));
    run(Builder::new().with_config(config))
        .replace("@SECTIONS@\n", &sections)
        .replace("@VERSION@", env!("CARGO_PKG_VERSION"))
        .replace("@VERSION_NUMBER@", &format!("0x{number:06x}"))
}

#[test]
fn the_committed_header_is_what_cbindgen_generates() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("include/certpick.h");
    let generated = generate();
    if std::env::var_os("CERTPICK_WRITE_HEADER").is_some() {
        fs::write(&path, &generated).expect("write the header");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == generated,
        "include/certpick.h differs from what cbindgen generates from src/capi; run: make header"
    );
}

#[test]
fn every_module_of_capi_is_a_section() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/capi");
    let files = fs::read_dir(directory).expect("src/capi").map(|file| file.expect("a file"));
    let mut found: Vec<_> = files.map(|file| file.path().with_extension("")).collect();
    found.sort();
    let mut names: Vec<_> = found.iter().filter_map(|path| path.file_name()?.to_str()).collect();
    names.sort();
    let mut expected = SECTIONS;
    expected.sort();
    assert_eq!(names, expected);
}
