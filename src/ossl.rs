// SPDX-License-Identifier: MIT OR Apache-2.0
//! OpenSSL's functions that openssl-sys does not declare, each with the reason it is needed, and
//! the error queue.

use crate::error::{Error, Status, major_version};
use libc::{c_char, c_int, c_uchar, c_ulong, c_void};
use once_cell::race::OnceBox;
use openssl_sys as ffi;
use std::cell::Cell;
use std::ffi::{CStr, CString};

/// `int (*)(SSL *, X509 **, EVP_PKEY **)` (SSL_CTX_set_client_cert_cb(3)).
pub type ClientCertCallback =
    unsafe extern "C" fn(*mut ffi::SSL, *mut *mut ffi::X509, *mut *mut ffi::EVP_PKEY) -> c_int;
/// `int (*)(SSL *, void *)` (SSL_CTX_set_cert_cb(3)).
pub type CertCallback = unsafe extern "C" fn(*mut ffi::SSL, *mut c_void) -> c_int;
/// The security callback (SSL_CTX_set_security_callback(3)).
pub type SecurityCallback = unsafe extern "C" fn(
    s: *const ffi::SSL,
    ctx: *const ffi::SSL_CTX,
    op: c_int,
    bits: c_int,
    nid: c_int,
    other: *mut c_void,
    ex: *mut c_void,
) -> c_int;
/// What SSL_get_sigalgs(3) and SSL_get_shared_sigalgs(3) have in common.
pub type SignatureAlgorithmGetter = unsafe extern "C" fn(
    ssl: *mut ffi::SSL,
    index: c_int,
    sign: *mut c_int,
    hash: *mut c_int,
    sign_hash: *mut c_int,
    raw_sign: *mut c_uchar,
    raw_hash: *mut c_uchar,
) -> c_int;

/// SSL_SECOP_EE_KEY and SSL_SECOP_CA_KEY, SSL_SECOP_CA_MD of openssl/ssl.h.
pub const SECOP_EE_KEY: c_int = 16 | (6 << 16);
pub const SECOP_CA_KEY: c_int = 17 | (6 << 16);
pub const SECOP_CA_MD: c_int = 18 | (6 << 16);

unsafe extern "C" {
    // The two ways to be asked for a certificate.
    pub fn SSL_CTX_set_client_cert_cb(ctx: *mut ffi::SSL_CTX, cb: Option<ClientCertCallback>);
    pub fn SSL_CTX_set_cert_cb(ctx: *mut ffi::SSL_CTX, cb: Option<CertCallback>, arg: *mut c_void);
    // What the server asked for.
    pub fn SSL_get0_peer_CA_list(s: *const ffi::SSL) -> *const ffi::stack_st_X509_NAME;
    pub fn SSL_get_sigalgs(
        ssl: *mut ffi::SSL,
        index: c_int,
        sign: *mut c_int,
        hash: *mut c_int,
        sign_hash: *mut c_int,
        raw_sign: *mut c_uchar,
        raw_hash: *mut c_uchar,
    ) -> c_int;
    pub fn SSL_get_shared_sigalgs(
        ssl: *mut ffi::SSL,
        index: c_int,
        sign: *mut c_int,
        hash: *mut c_int,
        sign_hash: *mut c_int,
        raw_sign: *mut c_uchar,
        raw_hash: *mut c_uchar,
    ) -> c_int;
    pub fn SSL_get_state(s: *const ffi::SSL) -> c_int;
    pub fn SSL_in_init(s: *const ffi::SSL) -> c_int;
    pub fn SSL_in_before(s: *const ffi::SSL) -> c_int;
    // Whether OpenSSL really signed: none where it found the certificate unusable after all.
    pub fn SSL_get_signature_type_nid(s: *const ffi::SSL, nid: *mut c_int) -> c_int;
    // The security level's opinion of a certificate, without installing it.
    pub fn SSL_get_security_callback(s: *const ffi::SSL) -> Option<SecurityCallback>;
    pub fn SSL_get0_security_ex_data(s: *const ffi::SSL) -> *mut c_void;
    pub fn X509_get_signature_info(
        x: *mut ffi::X509,
        md: *mut c_int,
        pkey: *mut c_int,
        security_bits: *mut c_int,
        flags: *mut u32,
    ) -> c_int;
    // Installing.
    pub fn SSL_certs_clear(s: *mut ffi::SSL);
    pub fn SSL_use_cert_and_key(
        s: *mut ffi::SSL,
        x: *mut ffi::X509,
        key: *mut ffi::EVP_PKEY,
        chain: *mut ffi::stack_st_X509,
        overwrite: c_int,
    ) -> c_int;
    pub fn X509_check_private_key(x: *const ffi::X509, key: *const ffi::EVP_PKEY) -> c_int;
    // Reading certificates: the _AUX variant also knows "TRUSTED CERTIFICATE", as libpq does.
    pub fn PEM_read_bio_X509_AUX(
        bio: *mut ffi::BIO,
        out: *mut *mut ffi::X509,
        callback: ffi::pem_password_cb,
        user: *mut c_void,
    ) -> *mut ffi::X509;
    pub fn X509_get0_pubkey(x: *const ffi::X509) -> *mut ffi::EVP_PKEY;
    pub fn X509_NAME_get0_der(
        name: *const ffi::X509_NAME,
        der: *mut *const c_uchar,
        length: *mut usize,
    ) -> c_int;
    pub fn X509_NAME_print_ex(
        out: *mut ffi::BIO,
        name: *const ffi::X509_NAME,
        indent: c_int,
        flags: c_ulong,
    ) -> c_int;
    pub fn i2d_X509_ALGOR(algorithm: *const ffi::X509_ALGOR, out: *mut *mut c_uchar) -> c_int;
    pub fn ASN1_BIT_STRING_get_bit(string: *const ffi::ASN1_BIT_STRING, n: c_int) -> c_int;
    // The hash that an RSA-PSS key is bound to: 2 where it is mandatory.
    pub fn EVP_PKEY_get_default_digest_nid(key: *mut ffi::EVP_PKEY, nid: *mut c_int) -> c_int;
    // The error queue's marks.
    fn ERR_set_mark() -> c_int;
    fn ERR_pop_to_mark() -> c_int;
    fn ERR_peek_error() -> c_ulong;
}

