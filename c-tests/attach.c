/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Each way to attach, with TLS 1.2 and 1.3: one client sends each of several servers the right
   certificate, with its chain and without the root. Resumption. */
#include "picking.h"

static struct chain chain;
static struct identity other_root, other;

static void write_files(void)
{
    chain = new_chain();
    other_root = new_root("Other root");
    other = new_leaf("other", &other_root);
    write_identity("other", &other, NULL);
    /* In the wrong order, with the root and a duplicate. */
    write_certs("leaf.crt", chain.leaf.cert, chain.root.cert, chain.outer.cert, chain.inner.cert,
                chain.outer.cert);
    write_key("leaf.key", chain.leaf.key, "secret");
}

static void check_sent(struct link *link, size_t choice)
{
    CHECK_DECISION(link->client, CERTPICK_OUTCOME_SENT, choice);
    CHECK_TEXT(certpick_message(link->client), "");
    CHECK_INT(certpick_verdict(link->client, choice), 0);
}

static void each_server(int version, enum way way)
{
    SCOPED(certpick_selector) *selector =
        new_selector("other.crt,leaf.crt", "other.key,leaf.key", ",secret");
    SCOPED(SSL_CTX) *client = new_client(version), *server = new_server(version, &chain.root);
    SCOPED(SSL_CTX) *middle = new_server(version, &chain.inner);
    SCOPED(SSL_CTX) *other_server = new_server(version, &other_root);
    SCOPED(SSL_CTX) *mismatched = new_server(version, &chain.leaf), *nameless = new_server(version);
    SCOPED(SSL_CTX) *several = new_server(version, &chain.leaf, &chain.outer, &other_root);
    struct link link;

    use_selector(client, selector, way);
    /* The context has a reference, except for certpick_select(). */
    if (way != BY_OWN_CERT_CB) {
        certpick_selector_free(selector);
        selector = NULL;
    }

    subject("a server that names the root gets leaf and intermediates in order, without the root");
    CHECK_CONNECTS(&link, client, server, chain.leaf.cert, chain.inner.cert, chain.outer.cert);
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
    CHECK_CONNECTS(&link, client, middle, chain.leaf.cert, chain.inner.cert, chain.outer.cert);
    check_sent(&link, 1);
    close_link(&link);

    subject("a server that names the other CA gets the other certificate without intermediates");
    CHECK_CONNECTS(&link, client, other_server, other.cert);
    check_sent(&link, 0);
    CHECK_INT(certpick_verdict(link.client, 1), CERTPICK_REASON_ISSUER);
    close_link(&link);

    subject("a server that names both CAs gets the first certificate of the list");
    CHECK_CONNECTS(&link, client, several, other.cert);
    check_sent(&link, 0);
    CHECK_INT(certpick_verdict(link.client, 1), 0);
    close_link(&link);

    subject("a server that names no CA gets the first certificate of the list");
    CHECK_CONNECTS(&link, client, nameless, other.cert);
    check_sent(&link, 0);
    close_link(&link);

    subject("a server that names only other CAs gets no certificate");
    CHECK_CONNECTS(&link, client, mismatched, NULL);
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

    subject("a server that requests no certificate gets none");
    SSL_CTX_set_verify(server, SSL_VERIFY_NONE, NULL);
    CHECK_CONNECTS(&link, client, server, NULL);
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_NOT_ASKED);
    CHECK_TEXT(certpick_explanation(link.client), "");
    CHECK_TEXT(certpick_message(link.client), "");
    CHECK(certpick_choice(link.client) == SIZE_MAX);
    close_link(&link);
}

static void resumption(int version, enum way way)
{
    SCOPED(certpick_selector) *selector =
        new_selector("other.crt,leaf.crt", "other.key,leaf.key", ",secret");
    SCOPED(SSL_CTX) *client = new_client(version), *server = new_server(version, &chain.root);
    SSL_SESSION *session;
    struct link link;

    use_selector(client, selector, way);
    subject("a resumed session has no CertificateRequest, and the server knows the certificate");
    CHECK(connect_link(&link, client, server));
    check_sent(&link, 1);
    session = SSL_get1_session(link.client);
    close_link(&link);

    open_link(&link, client, server);
    MUST(session != NULL && SSL_set_session(link.client, session));
    CHECK(complete_link(&link));
    CHECK(SSL_session_reused(link.client));
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_NOT_ASKED);
    CHECK_TEXT(certpick_explanation(link.client), "");
    CHECK_INT(certpick_verdict(link.client, 0), 0);
    CHECK(arrived(&link, chain.leaf.cert));
    close_link(&link);
    SSL_SESSION_free(session);
}

