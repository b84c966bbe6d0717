// SPDX-License-Identifier: MIT OR Apache-2.0
//! Handles one CertificateRequest: reads it, chooses a credential, installs it and records the decision.

use super::installation::{self, InstallError, Installed};
use super::{record, request, security, target};
use crate::choice::{EmptyCaList, NoneSuitable, Policy, Reasons, RuleMatch};
use crate::decision::{Decision, Outcome};
use crate::error::{Cause, Error, Problem};
use crate::judgement::{Circumstances, Judgement};
use crate::ossl::QuietErrors;
use crate::request::Request;
use crate::selector::{Filter, FrozenSelector, Survivors, clear_caches};
use crate::source::watched::{FileCheck, FileCheckError};
use crate::x509::extensions::cache_extensions;
use openssl::stack::Stack;
use openssl::x509::X509;
use openssl_sys as ffi;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// The maximum number of attempts for one request while files are being replaced.
const MAX_ATTEMPTS: usize = 4;

/// Handles a request. Returns `None` if no certificate is sent.
///
/// `in_cert_cb`: the callback is a cert_cb, after which OpenSSL sends the certificate that is on the SSL.
/// The certificates that the program has set are therefore removed until the end of the handshake, even
/// if no credential suits. OpenSSL calls a client_cert_cb only if no certificate is set.
///
/// # Safety
/// `ssl` is a client's valid SSL, inside its cert_cb or client_cert_cb.
pub unsafe fn choose_and_install(
    ssl: *mut ffi::SSL,
    selector: &Arc<FrozenSelector>,
    in_cert_cb: bool,
) -> Result<Option<Installed>, Error> {
    // SAFETY: the caller's promise.
    let result = unsafe { choose(ssl, selector, in_cert_cb) };
    let is_over = match &result {
        Ok(Some(_)) => false,
        Ok(None) => !in_cert_cb,
        Err(_) => true,
    };
    if is_over {
        // SAFETY: the caller's promise.
        unsafe { installation::end(ssl) };
    }
    result
}

/// # Safety
/// As for [`choose_and_install`].
unsafe fn choose(
    ssl: *mut ffi::SSL,
    selector: &Arc<FrozenSelector>,
    in_cert_cb: bool,
) -> Result<Option<Installed>, Error> {
    let _errors = QuietErrors::new();
    // SAFETY: the caller's promise.
    let Attempt { decision, result, .. } = unsafe { last_attempt(ssl, selector, in_cert_cb) }?;
    // Without a record the decision could not be explained, so nothing is sent.
    // SAFETY: the caller's promise.
    unsafe { record::set_decision(ssl, decision, false) }?;
    result
}

/// Makes attempts until one is made with the current content of the files, or [`MAX_ATTEMPTS`] is
/// reached. All files are checked only after an attempt that may be outdated.
///
/// # Safety
/// As for [`choose_and_install`].
unsafe fn last_attempt(
    ssl: *mut ffi::SSL,
    selector: &Arc<FrozenSelector>,
    in_cert_cb: bool,
) -> Result<Attempt, Error> {
    if in_cert_cb {
        // SAFETY: the caller's promise.
        unsafe { installation::begin(ssl) }?;
    }
    let mut has_begun = in_cert_cb;
    let mut current = selector.latest();
    if current.follows_files() {
        match current.with_current_files() {
            Ok(None) => {}
            Ok(Some(new)) => {
                selector.set_latest(&new);
                current = new;
            }
            Err(error) => {
                // SAFETY: the caller's promise.
                let decision = unsafe { judge_request(ssl, &current) }?;
                let mut attempt = Attempt::done(decision, Ok(None));
                attempt.fail(error);
                return Ok(attempt);
            }
        }
    }
    let mut check = current.follows_files().then_some(FileCheck::Unchanged);
    let mut left = MAX_ATTEMPTS;
    loop {
        // SAFETY: the caller's promise.
        let mut attempt = unsafe { attempt(ssl, &current, check, &mut has_begun)? };
        left -= 1;
        if left == 0 || !attempt.may_be_outdated(check) {
            return Ok(attempt);
        }
        check = Some(FileCheck::Readable);
        let is_different = match current.reloaded() {
            Ok(Some((reloaded, is_different))) => {
                selector.set_latest(&reloaded);
                current = reloaded;
                is_different
            }
            Ok(None) => false,
            Err(error) => {
                attempt.fail(error);
                return Ok(attempt);
            }
        };
        if !is_different && !attempt.must_repeat {
            return Ok(attempt);
        }
    }
}

