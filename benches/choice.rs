// SPDX-License-Identifier: MIT OR Apache-2.0
//! Measures the choice in a handshake and the building of a selector, compared with simple
//! implementations. `make bench` runs it.
//!
//! The choice is repeated in the cert_cb of an in-memory handshake. Measurements alternate, because
//! the load varies: compare the ratios and not the times.

use certpick_core::{FrozenSelector, Selector, hook};
use foreign_types::ForeignTypeRef;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{Ssl, SslContext, SslMethod, SslStream, SslVerifyMode};
use openssl::stack::Stack;
use openssl::x509::extension::{ExtendedKeyUsage, KeyUsage};
use openssl::x509::{X509, X509Name};
use std::cell::RefCell;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};
use testkit::certificates::{Identity, Subject, name};
use testkit::directory::Directory;
use testkit::ffi::SSL_CTX_set_cert_cb;
use testkit::keys::{Kind, key};
use testkit::memory::End;

const SIZES: [usize; 3] = [10, 100, 1000];
const ROUNDS: usize = 9;

fn main() {
    println!("per handshake: the choice among n credentials when the server names n CAs");
    println!("{:>6} {:>12} {:>14} {:>8}  (spread)", "n", "certpick", "each with each", "ratio");
    let set = Set::new(*SIZES.iter().max().unwrap_or(&0));
    for n in SIZES {
        let (ours, naive) = choice(&set, n);
        row(n, &naive, &ours, "x faster");
    }
    println!();
    println!(
        "building a selector of n credentials from n files, without the cache (index included)"
    );
    println!("{:>6} {:>12} {:>14} {:>8}  (spread)", "n", "certpick", "read and parse", "ratio");
    for n in SIZES {
        let (ours, parse) = build(&set, n);
        row(n, &ours, &parse, "x its cost");
    }
}

/// Prints both medians, and the ratio of `above` to `below` with its quartiles.
fn row(n: usize, above: &[Duration], below: &[Duration], unit: &str) {
    let (ours, other) = if unit == "x faster" { (below, above) } else { (above, below) };
    let mut ratios: Vec<f64> =
        above.iter().zip(below).map(|(a, b)| a.as_secs_f64() / b.as_secs_f64()).collect();
    ratios.sort_by(f64::total_cmp);
    let (low, high) = (ratios[0], ratios[ratios.len() - 1]);
    let ratio = ratios[ratios.len() / 2];
    println!(
        "{n:>6} {:>12} {:>14} {ratio:>8.2} {unit} ({low:.2} to {high:.2})",
        format!("{:.1?}", median(ours)),
        format!("{:.1?}", median(other)),
    );
}

fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort();
    times[times.len() / 2]
}

/// Credentials in files, each of a different CA. All have one key.
struct Set {
    directory: Directory,
    leaves: Vec<X509>,
    key: PKey<Private>,
}

fn file_name(i: usize) -> String {
    format!("client{i}.crt")
}

fn ca_name(i: usize) -> X509Name {
    name(&format!("Client CA {i}"))
}

impl Set {
    fn new(count: usize) -> Set {
        // RSA, like most client certificates.
        let key = key(Kind::Rsa2048);
        let directory = Directory::new();
        directory.write("client.key", key.private_key_to_pem_pkcs8().unwrap());
        let mut set = Set { directory, leaves: Vec::new(), key };
        for i in 0..count {
            let ca = Identity::self_signed(Subject::named(ca_name(i)).with_key(&set.key));
            let subject = Subject::new(&format!("user {i}")).with_key(&set.key).bare();
            let leaf = ca.issue(
                subject
                    .key_usage(KeyUsage::new().digital_signature())
                    .extended_key_usage(ExtendedKeyUsage::new().client_auth()),
            );
            set.directory.write(file_name(i), leaf.pem());
            set.leaves.push(leaf.certificate);
        }
        set
    }

    fn selector(&self, n: usize) -> FrozenSelector {
        let mut selector = Selector::new();
        selector.set_cache(false);
        for i in 0..n {
            let key = Some(self.directory.path("client.key"));
            selector.add_files(self.directory.path(file_name(i)), key, None).unwrap();
        }
        selector.freeze().unwrap()
    }
}

fn build(set: &Set, n: usize) -> (Vec<Duration>, Vec<Duration>) {
    let repeat = 1000_usize.div_ceil(n).min(20);
    let parse = || {
        let read = |i| std::fs::read(set.directory.path(file_name(i))).unwrap();
        let parsed: Vec<X509> =
            (0..n).flat_map(|i| X509::stack_from_pem(&read(i)).unwrap()).collect();
        black_box(parsed);
    };
    let ours = || {
        black_box(set.selector(n));
    };
    take_turns(repeat, ours, parse)
}

