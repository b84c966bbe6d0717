/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Rules that a program sets, and the handshakes that they apply to: an SSL that is cleared, copied or moved to
   another SSL_CTX, requests after the handshake, and small stacks. */
#include "picking.h"

#include "rules.h"

#include <openssl/err.h>

/* A selector whose only credential has a rule. */
static certpick_selector *ruled_selector(int32_t rule, const char *value)
{
    certpick_selector *selector = new_selector("ruled.crt", "ruled.key", NULL);

    CHECK_OK(certpick_selector_set_rule(selector, 0, rule, value));
    return selector;
}

static void arguments(void)
{
    static const char *const bad_hosts[] = {
        "10.1.*", "10.*.2.3", "*.*", "???", "10.1.2.300", "1.2.3.4.", "10.1.2", "", ",", "a,,b",
        "a,", " ", "a b", ".a",
        "a..b", ".", "a:0", "a:65536", "a:+1", "a:", "a:x", ":1", "http://a", "a/b", "/run", "@a",
        "d\303\251",
        "\377", "[::1", "[::1]x", "[::1]:", "[::1]:0", "[10.1.2.3]", "[a]", "fe80::1:443", "::1%lo",
        "a;b", "!a", "(a)",
    };
    SCOPED(certpick_selector) *selector = new_selector("ruled.crt,plain.crt", "ruled.key,plain.key", NULL);
    SCOPED(SSL_CTX) *client = new_client(TLS1_3_VERSION), *server = new_server(TLS1_3_VERSION, &ca);
    static char longest[302], many[2 * 10001];
    struct link link;

    subject("certpick_selector_set_rule refuses unknown rules, indices and values");
    CHECK_INT(certpick_selector_set_rule(NULL, 0, CERTPICK_RULE_HOSTS, "a"), CERTPICK_ERROR_ARGUMENT);
    for (int32_t rule = -1; rule <= 4; rule++)
        if (rule < CERTPICK_RULE_HOSTS || rule > CERTPICK_RULE_VERIFIED) {
            CHECK_INT(certpick_selector_set_rule(selector, 0, rule, "1"), CERTPICK_ERROR_ARGUMENT);
            CHECK_INT(certpick_selector_set_rule(selector, 0, rule, NULL), CERTPICK_ERROR_ARGUMENT);
        }
    CHECK_INT(certpick_selector_set_rule(selector, 2, CERTPICK_RULE_HOSTS, "a"), CERTPICK_ERROR_ARGUMENT);
    CHECK_INT(certpick_selector_set_rule(selector, SIZE_MAX, CERTPICK_RULE_HOSTS, NULL),
              CERTPICK_ERROR_ARGUMENT);
    CHECK_TEXT(certpick_selector_error(selector), "the selector has no credential with this index");

    subject("a value that is refused leaves the rule unchanged");
    CHECK_OK(certpick_selector_set_rule(selector, 0, CERTPICK_RULE_HOSTS, "db.example"));
    CHECK_OK(certpick_selector_set_rule(selector, 0, CERTPICK_RULE_USERS, "app"));
    CHECK_OK(certpick_selector_set_rule(selector, 0, CERTPICK_RULE_VERIFIED, "1"));
    ERR_clear_error();
    for (size_t i = 0; i < COUNT(bad_hosts); i++) {
        if (!CHECK_INT(certpick_selector_set_rule(selector, 0, CERTPICK_RULE_HOSTS, bad_hosts[i]),
                       CERTPICK_ERROR_ARGUMENT))
            printf("\"%s\" was accepted\n", bad_hosts[i]);
        CHECK_MARKERS_AND_ONE(0);
    }
    fill(longest, 'a', sizeof(longest));
    for (size_t i = 0; i + 1 < sizeof(many); i++)
        many[i] = i % 2 == 0 ? 'a' : ',';
    for (int32_t rule = CERTPICK_RULE_HOSTS; rule <= CERTPICK_RULE_VERIFIED; rule++) {
        CHECK_INT(certpick_selector_set_rule(selector, 0, rule, ""), CERTPICK_ERROR_ARGUMENT);
        CHECK_INT(certpick_selector_set_rule(selector, 0, rule, longest), CERTPICK_ERROR_ARGUMENT);
        CHECK_INT(certpick_selector_set_rule(selector, 0, rule, many), CERTPICK_ERROR_ARGUMENT);
    }
    CHECK_INT(certpick_selector_set_rule(selector, 0, CERTPICK_RULE_USERS, "a,,b"), CERTPICK_ERROR_ARGUMENT);
    CHECK_INT(certpick_selector_set_rule(selector, 0, CERTPICK_RULE_VERIFIED, "0"), CERTPICK_ERROR_ARGUMENT);
    CHECK_INT(certpick_selector_set_rule(selector, 0, CERTPICK_RULE_VERIFIED, "true"),
              CERTPICK_ERROR_ARGUMENT);
    ERR_clear_error();

    subject("the verdict contains every part of the rule that does not match");
    CHECK_OK(certpick_attach(client, selector));
    CHECK_CONNECTS(&link, client, server, plain.cert);
    CHECK_INT(certpick_verdict(link.client, 0),
              CERTPICK_REASON_HOST | CERTPICK_REASON_USER | CERTPICK_REASON_UNVERIFIED);
    CHECK_HAS(certpick_explanation(link.client), "db.example");
    CHECK_HAS(certpick_explanation(link.client), "name:    unknown");
    CHECK_HAS(certpick_explanation(link.client), "user:    unknown");
    close_link(&link);

    subject("rules are frozen by certpick_attach");
    for (int32_t rule = CERTPICK_RULE_HOSTS; rule <= CERTPICK_RULE_VERIFIED; rule++)
        CHECK_INT(certpick_selector_set_rule(selector, 0, rule, NULL), CERTPICK_ERROR_FROZEN);
    CHECK_INT(certpick_selector_add_config(selector, "certpick.toml"), CERTPICK_ERROR_FROZEN);
    ERR_clear_error();
}

