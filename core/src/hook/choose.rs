// SPDX-License-Identifier: MIT OR Apache-2.0
//! One request: the choice, and carrying it out.

use super::installation::{self, InstallError, Installed};
use super::{record, request, security};
use crate::choice::{EmptyCaList, NoneSuitable, Reasons};
use crate::decision::{Decision, Outcome};
use crate::error::{Cause, Error, Problem};
use crate::judgement::{Circumstances, Judgement};
use crate::ossl::QuietErrors;
use crate::selector::{FrozenSelector, Survivors, clear_caches};
use crate::source::watched::{FileCheck, FileCheckError};
use crate::x509::extensions::cache_extensions;
use openssl::stack::Stack;
use openssl::x509::X509;
use openssl_sys as ffi;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// The maximum number of choices for one request, while files are being replaced.
const MAX_CHOICES: usize = 4;

/// Reads the request, chooses, loads the key, installs, and records the decision. `None`: nothing
/// suits and none is sent.
///
/// `clear`: the certificates that the program has set are removed first, until the end of the
/// handshake, so that neither a default nor the answer to an earlier request can stand in for the
/// choice.
///
/// # Safety
/// `ssl` is a client's valid SSL, inside one of the two callbacks.
pub unsafe fn choose_and_install(
    ssl: *mut ffi::SSL,
    selector: &Arc<FrozenSelector>,
    clear: bool,
) -> Result<Option<Installed>, Error> {
    // SAFETY: the caller's promise.
    let result = unsafe { choose(ssl, selector, clear) };
    let is_over = match &result {
        Ok(Some(_)) => false,
        Ok(None) => !clear,
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
    clear: bool,
) -> Result<Option<Installed>, Error> {
    let errors = QuietErrors::new();
    let mut has_begun = clear;
    if clear {
        // SAFETY: the caller's promise.
        unsafe { installation::begin(ssl) }?;
    }
    let mut current = selector.latest();
    let follows = current.follows_files();
    let mut check = follows.then_some(FileCheck::Unchanged);
    let mut left = MAX_CHOICES;
    let (decision, result) = loop {
        // SAFETY: the caller's promise.
        let attempt = unsafe { attempt(ssl, &current, check, &mut has_begun)? };
        left -= 1;
        if left == 0 || !attempt.may_be_outdated(check) {
            break (attempt.decision, attempt.result);
        }
        // Check every file, and choose again.
        check = Some(FileCheck::Readable);
        let is_different = match current.reloaded() {
            Ok(Some((reloaded, is_different))) => {
                selector.set_latest(&reloaded);
                current = reloaded;
                is_different
            }
            Ok(None) => false,
            // A file cannot be read. An earlier error comes first.
            Err(error) => {
                let Attempt { mut decision, result, .. } = attempt;
                let result = result.and_then(|_| {
                    decision.chosen = None;
                    decision.fail(&error);
                    Err(error)
                });
                break (decision, result);
            }
        };
        if !is_different && !attempt.must_repeat {
            break (attempt.decision, attempt.result);
        }
    };
    // SAFETY: the caller's promise.
    let recorded = unsafe { record::set_decision(ssl, decision, false) };
    drop(errors);
    // What cannot be explained afterwards is not sent.
    recorded?;
    result
}

/// A choice that was made and carried out as far as possible.
struct Attempt {
    decision: Decision,
    result: Result<Option<Installed>, Error>,
    /// A file that matters has changed or was not checked, so the choice must be made again.
    must_repeat: bool,
}

impl Attempt {
    /// Whether the current files may lead to another result. After all files have been checked, that is
    /// so only after an error: a file may have been replaced since.
    fn may_be_outdated(&self, check: Option<FileCheck>) -> bool {
        let is_first = check == Some(FileCheck::Unchanged);
        let is_ruled_out = self.decision.request().ca_names == 0
            && self.decision.circumstances().policy.empty_ca_list == EmptyCaList::SendNone;
        match &self.result {
            _ if check.is_none() => false,
            _ if self.must_repeat => true,
            Ok(Some(_)) => false,
            Ok(None) | Err(Error::NoneSuitable) => is_first && !is_ruled_out,
            Err(_) => true,
        }
    }
}

/// # Safety
/// As for [`choose_and_install`].
unsafe fn attempt(
    ssl: *mut ffi::SSL,
    selector: &Arc<FrozenSelector>,
    check: Option<FileCheck>,
    has_begun: &mut bool,
) -> Result<Attempt, Error> {
    // SAFETY: the caller's promise.
    let (mut decision, mut place) = unsafe { judge(ssl, selector)? };
    let policy = *selector.policy();
    if let Some(error) = decision.error.clone() {
        return Ok(Attempt { decision, result: Err(error), must_repeat: false });
    }
    if check == Some(FileCheck::Unchanged)
        && decision.request.ca_names == 0
        && policy.empty_ca_list == EmptyCaList::Sole
    {
        // Whether a credential is the only one depends on every file.
        return Ok(Attempt { decision, result: Ok(None), must_repeat: true });
    }
    while let Some(at) = place {
        if !*has_begun {
            // SAFETY: the caller's promise.
            unsafe { installation::begin(ssl) }?;
            *has_begun = true;
        }
        decision.chosen = decision.judgement.index.survivors().credential(at);
        // SAFETY: the caller's promise.
        match unsafe { install(ssl, selector, &decision.judgement, at, check) } {
            Ok(installed) => {
                decision.outcome = Outcome::Sent;
                return Ok(Attempt { decision, result: Ok(Some(installed)), must_repeat: false });
            }
            Err(InstallError::SecurityLevel) => {
                decision.judgement.verdicts.add(at, Reasons::SECURITY_LEVEL);
                decision.chosen = None;
                place = decision.judgement.best(&decision.circumstances());
            }
            Err(InstallError::Changed) => {
                return Ok(Attempt { decision, result: Ok(None), must_repeat: true });
            }
            Err(InstallError::Fatal(cause)) => {
                decision.judgement.verdicts.add(at, Reasons::KEY);
                let number = decision.chosen.unwrap_or(0) + 1;
                let error = Error::Entry { number, cause };
                decision.fail(&error);
                return Ok(Attempt { decision, result: Err(error), must_repeat: false });
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
    Ok(Attempt { decision, result, must_repeat: false })
}

/// Reads the request and judges the credentials that its CA names leave. The decision is that none is
/// sent, or an error where a certificate cannot be decoded; the number is the place of the best
/// credential in the index.
///
/// # Safety
/// As for [`choose_and_install`].
pub(super) unsafe fn judge(
    ssl: *mut ffi::SSL,
    selector: &Arc<FrozenSelector>,
) -> Result<(Decision, Option<usize>), Error> {
    let filter = selector.filter();
    // SAFETY: the caller's promise.
    let (peer, request) = unsafe { (record::peer(ssl), request::read(ssl, filter)?) };
    let policy = selector.policy();
    let survivors = filter.survivors(request.named_numbers(), policy.empty_ca_list);
    let (index, error) = match selector.index(survivors) {
        Ok(index) => (index, None),
        Err(Error::Memory) => return Err(Error::Memory),
        Err(error) => (selector.index(Survivors::Some(Box::default()))?, Some(error)),
    };
    let (now, count, user) = (now(), selector.count(), peer.user.as_deref());
    let circumstances = Circumstances { request: &request, user, now, policy, count };
    // SAFETY: likewise.
    let security = unsafe { security::judge(ssl, &index) };
    let judgement = Judgement::new(index, &security, &circumstances);
    let best = judgement.best(&circumstances);
    let mut decision = Decision {
        selector: Arc::clone(selector),
        request,
        peer,
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
    Ok((decision, best.filter(|_| error.is_none())))
}

/// # Safety
/// As for [`choose_and_install`].
unsafe fn install(
    ssl: *mut ffi::SSL,
    selector: &FrozenSelector,
    judgement: &Judgement,
    at: usize,
    check: Option<FileCheck>,
) -> Result<Installed, InstallError> {
    let no_entry = || InstallError::Fatal(Cause::Refused(Problem::NoEntry.into()));
    let no_memory = || InstallError::Fatal(Cause::Memory(None));
    let (index, chain) = (&judgement.index, judgement.chain(at));
    let leaf = index.leaves().get(at).ok_or_else(no_entry)?;
    let credential = index.survivors().credential(at).ok_or_else(no_entry)?;
    // OpenSSL will check at its extensions.
    cache_extensions(leaf).map_err(|_| {
        clear_caches();
        no_memory()
    })?;
    let key = selector.key(credential, index, chain, check).map_err(|unsent| match unsent {
        FileCheckError::Changed => InstallError::Changed,
        FileCheckError::Cause(cause) => InstallError::Fatal(cause),
    })?;
    // Not NULL even where it is empty: otherwise OpenSSL builds a chain from the trust store.
    let mut above = Stack::<X509>::new().map_err(|_| no_memory())?;
    for certificate in index.certificates(chain) {
        above.push(certificate.clone()).map_err(|_| no_memory())?;
    }
    // SAFETY: the caller's promise.
    unsafe { installation::install(ssl, leaf, &key, &above) }
}

fn now() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |s| -s),
    }
}
