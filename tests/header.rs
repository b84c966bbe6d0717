// SPDX-License-Identifier: MIT OR Apache-2.0
//! include/certpick.h is what cbindgen makes of src/capi.
//!
//! `CERTPICK_WRITE_HEADER=1 cargo test --test header`, or `make header`, writes it anew.

use std::path::Path;

fn generate() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml");
    let mut builder = cbindgen::Builder::new().with_config(config);
    for source in
        ["capi.rs", "capi/constants.rs", "capi/selector.rs", "capi/handshake.rs", "capi/cache.rs"]
    {
        builder = builder.with_src(root.join("src").join(source));
    }
    let mut text = Vec::new();
    builder.generate().expect("cbindgen").write(&mut text);

    let part = |value: &str| value.parse::<u32>().expect("a version number");
    let number = (part(env!("CARGO_PKG_VERSION_MAJOR")) << 16)
        + (part(env!("CARGO_PKG_VERSION_MINOR")) << 8)
        + part(env!("CARGO_PKG_VERSION_PATCH"));
    String::from_utf8(text)
        .expect("UTF-8")
        .replace("@VERSION@", env!("CARGO_PKG_VERSION"))
        .replace("@VERSION_NUMBER@", &format!("0x{number:06x}"))
}

#[test]
fn the_committed_header_is_what_cbindgen_makes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("include/certpick.h");
    let generated = generate();
    if std::env::var_os("CERTPICK_WRITE_HEADER").is_some() {
        std::fs::write(&path, &generated).expect("write the header");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == generated,
        "include/certpick.h is not what cbindgen makes of src/capi; run: make header"
    );
}
