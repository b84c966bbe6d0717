// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rules.
//!
//! A rule says for which hosts and users a credential is, and whether it is for verified servers
//! alone. A credential whose rule does not match is not sent. certpick.toml(5) describes patterns
//! and which names are compared. Rules must be set before the selector is attached.

use super::*;
use certpick_core::rule::{self, Hosts, Rule, Users};

/// Rule: the hosts that the credential is for, as patterns separated by commas. If a pattern other
/// than "*" matches, the credential ranks before credentials without such a rule, and may be sent
/// although the server names no CA. Since 0.1.1.
pub const CERTPICK_RULE_HOSTS: i32 = 1;
/// Rule: the users that the credential is for, as patterns separated by commas. Since 0.1.1.
pub const CERTPICK_RULE_USERS: i32 = 2;
/// Rule: "1" if the credential is for servers alone that OpenSSL has verified for every name that is
/// known. Since 0.1.1.
pub const CERTPICK_RULE_VERIFIED: i32 = 3;

/// Sets a part of the rule of a credential: rule is one of the CERTPICK_RULE_ values, and index
/// counts the credentials from 0. A value of NULL removes that part. Since 0.1.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_selector_set_rule(
    selector: *mut certpick_selector,
    index: usize,
    rule: i32,
    value: *const c_char,
) -> certpick_status {
    // SAFETY: NULL or a valid selector; NULL or a C string.
    unsafe {
        with_selector(selector, |selector| {
            let value = bytes(value).map(text).transpose()?;
            selector.change(|s| set(s.rule_mut(index)?, rule, value))
        })
    }
}

fn set(of: &mut Rule, rule: i32, value: Option<&str>) -> Result<(), Error> {
    let patterns = || value.map(rule::split);
    match rule {
        CERTPICK_RULE_HOSTS => of.hosts = patterns().map(Hosts::parse).transpose()?,
        CERTPICK_RULE_USERS => of.users = patterns().map(Users::parse).transpose()?,
        CERTPICK_RULE_VERIFIED => {
            of.verified = match value {
                None => false,
                Some("1") => true,
                Some(_) => return Err(Error::Argument("the value of the rule is not \"1\"")),
            }
        }
        _ => return Err(Error::Argument("unknown rule")),
    }
    Ok(())
}

fn text(bytes: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(bytes).map_err(|_| Error::Argument("the rule is not valid UTF-8"))
}