/// A choice, and the result of installing the chosen credential.
struct Attempt {
    decision: Decision,
    result: Result<Option<Installed>, Error>,
    /// A file on which the choice depends has changed or was not checked.
    must_repeat: bool,
}

impl Attempt {
    fn done(decision: Decision, result: Result<Option<Installed>, Error>) -> Attempt {
        Attempt { decision, result, must_repeat: false }
    }

    fn outdated(decision: Decision) -> Attempt {
        Attempt { decision, result: Ok(None), must_repeat: true }
    }

    /// Returns whether the current files may lead to another result. If all files have been checked, they
    /// can do so only after an error: a file may have been replaced since.
    fn may_be_outdated(&self, check: Option<FileCheck>) -> bool {
        let is_first = check == Some(FileCheck::Unchanged);
        let is_ruled_out = self.decision.request().ca_names == 0
            && self.decision.circumstances().policy.empty_ca_list == EmptyCaList::SendNone
            && !self.decision.rules.iter().any(|rule| rule.is_preferred);
        match &self.result {
            _ if check.is_none() => false,
            _ if self.must_repeat => true,
            Ok(Some(_)) => false,
            Ok(None) | Err(Error::NoneSuitable) => is_first && !is_ruled_out,
            Err(_) => true,
        }
    }

    /// Records an error, unless the attempt has failed already.
    fn fail(&mut self, error: Error) {
        if self.result.is_ok() {
            self.decision.chosen = None;
            self.decision.fail(&error);
            self.result = Err(error);
        }
    }
}

/// # Safety
/// As for [`choose_and_install`]. `has_begun` says whether [`installation::begin`] was called.
unsafe fn attempt(
    ssl: *mut ffi::SSL,
    selector: &Arc<FrozenSelector>,
    check: Option<FileCheck>,
    has_begun: &mut bool,
) -> Result<Attempt, Error> {
    // SAFETY: the caller's promise.
    let mut decision = unsafe { judge_request(ssl, selector)? };
    if let Some(error) = decision.error.clone() {
        return Ok(Attempt::done(decision, Err(error)));
    }
    let policy = *selector.policy();
    if check == Some(FileCheck::Unchanged)
        && decision.request.ca_names == 0
        && policy.empty_ca_list == EmptyCaList::Sole
    {
        // The content of every file matters.
        return Ok(Attempt::outdated(decision));
    }
    while let Some(candidate) = decision.judgement.best(&decision.circumstances()) {
        if !*has_begun {
            // SAFETY: the caller's promise.
            unsafe { installation::begin(ssl) }?;
            *has_begun = true;
        }
        decision.chosen = decision.judgement.index.survivors().credential(candidate);
        // SAFETY: the caller's promise.
        match unsafe { install(ssl, selector, &decision.judgement, candidate, check) } {
            Ok(installed) => {
                decision.outcome = Outcome::Sent;
                return Ok(Attempt::done(decision, Ok(Some(installed))));
            }
            Err(InstallError::SecurityLevel) => {
                decision.judgement.verdicts.add(candidate, Reasons::SECURITY_LEVEL);
                decision.chosen = None;
            }
            Err(InstallError::Changed) => return Ok(Attempt::outdated(decision)),
            Err(InstallError::Fatal(cause)) => {
                decision.judgement.verdicts.add(candidate, Reasons::KEY);
                let error = selector.entry_error(decision.chosen.unwrap_or(0), cause);
                decision.fail(&error);
                return Ok(Attempt::done(decision, Err(error)));
            }
        }
    }
    let result = match policy.none_suitable {
        NoneSuitable::SendNone => Ok(None),
        NoneSuitable::Abort => {
            decision.fail(&Error::NoneSuitable);
            Err(Error::NoneSuitable)
        }
    };
    Ok(Attempt::done(decision, result))
}

