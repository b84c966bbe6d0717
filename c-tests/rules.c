/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Rules for hosts and users: with what they are compared, and their effect. */
#include "picking.h"

#include "rules.h"

/* How a rule for hosts affects its credential. */
enum effect { NO_MATCH, MATCHES, PREFERRED };

static void check_effect(SSL_CTX *server, const char *hosts, const struct known *known, enum effect effect)
{
    SCOPED(certpick_selector) *selector = new_selector("plain.crt,ruled.crt", "plain.key,ruled.key", NULL);
    SCOPED(SSL_CTX) *client = new_client(SSL_CTX_get_max_proto_version(server));
    static char sentence[256];
    struct link link;

    snprintf(sentence, sizeof(sentence), "\"%s\" is compared with host %s, server name %s, name to verify %s", hosts,
             known->host, known->server_name, known->verify_name);
    subject(sentence);
    CHECK_OK(certpick_selector_set_rule(selector, 1, CERTPICK_RULE_HOSTS, hosts));
    CHECK_OK(certpick_attach(client, selector));
    join_link(&link, new_ssl(client, known), server);
    CHECK_COMPLETES(&link, effect == PREFERRED ? ruled.cert : plain.cert);
    CHECK_INT(certpick_verdict(link.client, 0), 0);
    CHECK_INT(certpick_verdict(link.client, 1), effect == NO_MATCH ? CERTPICK_REASON_HOST : 0);
    close_link(&link);
}

static void hosts(int version)
{
    static const struct {
        const char *hosts;
        struct known known;
        enum effect effect;
    } cases[] = {
        {"db.example", {NULL, NULL, NULL, NULL}, NO_MATCH},
        {"*", {NULL, NULL, NULL, NULL}, NO_MATCH},
        {"db.example", {"db.example", NULL, NULL, NULL}, PREFERRED},
        {"db.example", {NULL, NULL, "db.example", NULL}, PREFERRED},
        {"db.example", {"db.example", NULL, "DB.example.", NULL}, PREFERRED},
        {"db.example", {"other.example", NULL, "db.example", NULL}, NO_MATCH},
        {"db.example", {"db.example", NULL, "other.example", NULL}, NO_MATCH},
        {"*", {"db.example", NULL, "other.example", NULL}, NO_MATCH},
        {"*.example", {"db.example", NULL, "other.example", NULL}, NO_MATCH},
#if OPENSSL_VERSION_NUMBER >= 0x30000000L /* 1.1.1 does not report the name that it verifies */
        {"db.example", {NULL, NULL, NULL, "db.example"}, PREFERRED},
#if OPENSSL_VERSION_NUMBER < 0x40000000L /* 4.0 refuses a name with a final dot */
        {"db.example", {"db.example", NULL, "db.example", "DB.EXAMPLE."}, PREFERRED},
#endif
        {"db.example", {"db.example", NULL, "db.example", "other.example"}, NO_MATCH},
        {"db.example", {NULL, NULL, "db.example", "10.1.2.3"}, NO_MATCH},
        {"db.example,*.example", {NULL, NULL, NULL, ".example"}, NO_MATCH},
        {"10.1.2.3", {NULL, NULL, NULL, "10.1.2.3"}, PREFERRED},
        {"::1", {"[::1]", NULL, NULL, "::1"}, PREFERRED},
        {"::1", {"::1", NULL, NULL, "::2"}, NO_MATCH},
#endif
        {"*", {"db.example", NULL, NULL, NULL}, MATCHES},
        {"*,db.example", {"db.example", NULL, NULL, NULL}, PREFERRED},
        {" *.example , db7 ", {"db.example", NULL, NULL, NULL}, PREFERRED},
        {"DB.EXAMPLE.", {"db.example", NULL, NULL, NULL}, PREFERRED},
        {"d?.ex*", {"DB.example.", NULL, NULL, NULL}, PREFERRED},
        {"*.example", {"a.db.example", NULL, NULL, NULL}, NO_MATCH},
        {"*.example", {"example", NULL, NULL, NULL}, NO_MATCH},
        {"*.example,*", {".example", NULL, NULL, NULL}, NO_MATCH},
        {"*.example,*", {"db..example", NULL, NULL, NULL}, NO_MATCH},
        {"*.example,*", {"db.example..", NULL, NULL, NULL}, NO_MATCH},
        {"*.example,*", {"db.example\n", NULL, NULL, NULL}, NO_MATCH},
        {"*.example,*", {"*.example", NULL, NULL, NULL}, NO_MATCH},
        {"*.example", {"d\303\251.example", NULL, NULL, NULL}, NO_MATCH},
        {"*.example", {"\377.example", NULL, NULL, NULL}, NO_MATCH},
        {"d?.example", {"d\257.example", NULL, "d\256.example", NULL}, NO_MATCH},
        {"db.example,*", {"db.example:5432", NULL, NULL, NULL}, NO_MATCH},
        /* Without a socket the port is not known. */
        {"db.example:5432,*:5432", {"db.example", NULL, NULL, NULL}, NO_MATCH},
        {"10.1.2.3", {"10.1.2.3", NULL, NULL, NULL}, PREFERRED},
        {"10.1.2.3,*", {"10.1.2.3.", NULL, NULL, NULL}, MATCHES},
        {"10.1.2.3", {"10.1.2.03", NULL, NULL, NULL}, NO_MATCH},
        {"10.1.2.3", {"0xa010203", NULL, NULL, NULL}, NO_MATCH},
        {"*", {"10.1.2.3", NULL, NULL, NULL}, NO_MATCH},
        {"10.1.2.3,db.example", {"10.1.2.3", NULL, "db.example", NULL}, NO_MATCH},
        {"10.1.2.3", {"::ffff:10.1.2.3", NULL, NULL, NULL}, PREFERRED},
        {"::ffff:10.1.2.3", {"10.1.2.3", NULL, NULL, NULL}, PREFERRED},
        {"[::1]", {"::1", NULL, NULL, NULL}, PREFERRED},
        {"::1", {"[0:0::0:1]", NULL, NULL, NULL}, PREFERRED},
        {"::1", {"::1%lo", NULL, NULL, NULL}, NO_MATCH},
        {"fe80::1,*", {"[fe80::1", NULL, NULL, NULL}, NO_MATCH},
        /* Socket directories are no names; a server name indication always is one. */
        {"db.example", {"/run/postgresql", NULL, "db.example", NULL}, PREFERRED},
        {"db.example", {"@abstract", NULL, "db.example", NULL}, PREFERRED},
        {"db.example", {"db.example", NULL, "@db.example", NULL}, NO_MATCH},
        {"db.example", {"db.example", NULL, "/db.example", NULL}, NO_MATCH},
        {"*", {"/run/postgresql", NULL, NULL, NULL}, NO_MATCH},
        {"db.example", {"", NULL, "db.example", NULL}, PREFERRED},
    };
    SCOPED(SSL_CTX) *server = new_server(version, &ca);

    for (size_t i = 0; i < COUNT(cases); i++)
        check_effect(server, cases[i].hosts, &cases[i].known, cases[i].effect);
}

