/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The version, status texts, references, options, and what "frozen" means. */
#include "support.h"

#include "picking.h"

#include <limits.h>

static void version_and_texts(void)
{
    certpick_status status, other;

    subject("header and library are of one version");
    CHECK_TEXT(certpick_version(), CERTPICK_VERSION);
    CHECK_INT(certpick_version_number(), CERTPICK_VERSION_NUMBER);

    subject("every status has a text of its own");
    for (status = CERTPICK_OK; status <= CERTPICK_ERROR_NONE_SUITABLE; status++) {
        const char *text = certpick_status_text(status);

        CHECK(text != NULL && text[0] != '\0');
        CHECK(text == certpick_status_text(status));
        for (other = CERTPICK_OK; other < status; other++)
            CHECK(strcmp(text, certpick_status_text(other)) != 0);
    }

    subject("a number that is no status has a text too");
    CHECK(certpick_status_text(-1) != NULL && certpick_status_text(-1)[0] != '\0');
    CHECK(certpick_status_text(1000) != NULL && certpick_status_text(1000)[0] != '\0');
    CHECK(certpick_status_text(INT32_MIN) != NULL && certpick_status_text(INT32_MAX) != NULL);
}

static void references(void)
{
    certpick_selector *selector = certpick_selector_new();
    certpick_selector *another = certpick_selector_new();

    subject("a new selector is empty");
    MUST(selector != NULL && another != NULL);
    CHECK(selector != another);
    CHECK_INT(certpick_selector_count(selector), 0);
    CHECK_TEXT(certpick_selector_error(selector), "");
    CHECK_INT(certpick_selector_validate(selector), CERTPICK_OK);

    subject("a selector lives as long as its last reference");
    CHECK_INT(certpick_selector_up_ref(selector), CERTPICK_OK);
    CHECK_INT(certpick_selector_up_ref(selector), CERTPICK_OK);
    certpick_selector_free(selector);
    certpick_selector_free(selector);
    CHECK_INT(certpick_selector_add_files(selector, "a.crt", "a.key", NULL), CERTPICK_OK);
    CHECK_INT(certpick_selector_count(selector), 1);
    certpick_selector_free(selector);

    subject("selectors are independent of each other");
    CHECK_INT(certpick_selector_count(another), 0);
    certpick_selector_free(another);
    certpick_selector_free(NULL);
}

static void counting(void)
{
    certpick_selector *selector = certpick_selector_new();

    subject("credentials of every kind are counted in the order in which they came");
    CHECK_INT(certpick_selector_add_files(selector, "a.crt", "a.key", NULL), CERTPICK_OK);
    CHECK_INT(certpick_selector_count(selector), 1);
    CHECK_INT(certpick_selector_add_lists(selector, "a.crt,b.crt", "a.key,b.key", NULL), CERTPICK_OK);
    CHECK_INT(certpick_selector_count(selector), 3);
    CHECK_INT(certpick_selector_add_lists(selector, "b.crt", "b.key", ""), CERTPICK_OK);
    CHECK_INT(certpick_selector_count(selector), 4);
    CHECK_INT(certpick_selector_validate(selector), CERTPICK_OK);
    CHECK_INT(certpick_selector_count(selector), 4);

    subject("issuers are no credentials");
    CHECK_INT(certpick_selector_add_issuers(selector, "a.crt"), CERTPICK_OK);
    CHECK_INT(certpick_selector_count(selector), 4);
    CHECK_TEXT(certpick_selector_error(selector), "");
    certpick_selector_free(selector);
}

static void options(void)
{
    static const struct {
        int32_t option;
        int64_t last;
    } known[] = {{CERTPICK_OPTION_EMPTY_CA_LIST, CERTPICK_EMPTY_CA_LIST_SEND_NONE},
                 {CERTPICK_OPTION_FLAWED, CERTPICK_FLAWED_EXCLUDE},
                 {CERTPICK_OPTION_NONE_SUITABLE, CERTPICK_NONE_SUITABLE_ABORT},
                 {CERTPICK_OPTION_CACHE, CERTPICK_CACHE_ON}};
    static const int32_t unknown[] = {0, -1, 5, 1000, INT32_MAX, INT32_MIN};
    certpick_selector *selector = certpick_selector_new();
    size_t i;
    int64_t value;

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        subject("an option takes its named values");
        for (value = 0; value <= known[i].last; value++)
            CHECK_INT(certpick_selector_set_option(selector, known[i].option, value), CERTPICK_OK);

        subject("an option refuses any other value");
        CHECK_INT(certpick_selector_set_option(selector, known[i].option, known[i].last + 1),
                  CERTPICK_ERROR_ARGUMENT);
        CHECK_INT(certpick_selector_set_option(selector, known[i].option, -1),
                  CERTPICK_ERROR_ARGUMENT);
        /* These are 0 where somebody cuts them to 32 bits. */
        CHECK_INT(certpick_selector_set_option(selector, known[i].option, INT64_MIN),
                  CERTPICK_ERROR_ARGUMENT);
        CHECK_INT(certpick_selector_set_option(selector, known[i].option, (int64_t)1 << 32),
                  CERTPICK_ERROR_ARGUMENT);
        CHECK(certpick_selector_error(selector)[0] != '\0');
    }
    subject("an unknown option is refused");
    for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
        CHECK_INT(certpick_selector_set_option(selector, unknown[i], 0), CERTPICK_ERROR_ARGUMENT);
    certpick_selector_free(selector);
}

