/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A TLS 1.3 client and server in one thread, connected in memory. */
#ifndef CERTPICK_BENCH_MEMORY_LINK_H
#define CERTPICK_BENCH_MEMORY_LINK_H

#include <openssl/ssl.h>

#define MUST(condition) ((condition) ? (void)0 : give_up(__FILE__, __LINE__, #condition))

struct memory_link {
    SSL *client;
    SSL *server;
};

void give_up(const char *file, int line, const char *what);
/* Returns a server that requests a certificate of these CAs and accepts any. Takes ownership of the
   names. */
SSL_CTX *new_memory_server(const char *certificate, const char *key, STACK_OF(X509_NAME) *names);
void open_memory_link(struct memory_link *link, SSL_CTX *client, SSL_CTX *server);
int shake_hands(struct memory_link *link);
void close_memory_link(struct memory_link *link);

#endif
