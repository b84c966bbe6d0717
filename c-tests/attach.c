/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Handshakes by each way to attach, on TLS 1.2 and 1.3: the right certificate goes, with its chain
   and without the root; one client, several servers; resumption. */
#include "support.h"

#include "picking.h"

struct parties {
    struct identity root, outer, inner, leaf; /* root -> outer -> inner -> leaf */
    struct identity other_root, other;
};

static void make_parties(struct parties *p)
{
    p->root = new_root("Root");
    p->outer = new_intermediate("Outer", &p->root);
    p->inner = new_intermediate("Inner", &p->outer);
    p->leaf = new_leaf("leaf", &p->inner);
    p->other_root = new_root("Other root");
    p->other = new_leaf("other", &p->other_root);
    write_identity("other", &p->other, NULL);
    /* Out of order, with the root and a certificate twice. */
    write_certs("leaf.crt", p->leaf.cert, p->root.cert, p->outer.cert, p->inner.cert, p->outer.cert,
                (X509 *)NULL);
    write_key("leaf.key", p->leaf.key, "secret");
}

static void check_sent(struct link *link, size_t choice)
{
    CHECK_INT(certpick_outcome(link->client), CERTPICK_OUTCOME_SENT);
    CHECK_INT(certpick_choice(link->client), choice);
    CHECK_TEXT(certpick_message(link->client), "");
    CHECK_INT(certpick_verdict(link->client, choice), 0);
}

static void each_server_gets_its_own(const struct parties *p, int version, enum way way)
{
    certpick_selector *selector = new_selector("other.crt,leaf.crt", "other.key,leaf.key", ",secret");
    SSL_CTX *client = new_client(version);
    SSL_CTX *server = new_server(version, &p->root, (void *)NULL);
    SSL_CTX *middle = new_server(version, &p->inner, (void *)NULL);
    SSL_CTX *other = new_server(version, &p->other_root, (void *)NULL);
    SSL_CTX *nobodys = new_server(version, &p->leaf, (void *)NULL);
    SSL_CTX *anybodys = new_server(version, (void *)NULL);
    SSL_CTX *several = new_server(version, &p->leaf, &p->outer, &p->other_root, (void *)NULL);
    struct link link;

    use_selector(client, selector, way);
    /* What the context holds keeps the selector alive; only certpick_select does not. */
    if (way != BY_OWN_CERT_CB)
        certpick_selector_free(selector);

    subject("a server that names the root gets leaf and intermediates, in order, without the root");
    CHECK(connect_link(&link, client, server) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, p->leaf.cert, p->inner.cert, p->outer.cert, (X509 *)NULL);
    check_sent(&link, 1);
    CHECK_INT(certpick_verdict(link.client, 0), CERTPICK_REASON_ISSUER);
    CHECK_HAS(certpick_explanation(link.client), "leaf.crt");
    CHECK_HAS(certpick_explanation(link.client), "other.crt");
    CHECK_HAS(certpick_explanation(link.client), "Root");
    CHECK_HAS(certpick_explanation(link.client), "Inner");
    CHECK(strchr(certpick_explanation(link.client), '\n') != NULL);
    CHECK_LACKS(certpick_explanation(link.client), "secret");
    close_link(&link);

    subject("a server that names an intermediate gets the same");
    CHECK(connect_link(&link, client, middle) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, p->leaf.cert, p->inner.cert, p->outer.cert, (X509 *)NULL);
    check_sent(&link, 1);
    close_link(&link);

    subject("a server that names the other CA gets the other certificate, and no stranger with it");
    CHECK(connect_link(&link, client, other) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, p->other.cert, (X509 *)NULL);
    check_sent(&link, 0);
    CHECK_INT(certpick_verdict(link.client, 1), CERTPICK_REASON_ISSUER);
    close_link(&link);

    subject("a server that names both gets the first of the list");
    CHECK(connect_link(&link, client, several) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, p->other.cert, (X509 *)NULL);
    check_sent(&link, 0);
    CHECK_INT(certpick_verdict(link.client, 1), 0);
    close_link(&link);

    subject("a server that names nobody gets the first of the list");
    CHECK(connect_link(&link, client, anybodys) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, p->other.cert, (X509 *)NULL);
    check_sent(&link, 0);
    close_link(&link);

    subject("a server that names only strangers gets no certificate");
    CHECK(connect_link(&link, client, nobodys) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, NULL);
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_NONE_SUITABLE);
    CHECK_BEGINS(certpick_message(link.client),
                 "Server requests a client certificate but no suitable certificate is found from "
                 "sslcert list provided");
    CHECK(strchr(certpick_message(link.client), '\n') == NULL);
    CHECK(certpick_choice(link.client) == SIZE_MAX);
    CHECK_INT(certpick_verdict(link.client, 0), CERTPICK_REASON_ISSUER);
    CHECK_INT(certpick_verdict(link.client, 1), CERTPICK_REASON_ISSUER);
    close_link(&link);
    if (way == BY_OWN_CERT_CB)
        CHECK_INT(last_select_status(), CERTPICK_OK);

    subject("a server that asks for no certificate gets none");
    SSL_CTX_set_verify(server, SSL_VERIFY_NONE, NULL);
    CHECK(connect_link(&link, client, server) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, NULL);
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_NOT_ASKED);
    CHECK_TEXT(certpick_explanation(link.client), "");
    CHECK_TEXT(certpick_message(link.client), "");
    CHECK(certpick_choice(link.client) == SIZE_MAX);
    close_link(&link);

    SSL_CTX_free(client);
    SSL_CTX_free(server);
    SSL_CTX_free(middle);
    SSL_CTX_free(other);
    SSL_CTX_free(nobodys);
    SSL_CTX_free(anybodys);
    SSL_CTX_free(several);
    if (way == BY_OWN_CERT_CB)
        certpick_selector_free(selector);
}

