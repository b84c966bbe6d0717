/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tests of the support code that do not use certpick. */
#include "handshake.h"

#include <openssl/err.h>

static void handshake(int version, const struct identity *root, const struct identity *middle,
                      const struct identity *leaf)
{
    SCOPED(SSL_CTX) *server = new_server(version, root), *client = new_client(version);
    struct link link;

    subject("a client without a certificate sends none, and the server accepts it");
    CHECK_CONNECTS(&link, client, server, NULL);
    CHECK_INT(sk_X509_NAME_num(SSL_get_client_CA_list(link.client)), 1);
    close_link(&link);

    subject("a client with a certificate and a chain sends both");
    MUST(SSL_CTX_use_certificate(client, leaf->cert) && SSL_CTX_use_PrivateKey(client, leaf->key));
    MUST(SSL_CTX_add1_chain_cert(client, middle->cert));
    CHECK_CONNECTS(&link, client, server, leaf->cert, middle->cert);
    CHECK(!arrived(&link, middle->cert));
    CHECK(!arrived(&link, NULL));
    close_link(&link);
}

static int refuse(SSL *ssl, void *arg)
{
    (void)ssl, (void)arg;
    queue_markers(2);
    return 0;
}

static void failing_handshake(int version, const struct identity *root)
{
    SCOPED(SSL_CTX) *server = new_server(version, root), *client = new_client(version);
    struct link link;

    subject("a failure is detected, with its entries in the error queue");
    SSL_CTX_set_cert_cb(client, refuse, NULL);
    CHECK(!connect_link(&link, client, server));
    CHECK_INT(link.client_failed, 1);
    CHECK_INT(link.client_error, SSL_ERROR_SSL);
    CHECK(link.client_queue.length >= 3 && is_marker(link.client_queue.codes[0]));
    CHECK_INT(foreign_entries(&link.client_queue), 0);
    close_link(&link);
}

int main(void)
{
    struct identity root, middle, leaf;
    char *text, *old_text;

    enter_work_dir();
    root = new_root("root");
    middle = new_intermediate("middle", &root);
    leaf = new_leaf("leaf", &middle);
    handshake(TLS1_2_VERSION, &root, &middle, &leaf);
    handshake(TLS1_3_VERSION, &root, &middle, &leaf);
    failing_handshake(TLS1_2_VERSION, &root);
    failing_handshake(TLS1_3_VERSION, &root);

    subject("files contain what was written");
    write_identity("leaf", &leaf, "secret");
    write_traditional_key("old.key", leaf.key, "secret");
    text = read_file("leaf.key", NULL);
    old_text = read_file("old.key", NULL);
    CHECK_BEGINS(text, "-----BEGIN ENCRYPTED PRIVATE KEY-----");
    CHECK_BEGINS(old_text, "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED");
    free(text);
    free(old_text);

    subject("markers in the error queue can be checked");
    queue_markers(3);
    CHECK_ONLY_MARKERS(3);
    CHECK_ONLY_MARKERS(0);

    return finish();
}