/// Reads the request and judges the credentials that its CA names do not exclude. Returns a decision
/// without a chosen credential. If a certificate cannot be decoded, the decision has the error and no
/// candidates.
///
/// # Safety
/// As for [`choose_and_install`].
pub(super) unsafe fn judge_request(
    ssl: *mut ffi::SSL,
    selector: &Arc<FrozenSelector>,
) -> Result<Decision, Error> {
    let filter = selector.filter();
    // SAFETY: the caller's promise.
    let (peer, request) = unsafe { (record::peer(ssl), request::read(ssl, filter)?) };
    let policy = selector.policy();
    // SAFETY: likewise.
    let target = selector.has_rules().then(|| unsafe { target::read(ssl, &peer) }).transpose()?;
    let rules = target.as_ref().map_or_else(Vec::new, |target| selector.match_rules(target));
    let survivors = survivors(filter, &request, policy, &rules);
    let (index, error) = match selector.index(survivors) {
        Ok(index) => (index, None),
        Err(Error::Memory) => return Err(Error::Memory),
        Err(error) => (selector.index(Survivors::none())?, Some(error)),
    };
    let (now, count, user) = (now(), selector.count(), peer.user.as_deref());
    let circumstances =
        Circumstances { request: &request, user, now, policy, count, rules: &rules };
    // SAFETY: likewise.
    let security = unsafe { security::judge(ssl, &index) };
    let judgement = Judgement::new(index, &security, &circumstances);
    let mut decision = Decision {
        selector: Arc::clone(selector),
        request,
        peer,
        target,
        rules,
        now,
        judgement,
        damaged: Vec::new(),
        outcome: Outcome::NoneSuitable,
        chosen: None,
        error: None,
    };
    if let Some(error) = &error {
        decision.fail(error);
    }
    Ok(decision)
}

/// Returns the credentials that neither the CA names nor the rules exclude. If the server names no CA, a
/// rule that names the host takes precedence over the policy.
fn survivors(
    filter: &Filter,
    request: &Request,
    policy: &Policy,
    rules: &[RuleMatch],
) -> Survivors {
    let named = request.named_numbers();
    let by_names = filter.survivors(named, policy.empty_ca_list);
    if rules.is_empty() {
        return by_names;
    }
    let survives = |credential: usize, rule: &RuleMatch| {
        let is_lifted = named.is_none() && rule.is_preferred;
        rule.reasons.is_empty() && (is_lifted || by_names.position(credential).is_some())
    };
    let survivors =
        rules.iter().enumerate().filter(|(credential, rule)| survives(*credential, rule));
    let survivors = survivors.filter_map(|(credential, _)| u32::try_from(credential).ok());
    Survivors::Some(survivors.collect())
}

/// Loads the key of a candidate and installs the credential. First checks its files unless `check` is
/// `None`.
///
/// # Safety
/// As for [`choose_and_install`].
unsafe fn install(
    ssl: *mut ffi::SSL,
    selector: &FrozenSelector,
    judgement: &Judgement,
    candidate: usize,
    check: Option<FileCheck>,
) -> Result<Installed, InstallError> {
    let no_entry = || InstallError::Fatal(Cause::Refused(Problem::NoEntry.into()));
    let no_memory = || InstallError::Fatal(Cause::Memory(None));
    let (index, links) = (&judgement.index, judgement.chain(candidate));
    let leaf = index.leaves().get(candidate).ok_or_else(no_entry)?;
    // SSL_use_cert_and_key(3) reads the extensions.
    cache_extensions(leaf).map_err(|_| {
        clear_caches();
        no_memory()
    })?;
    let key = selector.key(index, candidate, links, check).map_err(|error| match error {
        FileCheckError::Changed => InstallError::Changed,
        FileCheckError::Cause(cause) => InstallError::Fatal(cause),
    })?;
    // An empty stack, not NULL: with NULL, OpenSSL builds a chain from the trust store.
    let mut chain = Stack::<X509>::new().map_err(|_| no_memory())?;
    for certificate in index.certificates(links) {
        chain.push(certificate.clone()).map_err(|_| no_memory())?;
    }
    // SAFETY: the caller's promise.
    unsafe { installation::install(ssl, leaf, key, &chain) }
}

/// Returns the time in seconds since 1970.
fn now() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |s| -s),
    }
}