static int counting_cert_cb(SSL *ssl, void *calls)
{
    (void)ssl;
    ++*(int *)calls;
    return 1;
}

static void program_sets_cert_cb(int version)
{
    SCOPED(certpick_selector) *selector = new_selector("leaf.crt", "leaf.key", "secret");
    SCOPED(SSL_CTX) *client = new_client(version), *server = new_server(version, &chain.root);
    struct link link;
    int calls = 0;

    subject("certpick_attach does not replace the program's cert_cb");
    SSL_CTX_set_cert_cb(client, counting_cert_cb, &calls);
    CHECK_OK(certpick_attach(client, selector));
    CHECK_CONNECTS(&link, client, server, chain.leaf.cert, chain.inner.cert, chain.outer.cert);
    CHECK(calls > 0);
    close_link(&link);
}

/* The program sets a certificate and attaches a selector. */
static void program_sets_certificate(int version, enum way way)
{
    SCOPED(certpick_selector) *selector = new_selector("leaf.crt", "leaf.key", "secret");
    SCOPED(SSL_CTX) *client = new_client(version), *server = new_server(version, &chain.root);
    SCOPED(SSL_CTX) *mismatched = new_server(version, &chain.leaf);
    struct link link;

    MUST(SSL_CTX_use_certificate(client, other.cert));
    MUST(SSL_CTX_use_PrivateKey(client, other.key));
    use_selector(client, selector, way);
    if (way == BY_CLIENT_CERT_CB) {
        subject("with client_cert_cb the program's certificate is sent, and the selector is not "
                "used");
        CHECK_CONNECTS(&link, client, server, other.cert);
        CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_NOT_ASKED);
        close_link(&link);
    } else {
        subject("with cert_cb the selector replaces the program's certificate");
        CHECK_CONNECTS(&link, client, server, chain.leaf.cert, chain.inner.cert, chain.outer.cert);
        CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_SENT);
        close_link(&link);

        subject("the program's certificate is not sent if no credential of the selector is "
                "suitable");
        CHECK_CONNECTS(&link, client, mismatched, NULL);
        CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_NONE_SUITABLE);
        close_link(&link);
    }
}

static int select_twice(SSL *ssl, void *arg)
{
    certpick_selector **selectors = arg;

    if (certpick_select(ssl, selectors[0]) != CERTPICK_OK)
        return 0;
    return certpick_outcome(ssl) == CERTPICK_OUTCOME_SENT ||
           certpick_select(ssl, selectors[1]) == CERTPICK_OK;
}

static void two_selectors(int version)
{
    SCOPED(SSL_CTX) *client = new_client(version), *server = new_server(version, &chain.root);
    SCOPED(SSL_CTX) *other_server = new_server(version, &other_root);
    SCOPED(certpick_selector) *first = new_selector("other.crt", "other.key", NULL);
    SCOPED(certpick_selector) *second = new_selector("leaf.crt", "leaf.key", "secret");
    certpick_selector *selectors[2];
    struct link link;

    selectors[0] = first;
    selectors[1] = second;
    subject("a program's cert_cb may use one selector after the other");
    SSL_CTX_set_cert_cb(client, select_twice, selectors);
    CHECK_SENDS(client, other_server, other.cert);
    CHECK_CONNECTS(&link, client, server, chain.leaf.cert, chain.inner.cert, chain.outer.cert);
    check_sent(&link, 0);
    close_link(&link);
}

int main(void)
{
    enter_work_dir();
    write_files();
    for (int i = 0; i < 2; i++) {
        for (enum way way = BY_CLIENT_CERT_CB; way < WAYS; way++) {
            each_server(tls_versions[i], way);
            resumption(tls_versions[i], way);
            program_sets_certificate(tls_versions[i], way);
        }
        two_selectors(tls_versions[i]);
        program_sets_cert_cb(tls_versions[i]);
    }
    return finish();
}
