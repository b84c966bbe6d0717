// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many CA names and many credentials.

use certpick_core::choice::Reasons;
use openssl::x509::X509Name;
use testkit::certificates::{Identity, Subject, name_der};
use testkit::der::{UTF8, common_name};
use testkit::handshake::everywhere;
use testkit::random::Random;
use testkit::set::Set;

fn strangers(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|i| name_der(&format!("stranger {i}"))).collect()
}

#[test]
fn the_right_one_of_200_credentials_is_sent_to_a_server_that_names_1000_cas() {
    let roots: Vec<_> = (0..200).map(|i| Identity::root(format!("root {i}").as_str())).collect();
    let clients: Vec<_> = roots.iter().map(|root| root.issue("client")).collect();
    let set = Set::of(&clients.iter().collect::<Vec<_>>()).freeze();
    let mut random = Random::new(0x5eed);
    for (version, way) in everywhere() {
        for named in [vec![0], vec![199], vec![120, 77, 150], vec![]] {
            let mut names = strangers(1000 - named.len());
            for at in &named {
                names.insert(random.below(names.len() + 1), roots[*at].name());
            }
            assert_eq!(names.len(), 1000);
            let connection = set.handshake(version, way).naming_der(&names).run();
            match named.iter().min() {
                Some(first) => connection.assert_sent(*first),
                None => connection.assert_none_suitable(),
            }
            assert_eq!(connection.record().request().ca_names, 1000);
            for (at, verdict) in connection.verdicts().into_iter().enumerate() {
                let expected = if named.contains(&at) { Reasons(0) } else { Reasons::ISSUER };
                assert_eq!(verdict, expected, "credential {at}");
            }
        }
    }
}

#[test]
fn two_hundred_credentials_of_one_ca_are_ranked_by_user_and_list_order() {
    let root = Identity::root("root");
    let clients: Vec<_> = (0..200).map(|i| root.issue(format!("user {i}").as_str())).collect();
    let set = Set::of(&clients.iter().collect::<Vec<_>>()).freeze();
    for (version, way) in everywhere() {
        set.handshake(version, way).naming(&[&root]).run().assert_sent(0);
        set.handshake(version, way).user("user 163").naming(&[&root]).run().assert_sent(163);
    }
}

/// Returns a name of the least possible length for so many CAs: CN with four characters.
fn short_name(number: usize) -> Vec<u8> {
    common_name(UTF8, format!("{number:04}").as_bytes())
}

#[test]
fn a_request_with_the_maximum_number_of_ca_names_is_read() {
    // A name has 19 bytes with its length. A request has at most 65,535 bytes of names (RFC 8446,
    // section 4.2.4).
    const COUNT: usize = 3_400;
    let names: Vec<_> = (0..COUNT).map(short_name).collect();
    let root = |number| {
        let name = X509Name::from_der(&short_name(number)).unwrap();
        Identity::root(Subject::named(name))
    };
    let [stranger, last, first] = [9_999, COUNT - 1, 0].map(root);
    let clients = [&stranger, &last, &first].map(|root| root.issue("client"));
    let set = Set::of(&clients.each_ref()).freeze();
    for (version, way) in everywhere() {
        let ask = |names: &[Vec<u8>]| set.handshake(version, way).naming_der(names).run();
        let connection = ask(&names);
        connection.assert_sent(1);
        assert_eq!(connection.record().request().ca_names, COUNT);
        assert_eq!(connection.verdicts(), [Reasons::ISSUER, Reasons(0), Reasons(0)]);
        ask(&names[..COUNT - 1]).assert_sent(2);
        ask(&names[1..COUNT - 1]).assert_none_suitable();
    }
}