/* Connects over TCP to a listening socket with this address. Returns 0 if the machine has no such address. */
static int check_socket(SSL_CTX *server, SSL_CTX *client, const struct known *known, const char *address,
                        X509 *expected)
{
    struct sockets sockets;
    struct link link;

    if (!open_sockets(&sockets, address, 0))
        return 0;
    join_link(&link, new_ssl(client, known), server);
    use_sockets(&link, &sockets);
    CHECK_COMPLETES(&link, expected);
    close_link(&link);
    close_sockets(&sockets);
    return 1;
}

static void check_address(SSL_CTX *server, const char *pattern, const struct known *known,
                          const char *address,
                          X509 *expected)
{
    SCOPED(certpick_selector) *selector = new_selector("plain.crt,ruled.crt", "plain.key,ruled.key", NULL);
    SCOPED(SSL_CTX) *client = new_client(SSL_CTX_get_max_proto_version(server));

    CHECK_OK(certpick_selector_set_rule(selector, 1, CERTPICK_RULE_HOSTS, pattern));
    CHECK_OK(certpick_attach(client, selector));
    check_socket(server, client, known, address, expected);
}

static void sockets(int version)
{
    static const struct known unknown, named = {"db.example", NULL, NULL, NULL},
                              literal = {"10.1.2.3", NULL, NULL, NULL},
                              directory = {"/run/postgresql", NULL, NULL, NULL};
    SCOPED(SSL_CTX) *server = new_server(version, &ca), *client = new_client(version);
    SCOPED(certpick_selector) *selector = new_selector("plain.crt,ruled.crt", "plain.key,ruled.key", NULL);
    struct sockets sockets;
    char pattern[64];

    subject("an address pattern matches the address of the socket only if no name is known");
    check_address(server, "127.0.0.1", &unknown, "127.0.0.1", ruled.cert);
    check_address(server, "127.0.0.2", &unknown, "127.0.0.1", plain.cert);
    check_address(server, "127.0.0.1", &directory, "127.0.0.1", ruled.cert);
    check_address(server, "127.0.0.1", &named, "127.0.0.1", plain.cert);
    check_address(server, "127.0.0.1", &literal, "127.0.0.1", plain.cert);
    check_address(server, "10.1.2.3", &literal, "127.0.0.1", ruled.cert);
    check_address(server, "*", &unknown, "127.0.0.1", plain.cert);
    check_address(server, "::1", &unknown, "::1", ruled.cert);
    check_address(server, "127.0.0.1", &unknown, "::ffff:127.0.0.1", ruled.cert);
    check_address(server, "::ffff:127.0.0.1", &unknown, "127.0.0.1", ruled.cert);

    subject("the port is the one that the socket is connected to");
    MUST(open_sockets(&sockets, "127.0.0.1", 0));
    for (int wrong = 0; wrong < 2; wrong++) {
        SCOPED(certpick_selector) *with_port = new_selector("plain.crt,ruled.crt",
                                                            "plain.key,ruled.key", NULL);
        SCOPED(SSL_CTX) *ctx = new_client(version);
        struct link link;

        snprintf(pattern, sizeof(pattern), "db.example:%d", (sockets.port + wrong) % 65536);
        CHECK_OK(certpick_selector_set_rule(with_port, 1, CERTPICK_RULE_HOSTS, pattern));
        CHECK_OK(certpick_attach(ctx, with_port));
        join_link(&link, new_ssl(ctx, &named), server);
        if (wrong) {
            close_sockets(&sockets);
            MUST(open_sockets(&sockets, "127.0.0.1", sockets.port));
        }
        use_sockets(&link, &sockets);
        CHECK_COMPLETES(&link, wrong ? plain.cert : ruled.cert);
        snprintf(pattern, sizeof(pattern), "port:    %d (socket)\n", sockets.port);
        CHECK_HAS(certpick_explanation(link.client), pattern);
        close_link(&link);
    }
    close_sockets(&sockets);

    subject("a verified server without a known name has a certificate for the address of the socket");
    CHECK_OK(certpick_selector_set_rule(selector, 1, CERTPICK_RULE_HOSTS, "127.0.0.1"));
    CHECK_OK(certpick_selector_set_rule(selector, 1, CERTPICK_RULE_VERIFIED, "1"));
    CHECK_OK(certpick_attach(client, selector));
    present(server, KEY_P256, "DNS:db.example,IP:127.0.0.1");
    trust_server(client);
    check_socket(server, client, &unknown, "127.0.0.1", ruled.cert);
    present(server, KEY_P256, "DNS:127.0.0.1,IP:127.0.0.2");
    check_socket(server, client, &unknown, "127.0.0.1", plain.cert);
}