#[cfg(ossl3)]
unsafe extern "C" {
    // Curve and type by name, without turning the key into a legacy one.
    pub fn EVP_PKEY_get_group_name(
        key: *const ffi::EVP_PKEY,
        name: *mut c_char,
        size: usize,
        length: *mut usize,
    ) -> c_int;
    pub fn EVP_PKEY_get0_type_name(key: *const ffi::EVP_PKEY) -> *const c_char;
}

#[cfg(not(ossl3))]
unsafe extern "C" {
    pub fn EVP_PKEY_get0_EC_KEY(key: *mut ffi::EVP_PKEY) -> *mut ffi::EC_KEY;
}

/// The elements of one of OpenSSL's stacks; a NULL stack has none.
///
/// # Safety
/// `stack` is NULL or a valid stack of pointers to `T`, which outlives the iterator unchanged.
pub unsafe fn stack_elements<S, T>(stack: *const S) -> impl Iterator<Item = *mut T> {
    let stack = stack.cast::<ffi::OPENSSL_STACK>();
    // SAFETY: the caller's promise; OPENSSL_sk_num gives -1 for NULL.
    let count = unsafe { ffi::OPENSSL_sk_num(stack) };
    // SAFETY: the index is below the stack's size.
    (0..count.max(0)).map(move |i| unsafe { ffi::OPENSSL_sk_value(stack, i) }.cast::<T>())
}

/// What `write` prints to a memory BIO; empty where it fails.
pub fn print(write: impl FnOnce(*mut ffi::BIO) -> bool) -> Vec<u8> {
    // SAFETY: a new BIO, freed below; the buffer belongs to it and is copied before.
    unsafe {
        let bio = ffi::BIO_new(ffi::BIO_s_mem());
        if bio.is_null() {
            return Vec::new();
        }
        let mut printed = Vec::new();
        if write(bio) {
            let mut data = std::ptr::null_mut();
            let length = ffi::BIO_get_mem_data(bio, &mut data);
            if let (false, Ok(length)) = (data.is_null(), usize::try_from(length)) {
                printed.extend_from_slice(std::slice::from_raw_parts(data.cast::<u8>(), length));
            }
        }
        ffi::BIO_free_all(bio);
        printed
    }
}

/// A BIO to read `bytes` from.
pub struct MemoryBio<'a>(*mut ffi::BIO, std::marker::PhantomData<&'a [u8]>);

impl<'a> MemoryBio<'a> {
    /// `None` where there is no memory, or more bytes than an `int` counts.
    pub fn new(bytes: &'a [u8]) -> Option<MemoryBio<'a>> {
        let length = c_int::try_from(bytes.len()).ok()?;
        // SAFETY: the BIO reads the bytes, which outlive it.
        let bio = unsafe { ffi::BIO_new_mem_buf(bytes.as_ptr().cast(), length) };
        if bio.is_null() { None } else { Some(MemoryBio(bio, std::marker::PhantomData)) }
    }

    pub fn as_ptr(&self) -> *mut ffi::BIO {
        self.0
    }
}

impl Drop for MemoryBio<'_> {
    fn drop(&mut self) {
        // SAFETY: ours, and freed once.
        unsafe { ffi::BIO_free_all(self.0) };
    }
}

