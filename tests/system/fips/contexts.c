/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* An SSL_CTX in a library context whose openssl.cnf differs from that of the process. Arguments: that
   openssl.cnf, the CA, sslcert, sslkey, sslpassword, and the start of the error, or "" if the
   certificate is sent. */
#include "picking.h"

#include <openssl/err.h>
#include <openssl/provider.h>

static void check_connection(OSSL_LIB_CTX *library, SSL_CTX *server, char **arguments, int version)
{
    SCOPED(certpick_selector) *selector = new_selector(arguments[2], arguments[3], arguments[4]);
    SSL_CTX *client = SSL_CTX_new_ex(library, NULL, TLS_client_method());
    SCOPED(X509) *cert = read_certificate(arguments[2]);
    struct link link;

    MUST(client != NULL && SSL_CTX_set_min_proto_version(client, version));
    MUST(SSL_CTX_set_max_proto_version(client, version));
    MUST(certpick_attach(client, selector) == CERTPICK_OK);
    open_link(&link, client, server);
    if (arguments[5][0] == '\0') {
        CHECK_COMPLETES(&link, cert);
        close_link(&link);
    } else {
        CHECK_FAILS(&link, arguments[5]);
    }
    SSL_CTX_free(client);
}

int main(int argc, char **argv)
{
    OSSL_LIB_CTX *library = OSSL_LIB_CTX_new();
    struct identity ca = {NULL, NULL};

    MUST(argc == 7 && library != NULL && OSSL_LIB_CTX_load_config(library, argv[1]));
    ca.cert = read_certificate(argv[2]);
    for (int i = 0; i < 2; i++) {
        SCOPED(SSL_CTX) *server = new_server(tls_versions[i], &ca);

        check_connection(library, server, argv + 1, tls_versions[i]);
    }
    X509_free(ca.cert);
    OSSL_LIB_CTX_free(library);
    return finish();
}