static int no_password(char *buf, int size, const char *key_file, void *arg)
{
    (void)buf;
    (void)size;
    (void)key_file;
    (void)arg;
    return -1;
}

static void check_frozen(certpick_selector *selector, const struct two *two)
{
    CHECK_INT(certpick_selector_add_lists(selector, "b.crt", "b.key", NULL), CERTPICK_ERROR_FROZEN);
    CHECK_INT(certpick_selector_add_files(selector, "b.crt", "b.key", NULL), CERTPICK_ERROR_FROZEN);
    CHECK_INT(certpick_selector_add_credential(selector, two->b.cert, two->b.key, NULL),
              CERTPICK_ERROR_FROZEN);
    CHECK_INT(certpick_selector_add_issuers(selector, "b.crt"), CERTPICK_ERROR_FROZEN);
    CHECK_INT(certpick_selector_set_password_callback(selector, no_password, NULL),
              CERTPICK_ERROR_FROZEN);
    CHECK_INT(certpick_selector_set_option(selector, CERTPICK_OPTION_FLAWED, CERTPICK_FLAWED_EXCLUDE),
              CERTPICK_ERROR_FROZEN);
    CHECK_INT(certpick_selector_count(selector), 1);
    CHECK_TEXT(certpick_selector_error(selector), "");
    CHECK_INT(certpick_selector_validate(selector), CERTPICK_OK);
    CHECK_INT(certpick_selector_up_ref(selector), CERTPICK_OK);
    certpick_selector_free(selector);
}

static void freezing(const struct two *two, enum way way)
{
    certpick_selector *selector = new_selector("a.crt", "a.key", NULL);
    SSL_CTX *client = new_client(TLS1_3_VERSION), *server;
    SSL_CTX *second = new_client(TLS1_2_VERSION);
    struct link link;

    use_selector(client, selector, way);
    if (way == BY_OWN_CERT_CB) {
        subject("a selector that has selected is frozen");
        server = new_server(TLS1_3_VERSION, &two->ca_a, (void *)NULL);
        CHECK(connect_link(&link, client, server));
        CHECK_INT(last_select_status(), CERTPICK_OK);
        close_link(&link);
        SSL_CTX_free(server);
    } else {
        subject("an attached selector is frozen, and its error text no longer changes");
    }
    check_frozen(selector, two);

    subject("a frozen selector can be attached to more contexts");
    CHECK_INT(certpick_attach(second, selector), CERTPICK_OK);
    CHECK_INT(certpick_attach_cert_cb(second, selector), CERTPICK_OK);
    SSL_CTX_free(client);
    SSL_CTX_free(second);
    check_frozen(selector, two);
    certpick_selector_free(selector);
}

static void another_in_its_place(const struct two *two)
{
    certpick_selector *first = new_selector("a.crt", "a.key", NULL);
    certpick_selector *then = new_selector("b.crt", "b.key", NULL);
    SSL_CTX *client = new_client(TLS1_3_VERSION);
    SSL_CTX *server = new_server(TLS1_3_VERSION, (void *)NULL);
    struct link link;

    subject("a selector that is attached later takes the place of the earlier one");
    CHECK_INT(certpick_attach(client, first), CERTPICK_OK);
    CHECK_INT(certpick_attach(client, then), CERTPICK_OK);
    certpick_selector_free(first);
    certpick_selector_free(then);
    CHECK(connect_link(&link, client, server) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, two->b.cert, (X509 *)NULL);
    close_link(&link);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
}

int main(void)
{
    struct two two;

    enter_work_dir();
    make_two(&two);
    version_and_texts();
    references();
    counting();
    options();
    freezing(&two, BY_CLIENT_CERT_CB);
    freezing(&two, BY_CERT_CB);
    freezing(&two, BY_OWN_CERT_CB);
    another_in_its_place(&two);
    free_two(&two);
    return finish();
}
