// SPDX-License-Identifier: MIT OR Apache-2.0
//! A program that calls `select` in its own cert_cb.

use crate::ffi;
use certpick_core::{Error, FrozenSelector, hook};
use libc::{c_int, c_void};
use openssl::ssl::SslContextBuilder;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

pub struct Program {
    selector: Arc<FrozenSelector>,
    /// The result of `select` for each request.
    pub results: RefCell<Vec<Result<(), Error>>>,
}

impl Program {
    /// Sets the cert_cb of a client's context.
    ///
    /// # Safety
    /// The caller keeps the program until the last handshake has ended.
    pub unsafe fn attach(
        context: &mut SslContextBuilder,
        selector: Arc<FrozenSelector>,
    ) -> Rc<Program> {
        let program = Rc::new(Program { selector, results: RefCell::default() });
        let arg = Rc::as_ptr(&program).cast_mut().cast();
        // SAFETY: a valid SSL_CTX; the caller keeps the argument.
        unsafe { ffi::SSL_CTX_set_cert_cb(context.as_ptr(), Some(cert_cb), arg) };
        program
    }
}

unsafe extern "C" fn cert_cb(ssl: *mut openssl_sys::SSL, arg: *mut c_void) -> c_int {
    // SAFETY: the argument of the callback.
    let program = unsafe { &*arg.cast::<Program>() };
    // SAFETY: called by OpenSSL.
    let result = unsafe { hook::select(ssl, &program.selector) };
    let answer = c_int::from(result.is_ok());
    program.results.borrow_mut().push(result);
    answer
}