static void resumption(const struct parties *p, int version, enum way way)
{
    certpick_selector *selector = new_selector("other.crt,leaf.crt", "other.key,leaf.key", ",secret");
    SSL_CTX *client = new_client(version);
    SSL_CTX *server = new_server(version, &p->root, (void *)NULL);
    SSL_SESSION *session;
    struct link link;

    use_selector(client, selector, way);
    subject("a resumed session is not asked, and the server still knows the certificate");
    CHECK(connect_link(&link, client, server) && exchange_bytes(&link));
    check_sent(&link, 1);
    session = SSL_get1_session(link.client);
    close_link(&link);

    open_link(&link, client, server);
    MUST(session != NULL && SSL_set_session(link.client, session));
    CHECK(shake_hands(&link) && exchange_bytes(&link));
    CHECK(SSL_session_reused(link.client));
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_NOT_ASKED);
    CHECK_TEXT(certpick_explanation(link.client), "");
    CHECK_INT(certpick_verdict(link.client, 0), 0);
    CHECK(arrived(&link, p->leaf.cert));
    close_link(&link);
    SSL_SESSION_free(session);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    certpick_selector_free(selector);
}

static int counting_cert_cb(SSL *ssl, void *calls)
{
    (void)ssl;
    ++*(int *)calls;
    return 1;
}

static void the_programs_own_cert_cb(const struct parties *p, int version)
{
    certpick_selector *selector = new_selector("leaf.crt", "leaf.key", "secret");
    SSL_CTX *client = new_client(version);
    SSL_CTX *server = new_server(version, &p->root, (void *)NULL);
    struct link link;
    int calls = 0;

    subject("certpick_attach leaves the program's own cert_cb alone");
    SSL_CTX_set_cert_cb(client, counting_cert_cb, &calls);
    CHECK_INT(certpick_attach(client, selector), CERTPICK_OK);
    CHECK(connect_link(&link, client, server) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, p->leaf.cert, p->inner.cert, p->outer.cert, (X509 *)NULL);
    CHECK(calls > 0);
    close_link(&link);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    certpick_selector_free(selector);
}

