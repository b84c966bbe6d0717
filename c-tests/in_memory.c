/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Credentials from memory: ownership, and what is refused. Issuers that complete a chain. */
#include "picking.h"

static int freed;

static void count_freed(void *parent, void *ptr, CRYPTO_EX_DATA *data, int index, long argl,
                        void *argp)
{
    (void)parent, (void)data, (void)index, (void)argl, (void)argp;
    if (ptr != NULL)
        freed++;
}

static void count_frees_of(X509 *cert)
{
    static int index = -1;

    if (index < 0)
        index = X509_get_ex_new_index(0, NULL, NULL, NULL, count_freed);
    MUST(X509_set_ex_data(cert, index, &freed));
}

/* Adds the credential of a chain, with the certificates in the list, which ends with NULL. */
static void add_credential(certpick_selector *selector, const struct chain *c, X509 *const *list)
{
    STACK_OF(X509) *certs = sk_X509_new_null();
    int n = 0;

    for (; list[n] != NULL; n++)
        MUST(sk_X509_push(certs, list[n]) > 0);
    CHECK_OK(certpick_selector_add_credential(selector, c->leaf.cert, c->leaf.key, certs));
    CHECK_INT(sk_X509_num(certs), n);
    sk_X509_free(certs);
}

static void references(int version)
{
    struct chain c = new_chain();
    struct identity unrelated = new_root("Unrelated");
    X509 *const certs[] = {unrelated.cert, c.root.cert, c.outer.cert, c.inner.cert, NULL};
    certpick_selector *selector = certpick_selector_new();
    SCOPED(SSL_CTX) *server = new_server(version, &c.root);
    struct link link;

    subject("the selector has its own references to a credential from memory");
    count_frees_of(c.leaf.cert);
    count_frees_of(c.inner.cert);
    freed = 0;
    add_credential(selector, &c, certs);
    CHECK_INT(certpick_selector_count(selector), 1);
    free_identity(&c.inner);
    free_identity(&c.leaf);
    CHECK_INT(freed, 0);
    CHECK_OK(certpick_selector_validate(selector));

    CHECK(connect_selector(&link, version, selector, server));
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_SENT);
    CHECK_INT(sk_X509_num(SSL_get_peer_cert_chain(link.server)), 2);
    CHECK_HAS(certpick_explanation(link.client), "leaf");
    certpick_selector_free(selector);
    /* The client's SSL may have references. The server's SSL has its own copies. */
    close_link(&link);
    CHECK_INT(freed, 2);
}

static void chains_in_memory(int version)
{
    struct chain c = new_chain();
    struct identity unrelated = new_root("Unrelated");
    X509 *const certs[] = {c.outer.cert, unrelated.cert, c.root.cert, c.leaf.cert,
                           c.inner.cert, c.inner.cert,   NULL};
    SCOPED(certpick_selector) *selector = certpick_selector_new(), *alone = certpick_selector_new();
    SCOPED(SSL_CTX) *server = new_server(version, &c.root);
    struct link link;

    subject("a chain from memory is sent in order, without root, unrelated certificates or "
            "duplicates");
    add_credential(selector, &c, certs);
    CHECK_SELECTOR_SENDS(version, selector, server, c.leaf.cert, c.inner.cert, c.outer.cert);

    subject("an empty chain is the same as no chain");
    add_credential(alone, &c, certs + COUNT(certs) - 1);
    CHECK_OK(certpick_selector_add_credential(alone, c.leaf.cert, c.leaf.key, NULL));
    CHECK_INT(certpick_selector_count(alone), 2);
    CHECK_SELECTOR_CONNECTS(&link, version, alone, server, NULL);
    CHECK_INT(certpick_verdict(link.client, 0), CERTPICK_REASON_ISSUER);
    CHECK_INT(certpick_verdict(link.client, 1), CERTPICK_REASON_ISSUER);
    close_link(&link);
}

static void mismatch(void)
{
    static const struct traits other_kind = {.kind = KEY_ED25519};
    struct chain c = new_chain();
    struct identity other = new_leaf_with("other", NULL, &other_kind);
    SCOPED(certpick_selector) *selector = certpick_selector_new();
    SCOPED(X509) *empty = X509_new();

    subject("a key that belongs to another certificate is refused");
    CHECK_INT(certpick_selector_add_credential(selector, c.leaf.cert, c.inner.key, NULL),
              CERTPICK_ERROR_KEY_MISMATCH);
    CHECK_HAS(certpick_selector_error(selector), "mismatch");
    CHECK_INT(certpick_selector_add_credential(selector, c.leaf.cert, other.key, NULL),
              CERTPICK_ERROR_KEY_MISMATCH);
    CHECK_INT(certpick_selector_count(selector), 0);

    subject("an empty certificate is an error");
    CHECK(certpick_selector_add_credential(selector, empty, c.leaf.key, NULL) != CERTPICK_OK);
    CHECK_INT(certpick_selector_count(selector), 0);

    subject("the right key is accepted after a refusal");
    CHECK_OK(certpick_selector_add_credential(selector, c.leaf.cert, c.leaf.key, NULL));
    CHECK_INT(certpick_selector_count(selector), 1);
    CHECK_OK(certpick_selector_validate(selector));
}

static void issuers(int version, int issuers_first)
{
    struct chain c = new_chain();
    struct identity unrelated = new_root("Unrelated");
    SCOPED(certpick_selector) *selector = certpick_selector_new();
    SCOPED(SSL_CTX) *server = new_server(version, &c.root),
                    *other_server = new_server(version, &unrelated);
    struct link link;

    subject("issuers complete a chain, whether they are added before or after the credential");
    write_certs("pool.pem", c.root.cert, unrelated.cert, c.outer.cert);
    write_certs("inner.pem", c.inner.cert);
    write_identity("leaf", &c.leaf, NULL);
    for (int step = 0; step < 2; step++) {
        if (step == issuers_first) {
            CHECK_OK(certpick_selector_add_files(selector, "leaf.crt", "leaf.key", NULL));
        } else {
            CHECK_OK(certpick_selector_add_issuers(selector, "pool.pem"));
            CHECK_OK(certpick_selector_add_issuers(selector, "inner.pem"));
        }
    }
    CHECK_INT(certpick_selector_count(selector), 1);
    CHECK_SELECTOR_SENDS(version, selector, server, c.leaf.cert, c.inner.cert, c.outer.cert);

    subject("an issuer is not sent as the client's certificate");
    CHECK_SELECTOR_SENDS(version, selector, other_server, NULL);

    subject("without the issuers the credential does not match");
    SCOPED(certpick_selector) *incomplete = new_selector("leaf.crt", "leaf.key", NULL);
    CHECK_SELECTOR_CONNECTS(&link, version, incomplete, server, NULL);
    CHECK_INT(certpick_verdict(link.client, 0), CERTPICK_REASON_ISSUER);
    close_link(&link);
}

int main(void)
{
    enter_work_dir();
    for (int i = 0; i < 2; i++) {
        references(tls_versions[i]);
        chains_in_memory(tls_versions[i]);
        issuers(tls_versions[i], i);
    }
    mismatch();
    return finish();
}
