/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A process with more different failures than certpick stores full texts for: 0.crt, 1.crt and so
   on, each from a different CA and without a key. */
#include "two_cas.h"

enum { NUMBER = 80 };

int main(void)
{
    SCOPED(SSL_CTX) *client = new_client(TLS1_3_VERSION);
    struct identity cas[NUMBER];
    char text[100];

    enter_work_dir();
    for (int i = 0; i < NUMBER; i++) {
        snprintf(text, sizeof(text), "CA %d", i);
        cas[i] = new_root(text);
        snprintf(text, sizeof(text), "%d.crt", i);
        write_certs(text, new_leaf("leaf", &cas[i]).cert);
    }
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < NUMBER; i++) {
            SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION, &cas[i]);

            snprintf(text, sizeof(text), "entry %d: certificate present, but not private key file",
                     i + 1);
            subject("the first failures have their full text, the others have a text");
            CHECK_FAILURE(client, server, i < 50 ? text : "");
        }
    return finish();
}