static void removed(void)
{
    SCOPED(certpick_selector) *selector = new_selector("ruled.crt,plain.crt", "ruled.key,plain.key", NULL);
    SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION, &ca);
    struct link link;

    subject("NULL removes one part of a rule");
    CHECK_OK(certpick_selector_set_rule(selector, 0, CERTPICK_RULE_HOSTS, "db.example"));
    CHECK_OK(certpick_selector_set_rule(selector, 0, CERTPICK_RULE_USERS, "app"));
    CHECK_OK(certpick_selector_set_rule(selector, 0, CERTPICK_RULE_VERIFIED, "1"));
    CHECK_OK(certpick_selector_set_rule(selector, 0, CERTPICK_RULE_HOSTS, NULL));
    CHECK_OK(certpick_selector_set_rule(selector, 0, CERTPICK_RULE_VERIFIED, NULL));
    CHECK_SELECTOR_CONNECTS(&link, TLS1_3_VERSION, selector, server, plain.cert);
    CHECK_INT(certpick_verdict(link.client, 0), CERTPICK_REASON_USER);
    close_link(&link);
}

static void handles(void)
{
    static const struct {
        const char *sslcert, *sslkey;
        int handled;
    } cases[] = {
        {NULL, NULL, 0},       {NULL, "a", 0},        {"", NULL, 0},          {"plain.crt", NULL, 0},
        {"plain.crt", "", 0},  {"missing.crt", "", 0}, {"a,b", NULL, 1},      {"\"a\",b", "a", 1},
        {"certpick:", NULL, 1}, {"certpick:x", "k", 1}, {"plain.crt,certpick:x", NULL, 1},
        {"./certpick:x", NULL, 0}, {"CERTPICK:x", NULL, 0}, {" certpick:x", NULL, 1},
        {"\"certpick:x\"", NULL, 1},
        {"with,comma.crt", NULL, 0}, {"certpick:exists", NULL, 1},
    };

    subject("certpick_handles returns whether libpq passes the values on");
    write_text("with,comma.crt", "");
    write_text("certpick:exists", "");
    for (size_t i = 0; i < COUNT(cases); i++)
        if (!CHECK_INT(certpick_handles(cases[i].sslcert, cases[i].sslkey), cases[i].handled))
            printf("sslcert=%s\n", cases[i].sslcert);
}

/* SSL_clear keeps the session: without this the next handshake would resume it. */
static void clear(struct link *link)
{
    SSL_shutdown(link->client);
    MUST(SSL_clear(link->client) && SSL_set_session(link->client, NULL));
    SSL_free(link->server);
}

static void cleared(int version, enum way way)
{
    SCOPED(certpick_selector) *selector = ruled_selector(CERTPICK_RULE_HOSTS, "old.example,10.1.2.3");
    SCOPED(SSL_CTX) *client = new_client(version), *server = new_server(version);
    struct link link;
    SSL *ssl;

    subject("the peer of an earlier handshake does not match another server name");
    use_selector(client, selector, way);
    ssl = SSL_new(client);
    CHECK_OK(certpick_set_peer(ssl, "old.example", NULL));
    join_link(&link, ssl, server);
    CHECK_COMPLETES(&link, ruled.cert);
    clear(&link);
    MUST(SSL_set_tlsext_host_name(ssl, "new.example"));
    join_link(&link, ssl, server);
    CHECK_COMPLETES(&link, NULL);
    CHECK_INT(certpick_verdict(ssl, 0), CERTPICK_REASON_HOST);
    CHECK_HAS(certpick_explanation(ssl), "the names disagree");

    subject("a name that the program has replaced is compared");
    clear(&link);
    CHECK_OK(certpick_set_peer(ssl, "new.example", NULL));
    join_link(&link, ssl, server);
    CHECK_COMPLETES(&link, NULL);
    clear(&link);
    CHECK_OK(certpick_set_peer(ssl, NULL, NULL));
    MUST(SSL_set_tlsext_host_name(ssl, "old.example"));
    join_link(&link, ssl, server);
    CHECK_COMPLETES(&link, ruled.cert);
    close_link(&link);
}

