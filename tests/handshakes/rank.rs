// SPDX-License-Identifier: MIT OR Apache-2.0
//! The order of suitable credentials.

use certpick_core::choice::{Order, Reasons};
use openssl::x509::X509Name;
use testkit::certificates::{Identity, StringKind, Subject, name_in};
use testkit::handshake::{Version, Way, everywhere};
use testkit::set::Set;

#[test]
fn a_credential_with_the_user_name_as_its_common_name_comes_first() {
    let root = Identity::root("root");
    let clients = ["alice", "bob", "carol", "bob", "Jörg"].map(|name| root.issue(name));
    let set = Set::of(&clients.each_ref()).freeze();
    for (version, way) in everywhere() {
        let table = [
            ("bob", 1),
            ("carol", 2),
            ("Jörg", 4),
            // The comparison is exact, as in PostgreSQL.
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
fn the_common_name_is_read_in_every_string_type() {
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
fn the_first_of_several_common_names_counts_as_in_postgresql() {
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
fn the_user_name_does_not_outrank_a_reason() {
    let [a, b] = ["A", "B"].map(Identity::root);
    let expired = Subject::new("bob").expired();
    let set = Set::of(&[&b.issue("bob"), &a.issue(expired), &a.issue("alice")]).freeze();
    for (version, way) in everywhere() {
        set.handshake(version, way).user("bob").naming(&[&a]).run().assert_sent(2);
    }
    // The user name ranks flawed credentials too.
    let flawed = ["alice", "bob"].map(|name| a.issue(Subject::new(name).expired()));
    let set = Set::of(&flawed.each_ref()).freeze();
    for (version, way) in everywhere() {
        set.handshake(version, way).user("bob").run().assert_sent(1);
    }
}

#[test]
fn without_a_user_name_the_order_of_the_list_decides() {
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
fn an_unordered_set_prefers_the_longest_validity() {
    let root = Identity::root("root");
    // The leaf expires late, but its intermediate early.
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
fn validities_that_end_after_2038_are_compared() {
    let root = Identity::root("root");
    let issue = |to| root.issue(Subject::new("client").valid_between("19500101000000Z", to));
    // The last seconds of 32-bit times, signed and unsigned, and one more.
    let ends = [
        "20380119031407Z",
        "20380119031408Z",
        "21060207062815Z",
        "21060207062816Z",
        "99991231235959Z",
    ];
    let clients = ends.map(issue);
    for later in 1..clients.len() {
        let mut set = Set::of(&[&clients[later - 1], &clients[later]]);
        set.policy().order = Order::LongestValid;
        set.freeze().handshake(Version::Tls13, Way::CertCb).run().assert_sent(1);
    }
}

#[test]
fn the_first_of_equally_long_validities_is_sent() {
    let root = Identity::root("root");
    let client = root.issue("client");
    let mut set = Set::of(&[&client, &client, &client]);
    set.policy().order = Order::LongestValid;
    let set = set.freeze();
    for (version, way) in everywhere() {
        set.handshake(version, way).run().assert_sent(0);
    }
}