/// Measures both alternately, after one run that is not measured.
fn take_turns(
    repeat: usize,
    mut first: impl FnMut(),
    mut second: impl FnMut(),
) -> (Vec<Duration>, Vec<Duration>) {
    let time = |work: &mut dyn FnMut()| {
        let start = Instant::now();
        for _ in 0..repeat {
            work();
        }
        start.elapsed() / u32::try_from(repeat).unwrap()
    };
    time(&mut first);
    time(&mut second);
    (0..ROUNDS).map(|_| (time(&mut first), time(&mut second))).unzip()
}

thread_local! {
    /// The input and the results of the callback below.
    static TASK: RefCell<Option<Task>> = const { RefCell::new(None) };
}

struct Task {
    selector: Arc<FrozenSelector>,
    leaves: Vec<X509>,
    result: Option<(Vec<Duration>, Vec<Duration>)>,
}

unsafe extern "C" {
    fn SSL_get0_peer_CA_list(
        ssl: *const openssl_sys::SSL,
    ) -> *const openssl_sys::stack_st_X509_NAME;
}

unsafe extern "C" fn measure(ssl: *mut openssl_sys::SSL, _: *mut libc::c_void) -> libc::c_int {
    TASK.with_borrow_mut(|task| {
        let task = task.as_mut().unwrap();
        let count = task.leaves.len();
        let ours = || {
            // SAFETY: we are in a client's cert_cb.
            unsafe { hook::select(ssl, &task.selector) }.unwrap();
        };
        let naive = || {
            // SAFETY: the names are unchanged during the callback.
            let matched = unsafe { each_with_each(ssl, &task.leaves) };
            assert_eq!(black_box(matched), 1);
        };
        let repeat = (100_000 / (count * count)).clamp(1, 200);
        task.result = Some(take_turns(repeat, ours, naive));
    });
    1
}

/// Returns the number of certificates whose issuer is among the names.
unsafe fn each_with_each(ssl: *mut openssl_sys::SSL, leaves: &[X509]) -> usize {
    // SAFETY: the caller's promise.
    unsafe {
        let names = SSL_get0_peer_CA_list(ssl).cast();
        let count = openssl_sys::OPENSSL_sk_num(names);
        let is_named = |leaf: &&X509| {
            (0..count).any(|i| {
                let name = openssl_sys::OPENSSL_sk_value(names, i).cast();
                openssl_sys::X509_NAME_cmp(leaf.issuer_name().as_ptr(), name) == 0
            })
        };
        leaves.iter().filter(is_named).count()
    }
}

fn choice(set: &Set, n: usize) -> (Vec<Duration>, Vec<Duration>) {
    let task = Task {
        selector: Arc::new(set.selector(n)),
        leaves: set.leaves[..n].to_vec(),
        result: None,
    };
    TASK.set(Some(task));
    handshake(set, n);
    TASK.take().unwrap().result.unwrap()
}

/// Performs a handshake with a server that names n CAs, of which only the last issued a certificate.
fn handshake(set: &Set, n: usize) {
    let mut server = SslContext::builder(SslMethod::tls_server()).unwrap();
    let own = Identity::self_signed(Subject::new("server").with_key(&set.key));
    server.set_certificate(&own.certificate).unwrap();
    server.set_private_key(&own.key).unwrap();
    server.set_verify_callback(SslVerifyMode::PEER, |_, _| true);
    let mut names = Stack::new().unwrap();
    for i in 1..n {
        names.push(ca_name(1_000_000 + i)).unwrap();
    }
    names.push(ca_name(n - 1)).unwrap();
    server.set_client_ca_list(names);

    let mut client = SslContext::builder(SslMethod::tls_client()).unwrap();
    client.set_verify(SslVerifyMode::NONE);
    // SAFETY: a callback of the right type.
    unsafe { SSL_CTX_set_cert_cb(client.as_ptr(), Some(measure), std::ptr::null_mut()) };

    let (a, b) = End::pair();
    let mut client = SslStream::new(Ssl::new(&client.build()).unwrap(), a).unwrap();
    let mut server = SslStream::new(Ssl::new(&server.build()).unwrap(), b).unwrap();
    let (mut client_done, mut server_done) = (false, false);
    while !(client_done && server_done) {
        client_done = client_done || client.connect().is_ok();
        server_done = server_done || server.accept().is_ok();
    }
}