/* A certificate that the program has set itself, beside a selector. */
static void the_programs_own_certificate(const struct parties *p, int version, enum way way)
{
    certpick_selector *selector = new_selector("leaf.crt", "leaf.key", "secret");
    SSL_CTX *client = new_client(version);
    SSL_CTX *server = new_server(version, &p->root, (void *)NULL);
    SSL_CTX *nobodys = new_server(version, &p->leaf, (void *)NULL);
    struct link link;

    MUST(SSL_CTX_use_certificate(client, p->other.cert));
    MUST(SSL_CTX_use_PrivateKey(client, p->other.key));
    use_selector(client, selector, way);
    if (way == BY_CLIENT_CERT_CB) {
        subject("by client_cert_cb the program's own certificate comes first: nobody is asked");
        CHECK(connect_link(&link, client, server) && exchange_bytes(&link));
        CHECK_ARRIVED(&link, p->other.cert, (X509 *)NULL);
        CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_NOT_ASKED);
        close_link(&link);
    } else {
        subject("by cert_cb the selector comes before the program's own certificate");
        CHECK(connect_link(&link, client, server) && exchange_bytes(&link));
        CHECK_ARRIVED(&link, p->leaf.cert, p->inner.cert, p->outer.cert, (X509 *)NULL);
        CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_SENT);
        close_link(&link);

        subject("the program's own certificate never stands in where none suits");
        CHECK(connect_link(&link, client, nobodys) && exchange_bytes(&link));
        CHECK_ARRIVED(&link, NULL);
        CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_NONE_SUITABLE);
        close_link(&link);
    }
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    SSL_CTX_free(nobodys);
    certpick_selector_free(selector);
}

static certpick_selector *first_choice, *second_choice;

static int select_twice(SSL *ssl, void *arg)
{
    (void)arg;
    if (certpick_select(ssl, first_choice) != CERTPICK_OK)
        return 0;
    if (certpick_outcome(ssl) == CERTPICK_OUTCOME_SENT)
        return 1;
    return certpick_select(ssl, second_choice) == CERTPICK_OK;
}

static void two_selectors(const struct parties *p, int version)
{
    SSL_CTX *client = new_client(version);
    SSL_CTX *server = new_server(version, &p->root, (void *)NULL);
    SSL_CTX *other = new_server(version, &p->other_root, (void *)NULL);
    struct link link;

    subject("a program's cert_cb may ask one selector after the other");
    first_choice = new_selector("other.crt", "other.key", NULL);
    second_choice = new_selector("leaf.crt", "leaf.key", "secret");
    SSL_CTX_set_cert_cb(client, select_twice, NULL);
    CHECK(connect_link(&link, client, other) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, p->other.cert, (X509 *)NULL);
    close_link(&link);
    CHECK(connect_link(&link, client, server) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, p->leaf.cert, p->inner.cert, p->outer.cert, (X509 *)NULL);
    check_sent(&link, 0);
    close_link(&link);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    SSL_CTX_free(other);
    certpick_selector_free(first_choice);
    certpick_selector_free(second_choice);
}

int main(void)
{
    struct parties parties;
    enum way way;
    int i;

    enter_work_dir();
    make_parties(&parties);
    for (i = 0; i < 2; i++) {
        for (way = BY_CLIENT_CERT_CB; way < WAYS; way++) {
            each_server_gets_its_own(&parties, tls_versions[i], way);
            resumption(&parties, tls_versions[i], way);
            the_programs_own_certificate(&parties, tls_versions[i], way);
        }
        two_selectors(&parties, tls_versions[i]);
        the_programs_own_cert_cb(&parties, tls_versions[i]);
    }
    free_identity(&parties.root);
    free_identity(&parties.outer);
    free_identity(&parties.inner);
    free_identity(&parties.leaf);
    free_identity(&parties.other_root);
    free_identity(&parties.other);
    return finish();
}
