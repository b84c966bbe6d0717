// SPDX-License-Identifier: MIT OR Apache-2.0

mod chains;
mod hostile;
