// SPDX-License-Identifier: MIT OR Apache-2.0
//! `certpick run`: a program with the provider module in effect.

mod conf;
mod module;
mod openssl_cnf;
mod private;
mod program;
mod signals;
mod syntax;

use crate::credentials::{self, EmptyCaList, Files, Flawed, absolute_path};
use crate::failure::{Failure, say};
use crate::inspect;
use clap::{Args, ValueEnum};
use openssl_cnf::{EXPLAIN_FILE, InForce, Setting, Value};
use private::Explanations;
use signals::Blocked;
use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "certpick run [OPTIONS] --sslcert <LIST> -- <PROGRAM> [ARGUMENTS]...\n       \
                     certpick run [OPTIONS] --sslcert <LIST> --print";

const AFTER_HELP: &str = r#"Examples:
  certpick run --sslcert a.crt,b.crt --sslkey a.key,b.key -- psql "host=db1 dbname=app"
  certpick run --sslcert a.pem,b.pem --explain -- curl https://server.example/
  certpick run --sslcert a.pem,b.pem --print >certpick.cnf

The program gets an openssl.cnf by the variable OPENSSL_CONF: it includes the one in force and adds
the settings that were asked for. It holds no password, and stays when the program has ended, since
processes that the program has started may still read it; the same options use the same file again.
It is in $XDG_STATE_HOME/certpick; else in /run/certpick for root, in ~/.local/state/certpick, or in
$XDG_RUNTIME_DIR/certpick. No other user may be able to write to that directory or one above it.

Exit status: that of the program, and if a signal killed it, certpick dies by the same signal.
2: wrong usage; 125: certpick could not do its part; 126: the program could not be run; 127: it was
not found."#;

const HEAD: &str = "\
# Made by certpick run --print. Keep it in a file of its own, and set OPENSSL_CONF to the name of
# that file for the programs that are to use it.
";

/// Runs a program that sends the client certificate which the server asks for
///
/// It works for programs that use OpenSSL 3.0 or later and set no client certificate of their own.
#[derive(Args)]
#[command(override_usage = USAGE, after_help = AFTER_HELP, next_line_help = true)]
pub struct Options {
    #[command(flatten)]
    credentials: credentials::Options,

    /// Which connections get a certificate: all (the default), or only
    /// those of libpq, PostgreSQL's library
    #[arg(long, value_name = "all|libpq", default_value = "all")]
    #[arg(hide_possible_values = true, hide_default_value = true, verbatim_doc_comment)]
    only: Only,

    /// Tell which certificate was sent, and why: on standard error when the
    /// program has ended, or appended to FILE, a regular file of one's own
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    #[arg(verbatim_doc_comment)]
    explain: Option<Option<PathBuf>>,

    /// With --explain: tell only where no certificate was sent, or always
    /// (the default)
    #[arg(long, value_name = "failure|always", default_value = "always", requires = "explain")]
    #[arg(hide_possible_values = true, hide_default_value = true, verbatim_doc_comment)]
    explain_when: ExplainWhen,

    /// Where libcertpick.so is, if not beside certpick, in its ../lib, or
    /// among OpenSSL's modules
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    module: Option<PathBuf>,

    /// Print the openssl.cnf, to be installed for good, and run nothing
    #[arg(long)]
    print: bool,

    /// The program to run, and its arguments
    #[arg(last = true, value_name = "PROGRAM", required_unless_present = "print")]
    program: Vec<OsString>,
}

/// As the setting `only`.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Only {
    All,
    Libpq,
}

/// As the setting `explain`.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExplainWhen {
    Failure,
    Always,
}

/// Does it.
pub fn run(options: &Options) -> ExitCode {
    conf::keep_out_of_this_process();
    let done = if options.print { options.print() } else { options.run() };
    done.unwrap_or_else(|failure| failure.report())
}

impl Options {
    fn print(&self) -> Result<ExitCode, Failure> {
        let explain_file = match &self.explain {
            None => None,
            Some(Some(file)) => Some(text(&absolute_path(file)?)),
            Some(None) => return Err(Failure::new("--print wants --explain=FILE, with the file")),
        };
        let text = self.parts()?.openssl_cnf(self, explain_file)?;
        let mut out = io::stdout().lock();
        match out.write_all(&[HEAD.as_bytes(), &text].concat()).and_then(|()| out.flush()) {
            Ok(()) => Ok(ExitCode::SUCCESS),
            Err(error) => Err(Failure::new(format!("could not print: {error}"))),
        }
    }