static void copied(int version, enum way way)
{
    SCOPED(certpick_selector) *selector = ruled_selector(CERTPICK_RULE_HOSTS, "old.example");
    SCOPED(SSL_CTX) *client = new_client(version), *server = new_server(version);
    struct link link, other;
    SSL *original, *copy;

    subject("a copy of an SSL has its own name");
    use_selector(client, selector, way);
    original = SSL_new(client);
    CHECK_OK(certpick_set_peer(original, "old.example", NULL));
    copy = SSL_dup(original);
    MUST(copy != NULL && copy != original && SSL_set_tlsext_host_name(copy, "new.example"));
    join_link(&other, copy, server);
    CHECK_COMPLETES(&other, NULL);
    join_link(&link, original, server);
    CHECK_COMPLETES(&link, ruled.cert);
    close_link(&other);

    subject("a copied session brings no name");
    copy = SSL_new(client);
    MUST(SSL_copy_session_id(copy, link.client) && SSL_set_tlsext_host_name(copy, "new.example"));
    SSL_CTX_set_session_cache_mode(server, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(server, SSL_OP_NO_TICKET);
    join_link(&other, copy, server);
    CHECK(complete_link(&other));
    if (!SSL_session_reused(copy))
        CHECK_ARRIVED(&other, NULL);
    close_link(&other);
    close_link(&link);
}

static void moved(int version)
{
    SCOPED(certpick_selector) *old = ruled_selector(CERTPICK_RULE_HOSTS, "old.example");
    SCOPED(certpick_selector) *new = ruled_selector(CERTPICK_RULE_HOSTS, "new.example");
    SCOPED(SSL_CTX) *client = new_client(version), *other = new_client(version),
        *server = new_server(version);

    subject("an SSL that is moved to another SSL_CTX is subject to the rules of that one");
    CHECK_OK(certpick_attach(client, old));
    CHECK_OK(certpick_attach(other, new));
    for (int is_new = 0; is_new < 2; is_new++) {
        struct link link;
        SSL *ssl = SSL_new(client);

        CHECK_OK(certpick_set_peer(ssl, is_new ? "new.example" : "old.example", NULL));
        MUST(SSL_set_SSL_CTX(ssl, other) == other);
        join_link(&link, ssl, server);
        CHECK_COMPLETES(&link, is_new ? ruled.cert : NULL);
        close_link(&link);
    }
}

static void requested_again(int version, enum way way)
{
    SCOPED(certpick_selector) *selector = ruled_selector(CERTPICK_RULE_HOSTS, "old.example");
    SCOPED(SSL_CTX) *client = new_client(version), *server = new_server(version);
    struct link link;

    subject("a later request on the same connection is compared with the present names");
    SSL_CTX_set_options(server, SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION);
    SSL_CTX_set_post_handshake_auth(client, 1);
    use_selector(client, selector, way);
    open_link(&link, client, server);
    CHECK_OK(certpick_set_peer(link.client, "old.example", NULL));
    CHECK_COMPLETES(&link, ruled.cert);
    CHECK_OK(certpick_set_peer(link.client, "new.example", NULL));
    CHECK(request_again(&link));
    CHECK_ARRIVED(&link, NULL);
    CHECK_OK(certpick_set_peer(link.client, "old.example", NULL));
    CHECK(request_again(&link));
    CHECK_ARRIVED(&link, ruled.cert);
    close_link(&link);
}

/* Keeps the newest session. */
static SSL_SESSION *kept;

static int keep(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    SSL_SESSION_free(kept);
    kept = session;
    return 1;
}

static void resumed(void)
{
    SCOPED(certpick_selector) *selector = ruled_selector(CERTPICK_RULE_VERIFIED, "1");
    SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION);

    subject("the result of the verification is that of the handshake that is resumed");
    present(server, KEY_P256, "DNS:db.example");
    SSL_CTX_set_verify(server, SSL_VERIFY_PEER | SSL_VERIFY_POST_HANDSHAKE, NULL);
    for (int is_trusted = 0; is_trusted < 2; is_trusted++) {
        SCOPED(SSL_CTX) *client = new_client(TLS1_3_VERSION);
        struct link link;

        CHECK_OK(certpick_attach(client, selector));
        SSL_CTX_set_post_handshake_auth(client, 1);
        SSL_CTX_set_session_cache_mode(client, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(client, keep);
        if (is_trusted)
            trust_server(client);
        CHECK_CONNECTS(&link, client, server, NULL);
        MUST(kept != NULL);
        close_link(&link);
        open_link(&link, client, server);
        MUST(SSL_set_session(link.client, kept) && SSL_set_tlsext_host_name(link.client, "db.example"));
        SSL_set_verify(link.client, SSL_VERIFY_PEER, NULL);
        CHECK(complete_link(&link) && SSL_session_reused(link.client));
        CHECK(request_again(&link));
        /* After a resumption, OpenSSL 1.1.1 ignores the signature algorithms of such a request. */
        CHECK_ARRIVED(&link, is_trusted && OPENSSL_VERSION_NUMBER >= 0x30000000L ? ruled.cert : NULL);
        close_link(&link);
    }
    SSL_SESSION_free(kept);
    kept = NULL;
}

static void small_stack(int version, enum way way)
{
    SCOPED(certpick_selector) *selector = new_selector("plain.crt,ruled.crt", "plain.key,ruled.key", NULL);
    SCOPED(SSL_CTX) *client = new_client(version), *server = new_server(version);
    struct sockets sockets;
    struct link link;

    subject("rules are compared on the small stack of SSL_MODE_ASYNC");
    present(server, KEY_P256, "DNS:*.north.example");
    CHECK_OK(certpick_selector_set_rule(selector, 1, CERTPICK_RULE_HOSTS, "a*b*c*.n*h.example"));
    CHECK_OK(certpick_selector_set_rule(selector, 1, CERTPICK_RULE_USERS, "a*"));
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
    CHECK_OK(certpick_selector_set_rule(selector, 1, CERTPICK_RULE_VERIFIED, "1"));
#endif
    use_selector(client, selector, way);
    trust_server(client);
    SSL_CTX_set_mode(client, SSL_MODE_ASYNC);
    MUST(open_sockets(&sockets, "127.0.0.1", 0));
    open_link(&link, client, server);
    CHECK_OK(certpick_set_peer(link.client, "ABC.north.example", "app"));
    MUST(SSL_set_tlsext_host_name(link.client, "abc.north.example"));
    set_verify_name(SSL_get0_param(link.client), "abc.north.example");
    use_sockets(&link, &sockets);
    CHECK_COMPLETES(&link, ruled.cert);
    CHECK_HAS(certpick_explanation(link.client), "it is for this host");
    close_link(&link);
    close_sockets(&sockets);
}

/* Many credentials, each for another host. */
static void many(int version)
{
    enum { MANY = 1000 };
    SCOPED(certpick_selector) *selector = certpick_selector_new();
    SCOPED(SSL_CTX) *client = new_client(version), *server = new_server(version);
    char hosts[64];

    subject("the rules of 1,000 credentials are compared");
    for (size_t i = 0; i < MANY; i++) {
        const char *cert = i % 2 == 0 ? "plain.crt" : "ruled.crt",
            *key = i % 2 == 0 ? "plain.key" : "ruled.key";

        snprintf(hosts, sizeof(hosts), "db%zu.example, db%zu.*.example", i, i);
        MUST(certpick_selector_add_files(selector, cert, key, NULL) == CERTPICK_OK);
        MUST(certpick_selector_set_rule(selector, i, CERTPICK_RULE_HOSTS, hosts) == CERTPICK_OK);
    }
    CHECK_OK(certpick_attach(client, selector));
    for (size_t i = 0; i <= MANY; i += 111) {
        struct link link;

        snprintf(hosts, sizeof(hosts), "DB%zu.example", i);
        open_link(&link, client, server);
        MUST(SSL_set_tlsext_host_name(link.client, hosts));
        CHECK_COMPLETES(&link, i == MANY ? NULL : i % 2 == 0 ? plain.cert : ruled.cert);
        CHECK(certpick_choice(link.client) == (i == MANY ? SIZE_MAX : i));
        CHECK_INT(certpick_verdict(link.client, 5), CERTPICK_REASON_HOST);
        close_link(&link);
    }
}

int main(void)
{
    enter_work_dir();
    write_credentials();
    arguments();
    removed();
    handles();
    resumed();
    for (int i = 0; i < 2; i++) {
        moved(tls_versions[i]);
        many(tls_versions[i]);
        for (int way = 0; way < WAYS; way++) {
            cleared(tls_versions[i], (enum way)way);
            copied(tls_versions[i], (enum way)way);
            requested_again(tls_versions[i], (enum way)way);
            small_stack(tls_versions[i], (enum way)way);
        }
    }
    return finish();
}
