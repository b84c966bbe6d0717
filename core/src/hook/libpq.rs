// SPDX-License-Identifier: MIT OR Apache-2.0
//! Recognises connections of libpq and reads their host, user and sslcertmode.
//!
//! The name of the BIO identifies a connection. The SSL's application data is then the PGconn
//! (libpq 9 to 19). libpq's functions are called only if there is exactly one libpq in the process
//! and it confirms that the PGconn has this SSL.

use crate::guard::guard;
use libc::{c_char, c_int, c_void};
use openssl_sys as ffi;
use std::ffi::{CStr, CString};
use std::ptr;

unsafe extern "C" {
    fn BIO_method_name(bio: *const ffi::BIO) -> *const c_char;
}

/// Returns whether the SSL belongs to a connection of libpq.
///
/// # Safety
/// `ssl` is a valid SSL.
pub unsafe fn is_connection(ssl: *const ffi::SSL) -> bool {
    // SAFETY: the caller's promise; the name is a C string.
    unsafe {
        let bio = ffi::SSL_get_rbio(ssl);
        if bio.is_null() {
            return false;
        }
        let name = BIO_method_name(bio);
        !name.is_null() && CStr::from_ptr(name) == c"libpq socket"
    }
}

/// The server and the user of a connection, as libpq reports them.
pub struct Server {
    /// PQhost(): the host or, if there is none, the address or socket directory.
    pub host: Option<Box<[u8]>>,
    /// PQuser().
    pub user: Option<Box<[u8]>>,
    /// PQport(); `None` if it is not a number.
    pub port: Option<u16>,
    /// The file descriptor of the connection.
    pub socket: Option<c_int>,
    /// The connection has both `host` and `hostaddr`: the host is not the one that libpq connects to.
    pub has_host_and_hostaddr: bool,
}

/// Returns the server and the user of this connection; `None` if libpq's functions cannot be called.
///
/// # Safety
/// `ssl` is a valid SSL.
pub unsafe fn server(ssl: *mut ffi::SSL) -> Option<Server> {
    // SAFETY: the caller's promise.
    let connection = unsafe { Connection::of(ssl) }?;
    let port = connection.text(connection.libpq.port);
    let port = port.and_then(|port| std::str::from_utf8(&port).ok()?.parse().ok());
    let is_set = |keyword| {
        let value = connection.option(keyword).flatten();
        // Each of several hosts has an element, which may be empty.
        value.is_some_and(|value| value.to_bytes().iter().any(|byte| *byte != b','))
    };
    // SAFETY: a confirmed PGconn.
    let socket = unsafe { (connection.libpq.socket)(connection.pointer) };
    Some(Server {
        host: connection.text(connection.libpq.host),
        user: connection.text(connection.libpq.user),
        port,
        socket: (socket >= 0).then_some(socket),
        has_host_and_hostaddr: is_set(c"host") && is_set(c"hostaddr"),
    })
}

/// The sslcertmode of a connection (libpq 16 and later).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertMode {
    /// A certificate may be sent.
    Allow,
    /// No certificate may be sent.
    Disable,
    /// A certificate must be sent.
    Require,
    /// The SSL does not belong to libpq, or libpq's functions cannot be called.
    Unknown,
}

/// The reason for which a connection with an unknown mode sends no certificate.
pub const UNKNOWN_CERT_MODE: &str = "the connection's sslcertmode is not known, because its \
     libpq cannot be called: the process has more than one libpq, or one that does not export \
     PQsslStruct, PQhost, PQuser, PQport, PQsocket, PQconninfo and PQconninfoFree";

/// Returns the mode of this connection.
///
/// # Safety
/// `ssl` is a valid SSL.
pub unsafe fn cert_mode(ssl: *mut ffi::SSL) -> CertMode {
    // SAFETY: the caller's promise.
    let Some(connection) = (unsafe { Connection::of(ssl) }) else { return CertMode::Unknown };
    match connection.option(c"sslcertmode") {
        None => CertMode::Unknown,
        // libpq 15 and earlier do not have the option.
        Some(None) => CertMode::Allow,
        Some(Some(mode)) => match mode.to_bytes() {
            b"" | b"allow" => CertMode::Allow,
            b"require" => CertMode::Require,
            b"disable" => CertMode::Disable,
            _ => CertMode::Unknown,
        },
    }
}

enum PgConn {}

/// PQconninfoOption of libpq-fe.h.
#[repr(C)]
struct ConnInfoOption {
    keyword: *const c_char,
    envvar: *const c_char,
    compiled: *const c_char,
    val: *const c_char,
    label: *const c_char,
    dispchar: *const c_char,
    dispsize: c_int,
}

type TextFunction = unsafe extern "C" fn(*const PgConn) -> *const c_char;
type SocketFunction = unsafe extern "C" fn(*const PgConn) -> c_int;
type SslStruct = unsafe extern "C" fn(*mut PgConn, *const c_char) -> *mut c_void;
type ConnInfo = unsafe extern "C" fn(*mut PgConn) -> *mut ConnInfoOption;
type ConnInfoFree = unsafe extern "C" fn(*mut ConnInfoOption);

