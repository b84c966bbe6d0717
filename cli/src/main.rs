// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program `certpick`; its code is in the library of this package.

fn main() -> std::process::ExitCode {
    certpick_cli::main()
}
