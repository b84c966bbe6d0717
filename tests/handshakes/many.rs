// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many CA names, many credentials.

use crate::support::certificates::{Identity, der, element, name};
use crate::support::handshake::everywhere;
use crate::support::random::Random;
use crate::support::set::Set;
use certpick_core::choice::Reasons;
use openssl::x509::X509Name;

fn strangers(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|i| der(&name(&format!("stranger {i}")))).collect()
}

#[test]
fn among_a_thousand_names_and_two_hundred_credentials_the_right_one_is_sent() {
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
            let connection = set.handshake(version, way).naming_names(&names).run();
            match named.iter().min() {
                Some(first) => connection.assert_sent(*first),
                None => connection.assert_none_suitable(),
            }
            assert_eq!(connection.asked().request().ca_names, 1000);
            for (at, verdict) in connection.verdicts().into_iter().enumerate() {
                let expected = if named.contains(&at) { Reasons(0) } else { Reasons::ISSUER };
                assert_eq!(verdict, expected, "credential {at}");
            }
        }
    }
}

#[test]
fn two_hundred_credentials_of_one_ca_rank_by_user_and_order() {
    let root = Identity::root("root");
    let clients: Vec<_> = (0..200).map(|i| root.issue(format!("user {i}").as_str())).collect();
    let set = Set::of(&clients.iter().collect::<Vec<_>>()).freeze();
    for (version, way) in everywhere() {
        set.handshake(version, way).naming(&[&root]).run().assert_sent(0);
        set.handshake(version, way).user("user 163").naming(&[&root]).run().assert_sent(163);
    }
}

/// `CN=` and four characters: as short as distinct names of so many CAs can be.
fn short_name(number: usize) -> Vec<u8> {
    let words = format!("{number:04}");
    let pair = [element(6, &[0x55, 4, 3]), element(0x0c, words.as_bytes())].concat();
    element(0x30, &element(0x31, &element(0x30, &pair)))
}

#[test]
fn as_many_names_as_a_request_has_room_for_are_read() {
    // 19 bytes each, with their length; all of them may have 65,535 (RFC 8446, section 4.2.4).
    const COUNT: usize = 3_400;
    let names: Vec<_> = (0..COUNT).map(short_name).collect();
    let root = |number| {
        let name = X509Name::from_der(&short_name(number)).unwrap();
        Identity::root(crate::support::certificates::Subject::named(name))
    };
    let [stranger, last, first] = [9_999, COUNT - 1, 0].map(root);
    let clients = [&stranger, &last, &first].map(|root| root.issue("client"));
    let set = Set::of(&clients.each_ref()).freeze();
    for (version, way) in everywhere() {
        let ask = |names: &[Vec<u8>]| set.handshake(version, way).naming_names(names).run();
        let connection = ask(&names);
        connection.assert_sent(1);
        assert_eq!(connection.asked().request().ca_names, COUNT);
        assert_eq!(connection.verdicts(), [Reasons::ISSUER, Reasons(0), Reasons(0)]);
        ask(&names[..COUNT - 1]).assert_sent(2);
        ask(&names[1..COUNT - 1]).assert_none_suitable();
    }
}
