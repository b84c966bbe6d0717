/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A program with its own application name for openssl.cnf, like Node.js. The settings under that
   name contain an unknown one. */
#include "two_cas.h"

int main(void)
{
    OPENSSL_INIT_SETTINGS *settings = OPENSSL_INIT_new();
    struct pki pki;

    MUST(settings != NULL && OPENSSL_INIT_set_config_appname(settings, "own_name"));
    MUST(OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, settings));
    OPENSSL_INIT_free(settings);
    set_up_pki(&pki, "secret");
    SCOPED(SSL_CTX) *server_a = new_server(TLS1_3_VERSION, &pki.ca_a);
    SCOPED(SSL_CTX) *client = new_client(TLS1_3_VERSION);
    subject("an unknown setting is reported under any application name");
    CHECK_FAILURE(client, server_a, "certpick settings in openssl.cnf: unknown setting");
    return finish();
}