static void users(int version)
{
    static const struct {
        const char *patterns, *user;
        int matches;
    } cases[] = {
        {"app", "app", 1},  {"app", "App", 0}, {"app", NULL, 0}, {"*", NULL, 0},
        {"*", "", 0},       {"a*", "app", 1},  {"x,a?p", "app", 1}, {"app", "apps", 0},
        {"\303\251", "\303\251", 1},
    };
    SCOPED(SSL_CTX) *server = new_server(version, &ca);

    subject("a rule for users matches the user that the program has set");
    for (size_t i = 0; i < COUNT(cases); i++) {
        SCOPED(certpick_selector) *selector = new_selector("ruled.crt,plain.crt",
                                                           "ruled.key,plain.key", NULL);
        SCOPED(SSL_CTX) *client = new_client(version);
        const struct known known = {NULL, cases[i].user, NULL, NULL};
        struct link link;

        CHECK_OK(certpick_selector_set_rule(selector, 0, CERTPICK_RULE_USERS, cases[i].patterns));
        CHECK_OK(certpick_attach(client, selector));
        join_link(&link, new_ssl(client, &known), server);
        CHECK_COMPLETES(&link, cases[i].matches ? ruled.cert : plain.cert);
        CHECK_INT(certpick_verdict(link.client, 0), cases[i].matches ? 0 : CERTPICK_REASON_USER);
        close_link(&link);
    }
}