/// Whatever OpenSSL queues while this lives is taken away again when it is dropped.
pub struct QuietErrors {
    was_empty: bool,
}

thread_local! {
    /// How many of them this thread has.
    static QUIET: Cell<u32> = const { Cell::new(0) };
}

/// Whether marks count, as they do since OpenSSL 3.0. In 1.1.1 an entry has one mark or none, so
/// only the outermost `QuietErrors` may set and take it.
fn has_own_mark(depth: u32) -> bool {
    cfg!(ossl3) || depth == 0
}

impl QuietErrors {
    pub fn new() -> QuietErrors {
        let depth = QUIET.with(|quiet| quiet.replace(quiet.get() + 1));
        if has_own_mark(depth) {
            // SAFETY: works on this thread's queue alone.
            unsafe { ERR_set_mark() };
        }
        // SAFETY: likewise.
        QuietErrors { was_empty: unsafe { ERR_peek_error() } == 0 }
    }

    /// Library and reason of the newest entry (ERR_GET_LIB and ERR_GET_REASON of openssl/err.h).
    fn newest(&self) -> (c_ulong, c_ulong) {
        // SAFETY: peeks at this thread's queue.
        let code = unsafe { ffi::ERR_peek_last_error() };
        if cfg!(ossl3) {
            ((code >> 23) & 0xff, code & 0x7f_ffff)
        } else {
            ((code >> 24) & 0xff, code & 0xfff)
        }
    }

    /// Whether the last thing queued is that PEM text came to its end.
    pub fn is_no_start_line(&self) -> bool {
        const ERR_LIB_PEM: c_ulong = 9;
        const PEM_R_NO_START_LINE: c_ulong = 108;
        self.newest() == (ERR_LIB_PEM, PEM_R_NO_START_LINE)
    }

    /// Whether the last thing queued is that the security level refuses a certificate.
    pub fn is_security_level(&self) -> bool {
        const ERR_LIB_SSL: c_ulong = 20;
        const SSL_R_CA_KEY_TOO_SMALL: c_ulong = 397;
        const SSL_R_CA_MD_TOO_WEAK: c_ulong = 398;
        const SSL_R_EE_KEY_TOO_SMALL: c_ulong = 399;
        let (library, reason) = self.newest();
        library == ERR_LIB_SSL
            && matches!(
                reason,
                SSL_R_CA_KEY_TOO_SMALL | SSL_R_CA_MD_TOO_WEAK | SSL_R_EE_KEY_TOO_SMALL
            )
    }

    /// The text of the oldest entry queued since, which is the cause of the others and the one that
    /// libpq shows. Where the caller had entries of its own the newest is taken: OpenSSL cannot
    /// read from a mark onwards, and the oldest would be the caller's.
    pub fn reason(&self) -> String {
        // SAFETY: peeks at this thread's queue.
        let code =
            unsafe { if self.was_empty { ERR_peek_error() } else { ffi::ERR_peek_last_error() } };
        // SAFETY: gives NULL or a text that lives as long as OpenSSL.
        let text = unsafe { ffi::ERR_reason_error_string(code) };
        if text.is_null() {
            return format!("OpenSSL error code {code}");
        }
        // SAFETY: not NULL.
        unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
    }
}

impl Drop for QuietErrors {
    fn drop(&mut self) {
        let depth = QUIET.with(Cell::get).saturating_sub(1);
        QUIET.with(|quiet| quiet.set(depth));
        if has_own_mark(depth) {
            // SAFETY: pops this thread's entries down to our mark, or all if the queue was empty.
            unsafe { ERR_pop_to_mark() };
        }
    }
}

/// Our library in OpenSSL's error queue.
struct ErrorLibrary {
    number: c_int,
    /// OpenSSL keeps pointers into it for as long as the process lives.
    _texts: &'static mut [ffi::ERR_STRING_DATA],
}

// SAFETY: nobody but OpenSSL looks at the table once it has been loaded.
unsafe impl Send for ErrorLibrary {}
// SAFETY: likewise.
unsafe impl Sync for ErrorLibrary {}

/// The number that OpenSSL gave our library, whose texts are loaded the first time. Two threads at
/// once may take two numbers, of which one stays unused.
fn error_library() -> c_int {
    static LIBRARY: OnceBox<ErrorLibrary> = OnceBox::new();
    LIBRARY.get_or_init(|| Box::new(load_texts())).number
}

