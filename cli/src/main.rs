// SPDX-License-Identifier: MIT OR Apache-2.0
//! See the library.

fn main() -> std::process::ExitCode {
    certpick_cli::main()
}
