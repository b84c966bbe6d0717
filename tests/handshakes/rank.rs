// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which one comes first where several suit.

use crate::support::certificates::{Identity, StringKind, Subject, name_in};
use crate::support::handshake::everywhere;
use crate::support::set::Set;
use certpick_core::choice::{Order, Reasons};
use openssl::x509::X509Name;

#[test]
fn the_one_whose_common_name_is_the_user_comes_first() {
    let root = Identity::root("root");
    let clients = ["alice", "bob", "carol", "bob", "Jörg"].map(|name| root.issue(name));
    let set = Set::of(&clients.each_ref()).freeze();
    for (version, way) in everywhere() {
        let table = [
            ("bob", 1),
            ("carol", 2),
            ("Jörg", 4),
            // As PostgreSQL compares: to the letter.
            ("Bob", 0),
            ("bob ", 0),
            ("bo", 0),
            ("nobody", 0),
            ("", 0),
        ];
        for (user, at) in table {
            let connection = set.handshake(version, way).user(user).naming(&[&root]).run();
            connection.assert_sent(at);
            assert_eq!(connection.verdicts(), [Reasons(0); 5]);
        }
        set.handshake(version, way).host("bob").run().assert_sent(0);
    }
}

#[test]
fn the_common_name_is_read_in_whatever_string_type_it_is_written() {
    let root = Identity::root("root");
    let in_kind = |kind| root.issue(Subject::named(name_in(kind, "tests", "Jörg")));
    for kind in [StringKind::Utf8, StringKind::Bmp] {
        let set = Set::of(&[&root.issue("other"), &in_kind(kind)]).freeze();
        for (version, way) in everywhere() {
            set.handshake(version, way).user("Jörg").run().assert_sent(1);
        }
    }
}

#[test]
fn of_several_common_names_the_first_one_counts_as_it_does_for_postgresql() {
    let root = Identity::root("root");
    let mut builder = X509Name::builder().unwrap();
    for name in ["alice", "bob"] {
        builder.append_entry_by_text("CN", name).unwrap();
    }
    let both = root.issue(Subject::named(builder.build()));
    let set = Set::of(&[&root.issue("other"), &both]).freeze();
    for (version, way) in everywhere() {
        set.handshake(version, way).user("alice").run().assert_sent(1);
        set.handshake(version, way).user("bob").run().assert_sent(0);
    }
}

#[test]
fn the_user_weighs_less_than_a_hard_reason_and_a_flaw() {
    let [a, b] = ["A", "B"].map(Identity::root);
    let expired = Subject::new("bob").expired();
    let set = Set::of(&[&b.issue("bob"), &a.issue(expired), &a.issue("alice")]).freeze();
    for (version, way) in everywhere() {
        set.handshake(version, way).user("bob").naming(&[&a]).run().assert_sent(2);
    }
    // Among flawed ones the user counts again.
    let flawed = ["alice", "bob"].map(|name| a.issue(Subject::new(name).expired()));
    let set = Set::of(&flawed.each_ref()).freeze();
    for (version, way) in everywhere() {
        set.handshake(version, way).user("bob").run().assert_sent(1);
    }
}

#[test]
fn otherwise_the_order_of_the_list_decides() {
    let root = Identity::root("root");
    let valid = [(-1, 5), (-50, 300), (-1, 90)];
    let clients = valid.map(|(from, to)| root.issue(Subject::new("client").valid(from, to)));
    let orders = [[0, 1, 2], [2, 1, 0], [1, 2, 0]];
    for order in orders {
        let set = Set::of(&order.map(|i| &clients[i])).freeze();
        for (version, way) in everywhere() {
            set.handshake(version, way).naming(&[&root]).run().assert_sent(0);
        }
    }
}

#[test]
fn a_set_without_an_order_prefers_what_is_valid_longest() {
    let root = Identity::root("root");
    // Its own end is late, that of its intermediate is not.
    let brief = root.authority(Subject::new("brief").valid(-1, 20));
    let below_brief = brief.issue(Subject::new("client").valid(-1, 900));
    let of = |name: &str, to| root.issue(Subject::new(name).valid(-1, to));
    let expired = root.issue(Subject::new("client").expired());
    let mut set = Set::new();
    set.add("a", &of("client", 30), &[]);
    set.add("b", &below_brief, &[&brief.certificate]);
    set.add("c", &of("client", 60), &[]);
    set.add("d", &of("user", 10), &[]);
    set.add("e", &expired, &[]);
    set.policy().order = Order::LongestValid;
    let set = set.freeze();
    for (version, way) in everywhere() {
        set.handshake(version, way).naming(&[&root]).run().assert_sent(2);
        set.handshake(version, way).user("user").run().assert_sent(3);
        let connection = set.handshake(version, way).naming(&[&brief]).run();
        connection.assert_sent(1);
    }
}

#[test]
fn where_two_are_valid_equally_long_the_first_is_sent() {
    let root = Identity::root("root");
    let client = root.issue("client");
    let mut set = Set::of(&[&client, &client, &client]);
    set.policy().order = Order::LongestValid;
    let set = set.freeze();
    for (version, way) in everywhere() {
        set.handshake(version, way).run().assert_sent(0);
    }
}
