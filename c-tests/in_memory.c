/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Credentials held in memory: who owns what, what is refused; and issuers that fill a gap. */
#include "support.h"

#include "picking.h"

static int freed;

static void count_freed(void *parent, void *ptr, CRYPTO_EX_DATA *data, int index, long argl,
                        void *argp)
{
    (void)parent;
    (void)data;
    (void)index;
    (void)argl;
    (void)argp;
    if (ptr != NULL)
        freed++;
}

static void watch(X509 *cert)
{
    static int index = -1;

    if (index < 0)
        index = X509_get_ex_new_index(0, NULL, NULL, NULL, count_freed);
    MUST(X509_set_ex_data(cert, index, &freed));
}

struct parties {
    struct identity root, outer, inner, leaf, stranger;
};

static void make_parties(struct parties *p)
{
    p->root = new_root("Root");
    p->outer = new_intermediate("Outer", &p->root);
    p->inner = new_intermediate("Inner", &p->outer);
    p->leaf = new_leaf("leaf", &p->inner);
    p->stranger = new_root("Stranger");
}

static void free_parties(struct parties *p)
{
    free_identity(&p->root);
    free_identity(&p->outer);
    free_identity(&p->inner);
    free_identity(&p->leaf);
    free_identity(&p->stranger);
}

static void references(int version)
{
    struct parties p;
    certpick_selector *selector = certpick_selector_new();
    STACK_OF(X509) *chain = sk_X509_new_null();
    SSL_CTX *server;
    struct link link;

    subject("a credential in memory is kept by references of the selector's own");
    make_parties(&p);
    watch(p.leaf.cert);
    watch(p.inner.cert);
    freed = 0;
    server = new_server(version, &p.root, (void *)NULL);
    /* Out of order, with a stranger and the root. */
    MUST(sk_X509_push(chain, p.stranger.cert) > 0 && sk_X509_push(chain, p.root.cert) > 0);
    MUST(sk_X509_push(chain, p.outer.cert) > 0 && sk_X509_push(chain, p.inner.cert) > 0);
    CHECK_INT(certpick_selector_add_credential(selector, p.leaf.cert, p.leaf.key, chain),
              CERTPICK_OK);
    CHECK_INT(certpick_selector_count(selector), 1);
    CHECK_INT(sk_X509_num(chain), 4);
    sk_X509_free(chain);
    free_parties(&p);
    CHECK_INT(freed, 0);
    CHECK_INT(certpick_selector_validate(selector), CERTPICK_OK);

    CHECK(connect_picking(&link, version, selector, server));
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_SENT);
    CHECK_INT(sk_X509_num(SSL_get_peer_cert_chain(link.server)), 2);
    CHECK_HAS(certpick_explanation(link.client), "leaf");
    certpick_selector_free(selector);
    /* The client's SSL may still hold them, the server's has its own copies. */
    close_link(&link);
    CHECK_INT(freed, 2);
    SSL_CTX_free(server);
}

static void chains_in_memory(int version)
{
    struct parties p;
    certpick_selector *selector = certpick_selector_new();
    STACK_OF(X509) *chain = sk_X509_new_null();
    SSL_CTX *server;
    struct link link;

    make_parties(&p);
    server = new_server(version, &p.root, (void *)NULL);
    subject("a chain in memory is put in order, without root, strangers or duplicates");
    MUST(sk_X509_push(chain, p.outer.cert) > 0 && sk_X509_push(chain, p.stranger.cert) > 0);
    MUST(sk_X509_push(chain, p.root.cert) > 0 && sk_X509_push(chain, p.leaf.cert) > 0);
    MUST(sk_X509_push(chain, p.inner.cert) > 0 && sk_X509_push(chain, p.inner.cert) > 0);
    CHECK_INT(certpick_selector_add_credential(selector, p.leaf.cert, p.leaf.key, chain),
              CERTPICK_OK);
    sk_X509_free(chain);
    CHECK(connect_picking(&link, version, selector, server));
    CHECK_ARRIVED(&link, p.leaf.cert, p.inner.cert, p.outer.cert, (X509 *)NULL);
    close_link(&link);
    certpick_selector_free(selector);

    subject("an empty chain and no chain are the same");
    selector = certpick_selector_new();
    chain = sk_X509_new_null();
    CHECK_INT(certpick_selector_add_credential(selector, p.leaf.cert, p.leaf.key, chain),
              CERTPICK_OK);
    CHECK_INT(certpick_selector_add_credential(selector, p.leaf.cert, p.leaf.key, NULL),
              CERTPICK_OK);
    sk_X509_free(chain);
    CHECK_INT(certpick_selector_count(selector), 2);
    CHECK(connect_picking(&link, version, selector, server));
    CHECK_ARRIVED(&link, NULL);
    CHECK_INT(certpick_verdict(link.client, 0), CERTPICK_REASON_ISSUER);
    CHECK_INT(certpick_verdict(link.client, 1), CERTPICK_REASON_ISSUER);
    close_link(&link);
    certpick_selector_free(selector);
    SSL_CTX_free(server);
    free_parties(&p);
}

