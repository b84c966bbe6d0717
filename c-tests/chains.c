/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Unusual chains: cross-signed CAs, CAs with the same name, files in every order. */
#include "picking.h"

static certpick_selector *new_selector_with_issuers(const char *issuers)
{
    certpick_selector *selector = certpick_selector_new();

    CHECK_OK(certpick_selector_add_issuers(selector, issuers));
    CHECK_OK(certpick_selector_add_lists(selector, "leaf.crt", "leaf.key", NULL));
    return selector;
}

static void every_order(int version)
{
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    struct chain c = new_chain();
    X509 *const certs[] = {c.leaf.cert, c.inner.cert, c.outer.cert};
    SCOPED(SSL_CTX) *server = new_server(version, &c.root);

    write_key("leaf.key", c.leaf.key, NULL);
    subject("certificates in any order in the file are sent leaf first, then each issuer");
    for (int i = 0; i < 6; i++) {
        const int *order = orders[i];

        write_certs("leaf.crt", certs[order[0]], certs[order[1]], certs[order[2]]);
        SCOPED(certpick_selector) *selector = new_selector("leaf.crt", "leaf.key", NULL);
        CHECK_SELECTOR_SENDS(version, selector, server, c.leaf.cert, c.inner.cert, c.outer.cert);
    }

    subject("a chain can consist of certificates from the file and from the issuers");
    write_certs("leaf.crt", c.leaf.cert, c.inner.cert);
    write_certs("pool.pem", c.root.cert, c.outer.cert, c.inner.cert);
    SCOPED(certpick_selector) *selector = new_selector_with_issuers("pool.pem");
    CHECK_SELECTOR_SENDS(version, selector, server, c.leaf.cert, c.inner.cert, c.outer.cert);
}

static void cross_signed_cas(int version)
{
    struct identity root = new_root("Root"), x = new_intermediate("X", &root);
    struct identity y = new_intermediate("Y", &x), leaf = new_leaf("leaf", &x);
    X509 *x_by_y = cross_sign("X", &x, &y);
    SCOPED(SSL_CTX) *server = new_server(version, &root), *y_server = new_server(version, &y);
    STACK_OF(X509) *chain;
    struct link link;

    subject("the chain of cross-signed CAs ends");
    write_identity("leaf", &leaf, NULL);
    write_certs("pool.pem", y.cert, x_by_y);
    SCOPED(certpick_selector) *selector = new_selector_with_issuers("pool.pem");
    CHECK(connect_selector(&link, version, selector, y_server));
    CHECK(arrived(&link, leaf.cert));
    chain = SSL_get_peer_cert_chain(link.server);
    CHECK(sk_X509_num(chain) >= 1 && sk_X509_num(chain) <= 2);
    CHECK(X509_cmp(sk_X509_value(chain, 0), x_by_y) == 0);
    close_link(&link);
    CHECK_SELECTOR_SENDS(version, selector, server, NULL);

    subject("of two certificates of a CA, the one that leads to a CA named by the server is sent");
    write_certs("pool.pem", y.cert, x_by_y, x.cert);
    SCOPED(certpick_selector) *with_original = new_selector_with_issuers("pool.pem");
    CHECK(connect_selector(&link, version, with_original, server));
    CHECK(arrived(&link, leaf.cert));
    chain = SSL_get_peer_cert_chain(link.server);
    CHECK(X509_cmp(sk_X509_value(chain, sk_X509_num(chain) - 1), x.cert) == 0);
    close_link(&link);
}

static void same_name(int version)
{
    struct identity root = new_root("Root"), old_ca = new_intermediate("CA", &root);
    struct identity new_ca = new_intermediate("CA", &root), leaf = new_leaf("leaf", &new_ca);
    SCOPED(SSL_CTX) *server = new_server(version, &root);

    subject("of two CAs with the same name, the one that signed the certificate is sent");
    write_identity("leaf", &leaf, NULL);
    write_certs("pool.pem", old_ca.cert, new_ca.cert);
    SCOPED(certpick_selector) *from_pool = new_selector_with_issuers("pool.pem");
    CHECK_SELECTOR_SENDS(version, from_pool, server, leaf.cert, new_ca.cert);

    write_certs("leaf.crt", leaf.cert, old_ca.cert, new_ca.cert);
    SCOPED(certpick_selector) *from_file = new_selector("leaf.crt", "leaf.key", NULL);
    CHECK_SELECTOR_SENDS(version, from_file, server, leaf.cert, new_ca.cert);
}

static void self_signed(int version)
{
    struct identity leaf = new_leaf("self", NULL);
    SCOPED(SSL_CTX) *server = new_server(version, &leaf), *nameless = new_server(version);

    subject("a self-signed certificate is sent alone");
    write_identity("self", &leaf, NULL);
    SCOPED(certpick_selector) *selector = new_selector("self.crt", "self.key", NULL);
    CHECK_SELECTOR_SENDS(version, selector, server, leaf.cert);
    CHECK_SELECTOR_SENDS(version, selector, nameless, leaf.cert);
}

int main(void)
{
    enter_work_dir();
    for (int i = 0; i < 2; i++) {
        every_order(tls_versions[i]);
        cross_signed_cas(tls_versions[i]);
        same_name(tls_versions[i]);
        self_signed(tls_versions[i]);
    }
    return finish();
}
