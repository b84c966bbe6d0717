/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The library is loaded at run time, attached and unloaded; its callbacks work after that. This
   program is not linked against certpick: only its constants and types come from the header. */
#include "support.h"

#include "handshake.h"

#include <certpick.h>
#include <dlfcn.h>

/* ISO C knows no conversion from an object pointer to a function pointer. */
static void find(void *library, const char *name, void *function)
{
    void *found = dlsym(library, name);

    MUST(found != NULL);
    memcpy(function, &found, sizeof(found));
}

static void load_attach_unload(SSL_CTX *client, int by_cert_cb)
{
    certpick_selector *(*new_selector)(void);
    void (*free_selector)(certpick_selector *);
    certpick_status (*add_lists)(certpick_selector *, const char *, const char *, const char *);
    certpick_status (*attach)(SSL_CTX *, certpick_selector *);
    certpick_selector *selector;
    void *library = dlopen(CERTPICK_LIBRARY, RTLD_NOW | RTLD_LOCAL);

    if (library == NULL)
        printf("%s\n", dlerror());
    MUST(library != NULL);
    find(library, "certpick_selector_new", &new_selector);
    find(library, "certpick_selector_free", &free_selector);
    find(library, "certpick_selector_add_lists", &add_lists);
    find(library, by_cert_cb ? "certpick_attach_cert_cb" : "certpick_attach", &attach);
    selector = new_selector();
    CHECK_INT(add_lists(selector, "a.crt,b.crt", "a.key,b.key", ",secret"), CERTPICK_OK);
    CHECK_INT(attach(client, selector), CERTPICK_OK);
    free_selector(selector);
    CHECK_INT(dlclose(library), 0);
}

int main(void)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct identity ca_a, ca_b, a, b;
    int i;

    enter_work_dir();
    ca_a = new_root("CA A");
    ca_b = new_root("CA B");
    a = new_leaf("a", &ca_a);
    b = new_leaf("b", &ca_b);
    write_identity("a", &a, NULL);
    write_identity("b", &b, "secret");
    for (i = 0; i < 4; i++) {
        SSL_CTX *client = new_client(versions[i / 2]);
        SSL_CTX *server = new_server(versions[i / 2], &ca_b, (void *)NULL);
        struct link link;

        subject("after dlclose a handshake still gets its certificate");
        load_attach_unload(client, i % 2);
        CHECK(connect_link(&link, client, server) && exchange_bytes(&link));
        CHECK_ARRIVED(&link, b.cert, (X509 *)NULL);
        close_link(&link);
        SSL_CTX_free(client);
        SSL_CTX_free(server);
    }
    free_identity(&ca_a);
    free_identity(&ca_b);
    free_identity(&a);
    free_identity(&b);
    return finish();
}
