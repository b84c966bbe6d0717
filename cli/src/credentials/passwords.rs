// SPDX-License-Identifier: MIT OR Apache-2.0
//! The file of `--sslpassword-file`. For `certpick run`, which passes only its name to the module,
//! reading it here detects errors before the program starts.

use crate::failure::Failure;
use certpick_core::error::file_name;
use certpick_core::file::bytes::FileContent;
use certpick_core::file::private::{self, PrivateFileError};
use std::path::Path;

/// Returns the content of the file.
pub fn read(path: &Path) -> Result<FileContent, Failure> {
    private::read(path).map_err(|error| {
        let reason = match error {
            PrivateFileError::Missing => "No such file or directory".to_owned(),
            PrivateFileError::NotRegular => "it is not a regular file".to_owned(),
            PrivateFileError::Permissions => {
                "it has group or world access; chmod it to 0600, or to 0640 if root owns it"
                    .to_owned()
            }
            PrivateFileError::Stat(reason) | PrivateFileError::Io(reason) => reason,
        };
        Failure::new(format!("--sslpassword-file \"{}\": {reason}", file_name(path)))
    })
}
