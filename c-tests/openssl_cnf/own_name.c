/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A program that has a name of its own for where its part of openssl.cnf begins, as Node.js has.
   That part has a setting that does not exist. */
#include "support.h"

#include "two_cas.h"

int main(void)
{
    OPENSSL_INIT_SETTINGS *settings = OPENSSL_INIT_new();
    SSL_CTX *server_a, *client;
    struct two two;

    MUST(settings != NULL && OPENSSL_INIT_set_config_appname(settings, "own_name"));
    MUST(OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, settings));
    OPENSSL_INIT_free(settings);
    make_two(&two);
    server_a = new_server(TLS1_3_VERSION, &two.ca_a, (void *)NULL);
    client = new_client(TLS1_3_VERSION);
    subject("an unknown setting is told here too");
    CHECK_FAILURE(client, server_a, "certpick settings in openssl.cnf: unknown setting");
    SSL_CTX_free(client);
    SSL_CTX_free(server_a);
    free_two(&two);
    return finish();
}