/// The functions of the only libpq in this process.
struct Libpq {
    ssl_struct: SslStruct,
    host: TextFunction,
    user: TextFunction,
    port: TextFunction,
    socket: SocketFunction,
    conninfo: ConnInfo,
    conninfo_free: ConnInfoFree,
}

impl Libpq {
    fn find() -> Option<Libpq> {
        let mut loaded: Vec<CString> = Vec::new();
        // SAFETY: the callback receives the pointer to the vector.
        unsafe { libc::dl_iterate_phdr(Some(collect_libpq), ptr::from_mut(&mut loaded).cast()) };
        // SAFETY: the names are those of loaded objects; RTLD_NOLOAD only looks them up. The handle
        // stays open, because the function pointers are used later.
        let object = unsafe {
            match &loaded[..] {
                // libpq may be linked statically into the program.
                [] => libc::RTLD_DEFAULT,
                [one] => libc::dlopen(one.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD),
                _ => return None,
            }
        };
        if object.is_null() && !loaded.is_empty() {
            return None;
        }
        let function = |name: &CStr| {
            // SAFETY: a handle of dlopen, or RTLD_DEFAULT, and a name.
            let address = unsafe { libc::dlsym(object, name.as_ptr()) };
            (!address.is_null()).then_some(address)
        };
        let (ssl_struct, host, user) =
            (function(c"PQsslStruct"), function(c"PQhost"), function(c"PQuser"));
        let (port, socket) = (function(c"PQport"), function(c"PQsocket"));
        let (conninfo, conninfo_free) = (function(c"PQconninfo"), function(c"PQconninfoFree"));
        // SAFETY: libpq's functions have these types (libpq-fe.h). PQsslStruct exists since 9.5.
        let found = unsafe {
            Libpq {
                ssl_struct: std::mem::transmute::<*mut c_void, SslStruct>(ssl_struct?),
                host: std::mem::transmute::<*mut c_void, TextFunction>(host?),
                user: std::mem::transmute::<*mut c_void, TextFunction>(user?),
                port: std::mem::transmute::<*mut c_void, TextFunction>(port?),
                socket: std::mem::transmute::<*mut c_void, SocketFunction>(socket?),
                conninfo: std::mem::transmute::<*mut c_void, ConnInfo>(conninfo?),
                conninfo_free: std::mem::transmute::<*mut c_void, ConnInfoFree>(conninfo_free?),
            }
        };
        Some(found)
    }
}

unsafe extern "C" fn collect_libpq(
    info: *mut libc::dl_phdr_info,
    _size: usize,
    found: *mut c_void,
) -> c_int {
    guard(|| {
        // SAFETY: the loader's description of one object, and the vector of `find`.
        let (name, found) = unsafe {
            let name = (*info).dlpi_name;
            if name.is_null() {
                return;
            }
            (CStr::from_ptr(name), &mut *found.cast::<Vec<CString>>())
        };
        let file = name.to_bytes().rsplit(|b| *b == b'/').next().unwrap_or_default();
        if file.starts_with(b"libpq.so") || file.starts_with(b"libpq-") {
            found.push(name.to_owned());
        }
    });
    0
}

struct Connection {
    libpq: Libpq,
    pointer: *mut PgConn,
}

impl Connection {
    /// # Safety
    /// `ssl` is a valid SSL.
    unsafe fn of(ssl: *mut ffi::SSL) -> Option<Connection> {
        // SAFETY: the caller's promise. SSL_get_app_data(3) is the ex_data of index 0.
        let pointer = unsafe {
            if !is_connection(ssl) {
                return None;
            }
            ffi::SSL_get_ex_data(ssl, 0).cast::<PgConn>()
        };
        if pointer.is_null() {
            return None;
        }
        let libpq = Libpq::find()?;
        // SAFETY: a libpq connection's application data is its PGconn.
        let its_ssl = unsafe { (libpq.ssl_struct)(pointer, c"OpenSSL".as_ptr()) };
        (its_ssl == ssl.cast()).then_some(Connection { libpq, pointer })
    }

    fn text(&self, function: TextFunction) -> Option<Box<[u8]>> {
        // SAFETY: a confirmed PGconn; the string belongs to it and is copied.
        unsafe {
            let text = function(self.pointer);
            let bytes = if text.is_null() { b"" } else { CStr::from_ptr(text).to_bytes() };
            (!bytes.is_empty()).then(|| bytes.into())
        }
    }

    /// Returns the value of an option, or `Some(None)` if libpq does not have the option or it has
    /// no value.
    fn option(&self, keyword: &CStr) -> Option<Option<CString>> {
        // SAFETY: a confirmed PGconn. The list ends with an entry without a keyword and is freed
        // here.
        unsafe {
            let all = (self.libpq.conninfo)(self.pointer);
            if all.is_null() {
                return None;
            }
            let mut value = None;
            let mut next = all;
            while !(*next).keyword.is_null() {
                if CStr::from_ptr((*next).keyword) == keyword && !(*next).val.is_null() {
                    value = Some(CStr::from_ptr((*next).val).to_owned());
                }
                next = next.add(1);
            }
            (self.libpq.conninfo_free)(all);
            Some(value)
        }
    }
}
