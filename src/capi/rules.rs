// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rules.
//!
//! A rule restricts a credential to certain hosts, to certain users, or to servers that OpenSSL has
//! verified. A credential whose rule does not match is not sent. A value that is not known matches
//! no pattern. certpick.toml(5) describes the patterns and the values with which they are compared.
//!
//! Without CERTPICK_RULE_VERIFIED, rules guard against mistakes, not against an attacker who answers
//! in place of the server. Rules must be set before the selector is attached.

use super::*;
use certpick_core::rule::{self, Hosts, Rule, Users};

/// Rule: the hosts that the credential is for, as patterns separated by commas. If a pattern other
/// than "*" matches, the credential ranks first among those that are equal otherwise, and it may be
/// sent although the server names no CA, whatever CERTPICK_OPTION_EMPTY_CA_LIST is. Since 0.1.1.
pub const CERTPICK_RULE_HOSTS: i32 = 1;
/// Rule: the users that the credential is for, as patterns separated by commas. Since 0.1.1.
pub const CERTPICK_RULE_USERS: i32 = 2;
/// Rule: "1" restricts the credential to servers that OpenSSL has verified and whose certificate is
/// valid for every name that is known. The result of SSL_get_verify_result(3) counts, which a
/// verification callback of the program can change. Since 0.1.1.
pub const CERTPICK_RULE_VERIFIED: i32 = 3;

/// Sets one part of the rule of a credential: one of the CERTPICK_RULE_ values. index counts the
/// credentials from 0, in the order in which they were added. If the credential is one of an entry
/// that stands for several, such as a directory, the rule is that of the whole entry, also for
/// files that are added to the directory later. If value is NULL, that part is removed. White space
/// around a pattern is ignored. If value contains no pattern, or one that cannot be used, that is
/// CERTPICK_ERROR_ARGUMENT. The rules of credentials that certpick_selector_add_config() has added
/// cannot be changed. Since 0.1.1.
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