static void empty_ca_list(int version)
{
    static const int64_t policies[] = {CERTPICK_EMPTY_CA_LIST_ACCEPT, CERTPICK_EMPTY_CA_LIST_SOLE,
                                       CERTPICK_EMPTY_CA_LIST_SEND_NONE};
    static const struct known known = {"db.example", "app", NULL, NULL};
    static const struct {
        int32_t rule;
        const char *value;
        int lifts;
    } rules[] = {{CERTPICK_RULE_HOSTS, "db.example", 1}, {CERTPICK_RULE_HOSTS, "*.example", 1},
                 {CERTPICK_RULE_HOSTS, "*", 0},          {CERTPICK_RULE_HOSTS, "other", 0},
                 {CERTPICK_RULE_USERS, "app", 0},        {CERTPICK_RULE_HOSTS, NULL, 0}};
    SCOPED(SSL_CTX) *server = new_server(version);

    subject("a rule that names the host lifts the policy for an empty CA list");
    for (size_t policy = 0; policy < COUNT(policies); policy++)
        for (size_t i = 0; i < COUNT(rules); i++) {
            SCOPED(certpick_selector) *selector = new_selector("ruled.crt,plain.crt",
                "ruled.key,plain.key", NULL);
            int accepts = policies[policy] == CERTPICK_EMPTY_CA_LIST_ACCEPT;
            int other = rules[i].value != NULL && strcmp(rules[i].value, "other") == 0;
            SCOPED(SSL_CTX) *client = new_client(version);
            struct link link;

            CHECK_OK(certpick_selector_set_option(selector, CERTPICK_OPTION_EMPTY_CA_LIST, policies[policy]));
            CHECK_OK(certpick_selector_set_rule(selector, 0, rules[i].rule, rules[i].value));
            CHECK_OK(certpick_attach(client, selector));
            join_link(&link, new_ssl(client, &known), server);
            CHECK_COMPLETES(&link, rules[i].lifts || (accepts && !other) ? ruled.cert : accepts ? plain.cert : NULL);
            CHECK_INT(certpick_verdict(link.client, 0), (other ? CERTPICK_REASON_HOST : 0) |
                      (rules[i].lifts || accepts ? 0 : CERTPICK_REASON_POLICY));
            CHECK_INT(certpick_verdict(link.client, 1), accepts ? 0 : CERTPICK_REASON_POLICY);
            if (rules[i].lifts && !accepts)
                CHECK_HAS(certpick_explanation(link.client),
                          "so it may be sent although the server named no CA");
            else
                CHECK_LACKS(certpick_explanation(link.client), "although the server named no CA");
            close_link(&link);
        }
}

static void rank(int version)
{
    static const struct known known = {"db.example", "alice", NULL, NULL};
    static const struct traits expired = {KEY_P256, NULL, NULL, -20, -2};
    struct identity alice = new_leaf("alice", &ca), flawed = new_leaf_with("alice", &ca, &expired);
    SCOPED(SSL_CTX) *server = new_server(version, &ca);
    X509 *const expected[] = {ruled.cert, alice.cert, plain.cert, flawed.cert};
    static const char *const lists[] = {"flawed.crt,plain.crt,alice.crt,ruled.crt",
                                        "flawed.crt,plain.crt,alice.crt",
                                        "flawed.crt,plain.crt", "flawed.crt"};
    static const char *const keys[] = {"flawed.key,plain.key,alice.key,ruled.key",
                                       "flawed.key,plain.key,alice.key",
                                       "flawed.key,plain.key", "flawed.key"};

    subject("a flaw counts more than a rule, a rule more than the user, and the user more than the order");
    write_identity("alice", &alice, NULL);
    write_identity("flawed", &flawed, NULL);
    certpick_cache_clear();
    for (size_t i = 0; i < COUNT(lists); i++) {
        SCOPED(certpick_selector) *selector = new_selector(lists[i], keys[i], NULL);
        SCOPED(SSL_CTX) *client = new_client(version);
        struct link link;

        CHECK_OK(certpick_selector_set_rule(selector, 0, CERTPICK_RULE_HOSTS, "db.example"));
        if (i == 0)
            CHECK_OK(certpick_selector_set_rule(selector, 3, CERTPICK_RULE_HOSTS, "*.example"));
        CHECK_OK(certpick_attach(client, selector));
        join_link(&link, new_ssl(client, &known), server);
        CHECK_COMPLETES(&link, expected[i]);
        close_link(&link);
    }
}

int main(void)
{
    enter_work_dir();
    write_credentials();
    hosts(TLS1_3_VERSION);
    for (int i = 0; i < 2; i++) {
        sockets(tls_versions[i]);
        users(tls_versions[i]);
        empty_ca_list(tls_versions[i]);
        rank(tls_versions[i]);
    }
    return finish();
}
