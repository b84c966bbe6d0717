// SPDX-License-Identifier: MIT OR Apache-2.0

mod attack;
mod content;
mod file;
mod secrets;

use super::*;
use crate::error::{ConfigFlaw, Position};

/// The example of certpick.toml(5).
const EXAMPLE: &str = r#"issuers = "intermediates.pem"

[[credential]]                      # in order of preference
sslcert = "north.crt"
sslkey = "north.key"
sslpasswordfile = "north.pass"
hosts = ["*.north.example", "db7"]
users = ["app"]

[[credential]]
sslcert = "redis.p12"
sslpasswordfile = "redis.pass"
hosts = ["redis1.example:6379"]
verified = true

[[credential]]
sslcert = "card.crt"
sslkey = "pkcs11:object=alice"
"#;

const FILE: &str = "/dir/certpick.toml";

fn parse(content: impl AsRef<[u8]>) -> Result<Config, ConfigError> {
    Config::parse(Path::new(FILE), content.as_ref())
}

/// The line, column and flaw of a content that is wrong.
fn flaw(content: impl AsRef<[u8]>) -> (usize, usize, ConfigFlaw) {
    match parse(content) {
        Err(ConfigError::Content { file, at: Position { line, column }, flaw }) => {
            assert_eq!(file, Path::new(FILE));
            (line, column, flaw)
        }
        other => panic!("{other:?}"),
    }
}
