// SPDX-License-Identifier: MIT OR Apache-2.0
//! Policy.
//!
//! Options must be set before the selector is attached.

use super::*;
use certpick_core::choice::{EmptyCaList, Flawed, NoneSuitable};

/// Option: the credentials that may be sent to a server that names no CA.
pub const CERTPICK_OPTION_EMPTY_CA_LIST: i32 = 1;
/// All credentials. This is the default.
pub const CERTPICK_EMPTY_CA_LIST_ACCEPT: i64 = 0;
/// The credential, if the selector has only one.
pub const CERTPICK_EMPTY_CA_LIST_SOLE: i64 = 1;
/// None.
pub const CERTPICK_EMPTY_CA_LIST_SEND_NONE: i64 = 2;

/// Option: the treatment of credentials with soft reasons against them.
pub const CERTPICK_OPTION_FLAWED: i32 = 2;
/// They are sent only if no credential without soft reasons suits. This is the default.
pub const CERTPICK_FLAWED_DEMOTE: i64 = 0;
/// They are never sent.
pub const CERTPICK_FLAWED_EXCLUDE: i64 = 1;

/// Option: the action if no credential suits.
pub const CERTPICK_OPTION_NONE_SUITABLE: i32 = 3;
/// Send no certificate and let the server decide. This is the default.
pub const CERTPICK_NONE_SUITABLE_SEND_NONE: i64 = 0;
/// Abort the handshake.
pub const CERTPICK_NONE_SUITABLE_ABORT: i64 = 1;

/// Option: whether the selector uses the cache and follows changes of its files. It must be set
/// before credentials are added.
pub const CERTPICK_OPTION_CACHE: i32 = 4;
/// Read every file when it is added, and ignore later changes of certificates.
pub const CERTPICK_CACHE_OFF: i64 = 0;
/// Use the cache, and follow changes. This is the default.
pub const CERTPICK_CACHE_ON: i64 = 1;

/// Sets an option, one of the CERTPICK_OPTION_ values.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_selector_set_option(
    selector: *mut certpick_selector,
    option: i32,
    value: i64,
) -> certpick_status {
    // SAFETY: NULL or a valid selector.
    unsafe {
        with_selector(selector, |selector| {
            selector.change(|s| {
                let policy = s.policy_mut();
                match option {
                    CERTPICK_OPTION_EMPTY_CA_LIST => policy.empty_ca_list = empty_ca_list(value)?,
                    CERTPICK_OPTION_FLAWED => policy.flawed = flawed(value)?,
                    CERTPICK_OPTION_NONE_SUITABLE => policy.none_suitable = none_suitable(value)?,
                    CERTPICK_OPTION_CACHE => s.set_cache(cache(value)?),
                    _ => return Err(Error::Argument("unknown option")),
                }
                Ok(())
            })
        })
    }
}

const UNKNOWN_VALUE: Error = Error::Argument("invalid value for the option");

fn empty_ca_list(value: i64) -> Result<EmptyCaList, Error> {
    match value {
        CERTPICK_EMPTY_CA_LIST_ACCEPT => Ok(EmptyCaList::Accept),
        CERTPICK_EMPTY_CA_LIST_SOLE => Ok(EmptyCaList::Sole),
        CERTPICK_EMPTY_CA_LIST_SEND_NONE => Ok(EmptyCaList::SendNone),
        _ => Err(UNKNOWN_VALUE),
    }
}

fn flawed(value: i64) -> Result<Flawed, Error> {
    match value {
        CERTPICK_FLAWED_DEMOTE => Ok(Flawed::Demote),
        CERTPICK_FLAWED_EXCLUDE => Ok(Flawed::Exclude),
        _ => Err(UNKNOWN_VALUE),
    }
}

fn none_suitable(value: i64) -> Result<NoneSuitable, Error> {
    match value {
        CERTPICK_NONE_SUITABLE_SEND_NONE => Ok(NoneSuitable::SendNone),
        CERTPICK_NONE_SUITABLE_ABORT => Ok(NoneSuitable::Abort),
        _ => Err(UNKNOWN_VALUE),
    }
}

fn cache(value: i64) -> Result<bool, Error> {
    match value {
        CERTPICK_CACHE_OFF => Ok(false),
        CERTPICK_CACHE_ON => Ok(true),
        _ => Err(UNKNOWN_VALUE),
    }
}
