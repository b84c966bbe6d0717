/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* More different failures in one process than certpick keeps the words of: 0.crt, 1.crt and so on,
   each of a CA of its own and none with a key. */
#include "support.h"

#include "two_cas.h"

enum { NUMBER = 80 };

int main(void)
{
    SSL_CTX *client = new_client(TLS1_3_VERSION);
    struct identity cas[NUMBER];
    char text[100];
    int i, round;

    enter_work_dir();
    for (i = 0; i < NUMBER; i++) {
        struct identity leaf;

        snprintf(text, sizeof(text), "CA %d", i);
        cas[i] = new_root(text);
        leaf = new_leaf("leaf", &cas[i]);
        snprintf(text, sizeof(text), "%d.crt", i);
        write_certs(text, leaf.cert, (X509 *)NULL);
        free_identity(&leaf);
    }
    for (round = 0; round < 2; round++)
        for (i = 0; i < NUMBER; i++) {
            SSL_CTX *server = new_server(TLS1_3_VERSION, &cas[i], (void *)NULL);

            snprintf(text, sizeof(text), "entry %d: certificate present, but not private key file", i + 1);
            subject("the first failures are told in all their words, the others in some");
            CHECK_FAILURE(client, server, i < 50 ? text : "");
            SSL_CTX_free(server);
        }
    for (i = 0; i < NUMBER; i++)
        free_identity(&cas[i]);
    SSL_CTX_free(client);
    return finish();
}
