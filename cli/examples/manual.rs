// SPDX-License-Identifier: MIT OR Apache-2.0
//! Generates manual pages and shell completions from the definition of the command line:
//! `cargo run -p certpick-cli --example manual -- DIR` writes DIR/man and DIR/completions.

use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

fn main() -> io::Result<()> {
    let Some(directory) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: manual DIR");
        std::process::exit(2);
    };
    let command = certpick_cli::command();
    let manual = directory.join("man");
    std::fs::create_dir_all(&manual)?;
    let pages: Vec<&Command> =
        command.get_subcommands().filter(|c| c.get_name() != "help").collect();
    let name = |page: &Command| format!("certpick-{}", page.get_name());
    let names: Vec<String> = pages.iter().map(|page| name(page)).collect();
    let top = command.clone().disable_help_subcommand(true);
    page(&top, "certpick", &names, &manual)?;
    for subcommand in pages {
        page(subcommand, &name(subcommand), &["certpick".to_owned()], &manual)?;
    }
    let completions = directory.join("completions");
    std::fs::create_dir_all(&completions)?;
    for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
        clap_complete::generate_to(shell, &mut command.clone(), "certpick", &completions)?;
    }
    Ok(())
}

fn page(command: &Command, name: &str, others: &[String], directory: &Path) -> io::Result<()> {
    // clap requires a name with the lifetime 'static.
    let name: &'static str = name.to_owned().leak();
    let man = Man::new(command.clone().name(name).display_name(name))
        .title(name.to_uppercase())
        .section("1")
        .source(format!("certpick {}", env!("CARGO_PKG_VERSION")))
        .manual("certpick")
        .date("");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    for block in after.split("\n\n") {
        section(&mut page, block)?;
    }
    writeln!(page, ".SH SEE ALSO")?;
    let last = ["certpick.cnf(5)", "certpick.toml(5)", "certpick(3)"].map(str::to_owned);
    let others: Vec<String> =
        others.iter().map(|o| format!("{o}(1)")).chain(last).map(|o| escape(&o)).collect();
    writeln!(page, "{}", others.join(", "))?;
    std::fs::write(directory.join(format!("{name}.1")), page)
}

/// Writes a paragraph of the text after the options: `Examples:` with commands, `Exit status: ...`, or
/// notes.
fn section(page: &mut Vec<u8>, block: &str) -> io::Result<()> {
    let flowing = |text: &str| escape(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    let is_heading = |words: &str| words.split_whitespace().count() < 3;
    let Some((heading, text)) = block.split_once(':').filter(|(words, _)| is_heading(words)) else {
        if !block.is_empty() {
            writeln!(page, ".SH NOTES\n{}", flowing(block))?;
        }
        return Ok(());
    };
    writeln!(page, ".SH {}", heading.trim().to_uppercase())?;
    if heading.starts_with("Example") {
        let lines: Vec<String> = text.trim_matches('\n').lines().map(escape).collect();
        return writeln!(page, ".nf\n{}\n.fi", lines.join("\n"));
    }
    writeln!(page, "{}", flowing(text))
}

fn escape(line: &str) -> String {
    let line = line.trim_end().replace('\\', "\\e").replace('-', "\\-");
    if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line }
}