fn load_texts() -> ErrorLibrary {
    // SAFETY: takes the next free number.
    let number = unsafe { ffi::ERR_get_next_error_library() };
    // ERR_PACK(lib, 0, 0): openssl/err.h of 3.0 shifts by 23, of 1.1.1 by 24.
    let packed = (number as c_ulong & 0xff) << if cfg!(ossl3) { 23 } else { 24 };
    let mut texts = vec![ffi::ERR_STRING_DATA { error: packed, string: c"certpick".as_ptr() }];
    for status in Status::ALL {
        if status != Status::Ok {
            let string = status.text().as_ptr();
            texts.push(ffi::ERR_STRING_DATA { error: status as i32 as c_ulong, string });
        }
    }
    texts.push(ffi::ERR_STRING_DATA { error: 0, string: std::ptr::null() });
    let texts = Box::leak(texts.into_boxed_slice());
    // SAFETY: a table that ends with zeros and is never freed.
    unsafe { ffi::ERR_load_strings(number, texts.as_mut_ptr()) };
    ErrorLibrary { number, _texts: texts }
}

/// Puts one entry of our own into this thread's error queue: the status' text as its reason, the
/// error's whole words as its data.
pub fn queue_error(error: &Error) {
    put_error(error.status() as c_int, &c_text(&error.to_string()));
}

/// The same with the whole words as its reason, for programs that show nothing else. OpenSSL keeps
/// the text of a reason for good, so this is for a bounded number of different texts; further ones
/// have the status' text.
#[cfg(ossl3)]
pub fn queue_error_as_reason(error: &Error) {
    const FIRST: c_int = 1000;
    const MOST: usize = 64;
    /// The text, and the table that OpenSSL points into.
    struct Reason(CString, std::cell::UnsafeCell<[ffi::ERR_STRING_DATA; 2]>);
    // SAFETY: only OpenSSL touches the table.
    unsafe impl Send for Reason {}
    // SAFETY: likewise.
    unsafe impl Sync for Reason {}
    static REASONS: [OnceBox<Reason>; MOST] = [const { OnceBox::new() }; MOST];

    let words = c_text(&error.to_string());
    for (at, slot) in REASONS.iter().enumerate() {
        let number = FIRST + c_int::try_from(at).unwrap_or(0);
        let reason = slot.get_or_init(|| {
            let own = words.clone();
            let text = ffi::ERR_STRING_DATA { error: number as c_ulong, string: own.as_ptr() };
            let end = ffi::ERR_STRING_DATA { error: 0, string: std::ptr::null() };
            Box::new(Reason(own, std::cell::UnsafeCell::new([text, end])))
        });
        if reason.0 == words {
            // SAFETY: text and table are never freed. OpenSSL adds our library's number to the
            // table, which changes nothing the second time, and locks its own.
            unsafe { ffi::ERR_load_strings(error_library(), reason.1.get().cast()) };
            put_error(number, &words);
            return;
        }
    }
    queue_error(error);
}

fn put_error(reason: c_int, words: &CStr) {
    let library = error_library();
    #[cfg(ossl3)]
    // SAFETY: static file and function names; the format takes exactly one string.
    unsafe {
        ffi::ERR_new();
        ffi::ERR_set_debug(c"certpick".as_ptr(), 0, c"certpick".as_ptr());
        ffi::ERR_set_error(library, reason, c"%s".as_ptr(), words.as_ptr());
    }
    #[cfg(not(ossl3))]
    // SAFETY: the data is a string that OpenSSL frees (ERR_TXT_MALLOCED 1, ERR_TXT_STRING 2).
    unsafe {
        unsafe extern "C" {
            fn CRYPTO_strdup(s: *const c_char, file: *const c_char, line: c_int) -> *mut c_char;
        }
        ffi::ERR_put_error(library, 0, reason, c"certpick".as_ptr(), 0);
        let data = CRYPTO_strdup(words.as_ptr(), c"certpick".as_ptr(), 0);
        if !data.is_null() {
            ffi::ERR_set_error_data(data, 1 | 2);
        }
    }
}

/// A C string of a text; a byte 0 in it, which no text here should have, is left out.
pub fn c_text(text: &str) -> CString {
    let mut bytes = text.as_bytes().to_vec();
    bytes.retain(|b| *b != 0);
    CString::new(bytes).unwrap_or_default()
}

/// Refuses to work with another major version of OpenSSL than the headers were of: structures and
/// meanings may differ.
pub fn check_version() -> Result<(), Error> {
    let built = env!("CERTPICK_OPENSSL_VERSION").parse::<u64>().unwrap_or(0);
    // SAFETY: no arguments, a number.
    let running = unsafe { ffi::OpenSSL_version_num() } as u64;
    if major_version(built) == major_version(running) {
        return Ok(());
    }
    // SAFETY: OPENSSL_VERSION (0) gives a static text.
    let text = unsafe { CStr::from_ptr(ffi::OpenSSL_version(0)) };
    Err(Error::OpenSslVersion { built, running: text.to_string_lossy().into_owned() })
}
