/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Odd chains: CAs that issued each other, CAs of one name, files in every order. */
#include "support.h"

#include "picking.h"

static SSL_CTX *server_for(int version, const struct identity *named)
{
    return new_server(version, named, (void *)NULL);
}

static certpick_selector *with_issuers(const char *sslcert, const char *sslkey, const char *pool)
{
    certpick_selector *selector = certpick_selector_new();

    CHECK_INT(certpick_selector_add_issuers(selector, pool), CERTPICK_OK);
    CHECK_INT(certpick_selector_add_lists(selector, sslcert, sslkey, NULL), CERTPICK_OK);
    return selector;
}

static void every_order(int version)
{
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    struct identity root = new_root("Root");
    struct identity outer = new_intermediate("Outer", &root);
    struct identity inner = new_intermediate("Inner", &outer);
    struct identity leaf = new_leaf("leaf", &inner);
    X509 *certs[3];
    SSL_CTX *server = server_for(version, &root);
    struct link link;
    int i;

    certs[0] = leaf.cert;
    certs[1] = inner.cert;
    certs[2] = outer.cert;
    write_key("leaf.key", leaf.key, NULL);
    for (i = 0; i < 6; i++) {
        const int *order = orders[i];
        certpick_selector *selector;

        subject("a file in any order is sent leaf first, then issuer after issuer");
        write_certs("leaf.crt", certs[order[0]], certs[order[1]], certs[order[2]], (X509 *)NULL);
        selector = new_selector("leaf.crt", "leaf.key", NULL);
        CHECK(connect_picking(&link, version, selector, server));
        CHECK_ARRIVED(&link, leaf.cert, inner.cert, outer.cert, (X509 *)NULL);
        close_link(&link);
        certpick_selector_free(selector);
    }

    subject("a chain may come partly from the file and partly from the issuers");
    write_certs("leaf.crt", leaf.cert, inner.cert, (X509 *)NULL);
    write_certs("pool.pem", root.cert, outer.cert, inner.cert, (X509 *)NULL);
    {
        certpick_selector *selector = with_issuers("leaf.crt", "leaf.key", "pool.pem");

        CHECK(connect_picking(&link, version, selector, server));
        CHECK_ARRIVED(&link, leaf.cert, inner.cert, outer.cert, (X509 *)NULL);
        close_link(&link);
        certpick_selector_free(selector);
    }
    SSL_CTX_free(server);
    free_identity(&root);
    free_identity(&outer);
    free_identity(&inner);
    free_identity(&leaf);
}

static void ring(int version)
{
    struct identity root = new_root("Root");
    struct identity x = new_intermediate("X", &root);
    struct identity y = new_intermediate("Y", &x);
    struct identity leaf = new_leaf("leaf", &x);
    X509 *x_by_y = cross_sign("X", &x, &y);
    SSL_CTX *server = server_for(version, &root), *y_server = server_for(version, &y);
    certpick_selector *selector;
    STACK_OF(X509) *chain;
    struct link link;

    subject("CAs that issued each other make a chain that ends");
    write_identity("leaf", &leaf, NULL);
    write_certs("pool.pem", y.cert, x_by_y, (X509 *)NULL);
    selector = with_issuers("leaf.crt", "leaf.key", "pool.pem");
    CHECK(connect_picking(&link, version, selector, y_server));
    CHECK(arrived(&link, leaf.cert));
    chain = SSL_get_peer_cert_chain(link.server);
    CHECK(sk_X509_num(chain) >= 1 && sk_X509_num(chain) <= 2);
    CHECK(X509_cmp(sk_X509_value(chain, 0), x_by_y) == 0);
    close_link(&link);
    CHECK(connect_picking(&link, version, selector, server));
    CHECK_ARRIVED(&link, NULL);
    close_link(&link);
    certpick_selector_free(selector);

    subject("of two certificates of one CA the one goes that leads to a name of the server");
    write_certs("pool.pem", y.cert, x_by_y, x.cert, (X509 *)NULL);
    selector = with_issuers("leaf.crt", "leaf.key", "pool.pem");
    CHECK(connect_picking(&link, version, selector, server));
    CHECK(arrived(&link, leaf.cert));
    chain = SSL_get_peer_cert_chain(link.server);
    CHECK(X509_cmp(sk_X509_value(chain, sk_X509_num(chain) - 1), x.cert) == 0);
    close_link(&link);
    certpick_selector_free(selector);
    X509_free(x_by_y);
    SSL_CTX_free(server);
    SSL_CTX_free(y_server);
    free_identity(&root);
    free_identity(&x);
    free_identity(&y);
    free_identity(&leaf);
}

static void namesakes(int version)
{
    struct identity root = new_root("Root");
    struct identity old_ca = new_intermediate("CA", &root);
    struct identity new_ca = new_intermediate("CA", &root);
    struct identity leaf = new_leaf("leaf", &new_ca);
    SSL_CTX *server = server_for(version, &root);
    certpick_selector *selector;
    struct link link;

    subject("of two CAs of one name the one is sent that signed, whichever comes first");
    write_identity("leaf", &leaf, NULL);
    write_certs("pool.pem", old_ca.cert, new_ca.cert, (X509 *)NULL);
    selector = with_issuers("leaf.crt", "leaf.key", "pool.pem");
    CHECK(connect_picking(&link, version, selector, server));
    CHECK_ARRIVED(&link, leaf.cert, new_ca.cert, (X509 *)NULL);
    close_link(&link);
    certpick_selector_free(selector);

    write_certs("leaf.crt", leaf.cert, old_ca.cert, new_ca.cert, (X509 *)NULL);
    selector = new_selector("leaf.crt", "leaf.key", NULL);
    CHECK(connect_picking(&link, version, selector, server));
    CHECK_ARRIVED(&link, leaf.cert, new_ca.cert, (X509 *)NULL);
    close_link(&link);
    certpick_selector_free(selector);
    SSL_CTX_free(server);
    free_identity(&root);
    free_identity(&old_ca);
    free_identity(&new_ca);
    free_identity(&leaf);
}

static void signed_by_itself(int version)
{
    struct identity leaf = new_leaf("self", NULL);
    SSL_CTX *server = server_for(version, &leaf);
    SSL_CTX *anybodys = new_server(version, (void *)NULL);
    certpick_selector *selector;
    struct link link;

    subject("a certificate that is signed by itself is sent alone");
    write_identity("self", &leaf, NULL);
    selector = new_selector("self.crt", "self.key", NULL);
    CHECK(connect_picking(&link, version, selector, server));
    CHECK_ARRIVED(&link, leaf.cert, (X509 *)NULL);
    close_link(&link);
    CHECK(connect_picking(&link, version, selector, anybodys));
    CHECK_ARRIVED(&link, leaf.cert, (X509 *)NULL);
    close_link(&link);
    certpick_selector_free(selector);
    SSL_CTX_free(server);
    SSL_CTX_free(anybodys);
    free_identity(&leaf);
}

int main(void)
{
    int i;

    enter_work_dir();
    for (i = 0; i < 2; i++) {
        every_order(tls_versions[i]);
        ring(tls_versions[i]);
        namesakes(tls_versions[i]);
        signed_by_itself(tls_versions[i]);
    }
    return finish();
}
