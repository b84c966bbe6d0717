// SPDX-License-Identifier: MIT OR Apache-2.0
//! Configuration files in `certpick run`, `probe` and `check`.

mod check;
mod mistakes;
mod probe;
mod run;

use crate::support::Scene;
use std::path::PathBuf;
use std::process::Command;
use testkit::certificates::Identity;

/// Writes a configuration file.
fn write(scene: &Scene, name: &str, text: &str) -> PathBuf {
    std::fs::create_dir_all(scene.path(name).parent().unwrap()).unwrap();
    scene.write(name, text)
}

/// Writes certpick.toml with a credential for each name and rule, whose certificates are self-signed.
fn write_rules(scene: &Scene, rules: &[(&str, &str)]) -> Vec<Identity> {
    let mut text = String::new();
    let mut identities = Vec::new();
    for (name, rule) in rules {
        identities.push(scene.pair(name, None));
        text += &format!("[[credential]]\nsslcert = '{name}.crt'\nsslkey = '{name}.key'\n{rule}\n");
    }
    write(scene, "certpick.toml", &text);
    identities
}

fn certpick(scene: &Scene, words: &[&str]) -> Command {
    let mut command = scene.command(env!("CARGO_BIN_EXE_certpick"));
    command.args(words);
    command
}
