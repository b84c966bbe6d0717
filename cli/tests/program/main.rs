// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of the program `certpick`. They are one test program, so that they can share `support`.

mod check;
mod config;
mod run;
mod support;