    fn run(&self) -> Result<ExitCode, Failure> {
        let explain_file = match &self.explain {
            None => None,
            Some(Some(file)) => {
                let file = absolute_path(file)?;
                try_to_append(&file)?;
                Some(text(&file))
            }
            Some(None) => Some(Value::OfEnvironment),
        };
        // What may take its time comes before signals have to wait.
        let openssl_cnf = self.parts()?.openssl_cnf(self, explain_file)?;
        let blocked = Blocked::new();
        let mut variables = vec![("OPENSSL_CONF", private::keep(&openssl_cnf)?)];
        let explanations =
            matches!(self.explain, Some(None)).then(Explanations::new).transpose()?;
        variables.extend(explanations.iter().map(|ours| (EXPLAIN_FILE, ours.file())));
        let end = program::run(&self.program, &variables, &blocked)?;
        if let Some(ours) = explanations {
            self.tell(&ours.file());
        }
        Ok(end.imitate())
    }

    fn parts(&self) -> Result<Parts, Failure> {
        Ok(Parts {
            in_force: InForce::read()?,
            files: self.credentials.files()?,
            module: module::find(self.module.as_deref())?,
        })
    }

    /// Whether that can be written changes nothing.
    fn tell(&self, explanation: &Path) {
        match std::fs::read(explanation) {
            Ok(text) => {
                let _ = io::stderr().write_all(&text);
            }
            Err(_) if self.explain_when == ExplainWhen::Failure => {}
            Err(_) => say("nothing to explain: no server asked the program for a certificate, or \
                           it does not use OpenSSL's configuration, or has a certificate of its \
                           own"),
        }
    }
}

/// All that the new openssl.cnf is made from.
struct Parts {
    in_force: InForce,
    files: Files,
    module: PathBuf,
}

impl Parts {
    fn openssl_cnf(
        &self,
        options: &Options,
        explain_file: Option<Value>,
    ) -> Result<Vec<u8>, Failure> {
        let word = |word: &str| Some(Value::Text(word.as_bytes().to_vec()));
        let list = |list: &Vec<u8>| Value::Text(list.clone());
        let file = |path: &PathBuf| text(path);
        let explain = explain_file.is_some().then_some(options.explain_when);
        // What is as the library has it anyway is left out.
        let settings = [
            ("module", Some(file(&self.module))),
            ("sslcert", Some(list(&self.files.sslcert))),
            ("sslkey", self.files.sslkey.as_ref().map(list)),
            ("sslpasswordfile", self.files.sslpasswordfile.as_ref().map(file)),
            ("issuers", self.files.issuers.as_ref().map(file)),
            (
                "empty_ca_list",
                match options.credentials.empty_ca_list {
                    EmptyCaList::None => None,
                    EmptyCaList::Sole => word("sole"),
                    EmptyCaList::Accept => word("accept"),
                },
            ),
            (
                "flawed",
                match options.credentials.flawed {
                    Flawed::Demote => None,
                    Flawed::Exclude => word("exclude"),
                },
            ),
            (
                "only",
                match options.only {
                    Only::All => None,
                    Only::Libpq => word("libpq"),
                },
            ),
            (
                "explain",
                match explain {
                    None => None,
                    Some(ExplainWhen::Failure) => word("failure"),
                    Some(ExplainWhen::Always) => word("always"),
                },
            ),
            ("explain_file", explain_file),
        ];
        let set = |(name, value): (&'static str, Option<Value>)| Some((name, value?));
        let settings: Vec<Setting> = settings.into_iter().filter_map(set).collect();
        self.in_force.with_certpick(&settings)
    }
}

/// A file's name as a value.
fn text(file: &Path) -> Value {
    Value::Text(file.as_os_str().as_bytes().to_vec())
}

/// The module says nothing where it cannot write, so as not to disturb the program.
fn try_to_append(file: &Path) -> Result<(), Failure> {
    inspect::check_explain_file(file).map_err(|why| {
        Failure::new(format!(
            "--explain={file:?} cannot be written: {why}\n\
             Name a file of your own, or use --explain alone, which prints it on standard error."
        ))
    })
}