static void mismatch(void)
{
    struct parties p;
    certpick_selector *selector = certpick_selector_new();
    struct traits other_kind = {KEY_ED25519, NULL, NULL, 0, 0};
    struct identity other = new_leaf_with("other", NULL, &other_kind);
    X509 *bare = X509_new();

    subject("a key that belongs to another certificate is refused at once");
    make_parties(&p);
    CHECK_INT(certpick_selector_add_credential(selector, p.leaf.cert, p.inner.key, NULL),
              CERTPICK_ERROR_KEY_MISMATCH);
    CHECK_HAS(certpick_selector_error(selector), "mismatch");
    CHECK_INT(certpick_selector_add_credential(selector, p.leaf.cert, other.key, NULL),
              CERTPICK_ERROR_KEY_MISMATCH);
    CHECK_INT(certpick_selector_count(selector), 0);

    subject("a certificate without anything in it is an error");
    CHECK(certpick_selector_add_credential(selector, bare, p.leaf.key, NULL) != CERTPICK_OK);
    CHECK_INT(certpick_selector_count(selector), 0);

    subject("after a refusal the right key is taken");
    CHECK_INT(certpick_selector_add_credential(selector, p.leaf.cert, p.leaf.key, NULL), CERTPICK_OK);
    CHECK_INT(certpick_selector_count(selector), 1);
    CHECK_INT(certpick_selector_validate(selector), CERTPICK_OK);
    certpick_selector_free(selector);
    X509_free(bare);
    free_identity(&other);
    free_parties(&p);
}

static void issuers(int version, int issuers_first)
{
    struct parties p;
    certpick_selector *selector = certpick_selector_new();
    SSL_CTX *server;
    struct link link;

    subject("issuers fill the gaps of a chain, whether they are known before or after");
    make_parties(&p);
    server = new_server(version, &p.root, (void *)NULL);
    write_certs("pool.pem", p.root.cert, p.stranger.cert, p.outer.cert, (X509 *)NULL);
    write_certs("inner.pem", p.inner.cert, (X509 *)NULL);
    write_identity("leaf", &p.leaf, NULL);
    if (issuers_first) {
        CHECK_INT(certpick_selector_add_issuers(selector, "pool.pem"), CERTPICK_OK);
        CHECK_INT(certpick_selector_add_issuers(selector, "inner.pem"), CERTPICK_OK);
    }
    CHECK_INT(certpick_selector_add_files(selector, "leaf.crt", "leaf.key", NULL), CERTPICK_OK);
    if (!issuers_first) {
        CHECK_INT(certpick_selector_add_issuers(selector, "pool.pem"), CERTPICK_OK);
        CHECK_INT(certpick_selector_add_issuers(selector, "inner.pem"), CERTPICK_OK);
    }
    CHECK_INT(certpick_selector_count(selector), 1);
    CHECK(connect_picking(&link, version, selector, server));
    CHECK_ARRIVED(&link, p.leaf.cert, p.inner.cert, p.outer.cert, (X509 *)NULL);
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_SENT);
    close_link(&link);
    SSL_CTX_free(server);

    subject("issuers are sent, but never as the client's own certificate");
    server = new_server(version, &p.stranger, (void *)NULL);
    CHECK(connect_picking(&link, version, selector, server));
    CHECK_ARRIVED(&link, NULL);
    close_link(&link);
    SSL_CTX_free(server);
    certpick_selector_free(selector);

    subject("without the issuers the gap stays, and the credential does not match");
    selector = new_selector("leaf.crt", "leaf.key", NULL);
    server = new_server(version, &p.root, (void *)NULL);
    CHECK(connect_picking(&link, version, selector, server));
    CHECK_ARRIVED(&link, NULL);
    CHECK_INT(certpick_verdict(link.client, 0), CERTPICK_REASON_ISSUER);
    close_link(&link);
    SSL_CTX_free(server);
    certpick_selector_free(selector);
    free_parties(&p);
}

int main(void)
{
    int i;

    enter_work_dir();
    for (i = 0; i < 2; i++) {
        references(tls_versions[i]);
        chains_in_memory(tls_versions[i]);
        issuers(tls_versions[i], i);
    }
    mismatch();
    return finish();
}
