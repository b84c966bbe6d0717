/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What speaks against a credential, what only puts it behind others, whom the peer's name favours,
   and how the options change it. */
#include "support.h"

#include "picking.h"

static struct identity ca;

/* The CA's credential with these traits, as name.crt and name.key; gives the certificate. Files that
   are not sent may come from the cache for a second, so that is emptied. */
static X509 *credential(const char *name, const char *common_name, const struct traits *traits)
{
    struct identity made = new_leaf_with(common_name, &ca, traits);

    write_identity(name, &made, NULL);
    certpick_cache_clear();
    EVP_PKEY_free(made.key);
    return made.cert;
}

static certpick_selector *selector_of(const char *first, const char *second)
{
    certpick_selector *selector = certpick_selector_new();
    const char *names[2];
    char cert[64], key[64];
    int i;

    names[0] = first;
    names[1] = second;
    for (i = 0; i < 2 && names[i] != NULL; i++) {
        snprintf(cert, sizeof(cert), "%s.crt", names[i]);
        snprintf(key, sizeof(key), "%s.key", names[i]);
        MUST(certpick_selector_add_files(selector, cert, key, NULL) == CERTPICK_OK);
    }
    return selector;
}

/* One handshake; afterwards the selector is gone. */
static void pick(struct link *link, int version, certpick_selector *selector, SSL_CTX *server)
{
    CHECK(connect_picking(link, version, selector, server));
    certpick_selector_free(selector);
}

static void check_outcome(struct link *link, int outcome, size_t choice, uint32_t first,
                          uint32_t second)
{
    CHECK_INT(certpick_outcome(link->client), outcome);
    CHECK_INT(certpick_choice(link->client), choice);
    CHECK_INT(certpick_verdict(link->client, 0), first);
    CHECK_INT(certpick_verdict(link->client, 1), second);
    close_link(link);
}

static void soft_flaws(int version)
{
    static const struct {
        struct traits traits;
        uint32_t reason;
        const char *word;
    } flaws[] = {
        {{KEY_P256, NULL, NULL, -20, -2}, CERTPICK_REASON_EXPIRED, "expired"},
        {{KEY_P256, NULL, NULL, 2, 20}, CERTPICK_REASON_NOT_YET_VALID, "not yet valid"},
        {{KEY_P256, "keyEncipherment", NULL, 0, 0}, CERTPICK_REASON_KEY_USAGE, "digitalSignature"},
        {{KEY_P256, NULL, "serverAuth", 0, 0}, CERTPICK_REASON_EXTENDED_KEY_USAGE, "clientAuth"},
    };
    SSL_CTX *server = new_server(version, &ca, (void *)NULL);
    X509 *good = credential("good", "good", NULL);
    struct link link;
    size_t i;

    for (i = 0; i < sizeof(flaws) / sizeof(flaws[0]); i++) {
        X509 *flawed = credential("flawed", "flawed", &flaws[i].traits);
        certpick_selector *selector;

        subject("a flawed credential stands behind a good one");
        pick(&link, version, selector_of("flawed", "good"), server);
        CHECK_ARRIVED(&link, good, (X509 *)NULL);
        CHECK_HAS(certpick_explanation(link.client), flaws[i].word);
        check_outcome(&link, CERTPICK_OUTCOME_SENT, 1, flaws[i].reason, 0);

        subject("a flawed credential is sent if there is no better one: the server is the judge");
        pick(&link, version, selector_of("flawed", NULL), server);
        CHECK_ARRIVED(&link, flawed, (X509 *)NULL);
        check_outcome(&link, CERTPICK_OUTCOME_SENT, 0, flaws[i].reason, 0);

        subject("with FLAWED_EXCLUDE a flawed credential is not sent");
        selector = selector_of("flawed", NULL);
        CHECK_INT(certpick_selector_set_option(selector, CERTPICK_OPTION_FLAWED,
                                               CERTPICK_FLAWED_EXCLUDE), CERTPICK_OK);
        pick(&link, version, selector, server);
        CHECK_ARRIVED(&link, NULL);
        check_outcome(&link, CERTPICK_OUTCOME_NONE_SUITABLE, SIZE_MAX, flaws[i].reason, 0);
        X509_free(flawed);
    }
    X509_free(good);

    subject("the right usages are no flaw");
    {
        static const struct traits usual = {KEY_P256, "digitalSignature", "clientAuth", 0, 0};
        static const struct traits any = {KEY_P256, NULL, "anyExtendedKeyUsage", 0, 0};
        X509 *first = credential("first", "first", &usual);
        X509 *second = credential("second", "second", &any);

        pick(&link, version, selector_of("first", "second"), server);
        CHECK_ARRIVED(&link, first, (X509 *)NULL);
        CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_SENT);
        CHECK_INT(certpick_verdict(link.client, 0), 0);
        close_link(&link);
        X509_free(first);
        X509_free(second);
    }

    subject("every reason is collected, not only the first");
    {
        static const struct traits all = {KEY_P256, "keyAgreement", "codeSigning", -20, -2};
        X509 *worst = credential("worst", "worst", &all);
        struct identity stranger = new_root("stranger");
        SSL_CTX *strangers = new_server(version, &stranger, (void *)NULL);

        pick(&link, version, selector_of("worst", NULL), strangers);
        CHECK_ARRIVED(&link, NULL);
        check_outcome(&link, CERTPICK_OUTCOME_NONE_SUITABLE, SIZE_MAX,
                      CERTPICK_REASON_ISSUER | CERTPICK_REASON_EXPIRED | CERTPICK_REASON_KEY_USAGE |
                          CERTPICK_REASON_EXTENDED_KEY_USAGE, 0);
        X509_free(worst);
        free_identity(&stranger);
        SSL_CTX_free(strangers);
    }
    SSL_CTX_free(server);
}

static void the_peers_name(int version)
{
    static const struct traits expired = {KEY_P256, NULL, NULL, -20, -2};
    SSL_CTX *server = new_server(version, &ca, (void *)NULL);
    SSL_CTX *client = new_client(version);
    X509 *alice = credential("alice", "alice", NULL);
    X509 *bob = credential("bob", "bob", NULL);
    X509 *old_bob = credential("old_bob", "bob", &expired);
    certpick_selector *selector = selector_of("alice", "bob");
    struct link link;
    const struct {
        const char *host, *user;
        X509 *sent;
    } peers[] = {{"db.example", "bob", bob},   {NULL, "bob", bob},     {"db.example", "alice", alice},
                 {"db.example", "carol", alice}, {"bob", NULL, alice}, {"db.example", "", alice},
                 {"db.example", "bo", alice},    {NULL, NULL, alice}};
    size_t i;

    subject("among equals the one whose CN is the user comes first, then the order of the list");
    CHECK_INT(certpick_attach(client, selector), CERTPICK_OK);
    for (i = 0; i < sizeof(peers) / sizeof(peers[0]); i++) {
        open_link(&link, client, server);
        CHECK_INT(certpick_set_peer(link.client, peers[i].host, peers[i].user), CERTPICK_OK);
        CHECK(shake_hands(&link) && exchange_bytes(&link));
        CHECK_ARRIVED(&link, peers[i].sent, (X509 *)NULL);
        CHECK_INT(certpick_choice(link.client), peers[i].sent == bob);
        close_link(&link);
    }

    subject("what was said last of the peer counts");
    open_link(&link, client, server);
    CHECK_INT(certpick_set_peer(link.client, "db.example", "alice"), CERTPICK_OK);
    CHECK_INT(certpick_set_peer(link.client, "db.example", "bob"), CERTPICK_OK);
    CHECK(shake_hands(&link) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, bob, (X509 *)NULL);
    close_link(&link);
    SSL_CTX_free(client);
    certpick_selector_free(selector);

    subject("the user's name does not bring a flawed credential before a good one");
    client = new_client(version);
    selector = selector_of("old_bob", "alice");
    CHECK_INT(certpick_attach(client, selector), CERTPICK_OK);
    open_link(&link, client, server);
    CHECK_INT(certpick_set_peer(link.client, "db.example", "bob"), CERTPICK_OK);
    CHECK(shake_hands(&link) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, alice, (X509 *)NULL);
    close_link(&link);
    SSL_CTX_free(client);
    certpick_selector_free(selector);
    SSL_CTX_free(server);
    X509_free(alice);
    X509_free(bob);
    X509_free(old_bob);
}

static void empty_ca_list(int version)
{
    SSL_CTX *server = new_server(version, (void *)NULL);
    SSL_CTX *naming = new_server(version, &ca, (void *)NULL);
    X509 *one = credential("one", "one", NULL);
    X509 *two = credential("two", "two", NULL);
    int value;
    struct link link;

    for (value = CERTPICK_EMPTY_CA_LIST_ACCEPT; value <= CERTPICK_EMPTY_CA_LIST_SEND_NONE; value++) {
        int sole = value != CERTPICK_EMPTY_CA_LIST_SEND_NONE;
        int first = value == CERTPICK_EMPTY_CA_LIST_ACCEPT;
        certpick_selector *selector = selector_of("one", NULL);

        subject("what a server that names no CA gets is a matter of EMPTY_CA_LIST: one credential");
        CHECK_INT(certpick_selector_set_option(selector, CERTPICK_OPTION_EMPTY_CA_LIST, value),
                  CERTPICK_OK);
        pick(&link, version, selector, server);
        CHECK_ARRIVED(&link, sole ? one : NULL, (X509 *)NULL);
        check_outcome(&link, sole ? CERTPICK_OUTCOME_SENT : CERTPICK_OUTCOME_NONE_SUITABLE,
                      sole ? 0 : SIZE_MAX, sole ? 0 : CERTPICK_REASON_POLICY, 0);

        subject("what a server that names no CA gets is a matter of EMPTY_CA_LIST: two credentials");
        selector = selector_of("one", "two");
        CHECK_INT(certpick_selector_set_option(selector, CERTPICK_OPTION_EMPTY_CA_LIST, value),
                  CERTPICK_OK);
        pick(&link, version, selector, server);
        CHECK_ARRIVED(&link, first ? one : NULL, (X509 *)NULL);
        check_outcome(&link, first ? CERTPICK_OUTCOME_SENT : CERTPICK_OUTCOME_NONE_SUITABLE,
                      first ? 0 : SIZE_MAX, first ? 0 : CERTPICK_REASON_POLICY,
                      first ? 0 : CERTPICK_REASON_POLICY);

        subject("EMPTY_CA_LIST changes nothing for a server that names its CA");
        selector = selector_of("one", "two");
        CHECK_INT(certpick_selector_set_option(selector, CERTPICK_OPTION_EMPTY_CA_LIST, value),
                  CERTPICK_OK);
        pick(&link, version, selector, naming);
        CHECK_ARRIVED(&link, one, (X509 *)NULL);
        check_outcome(&link, CERTPICK_OUTCOME_SENT, 0, 0, 0);
    }
    SSL_CTX_free(server);
    SSL_CTX_free(naming);
    X509_free(one);
    X509_free(two);
}

static void none_suitable_aborts(int version, enum way way)
{
    struct identity stranger = new_root("stranger");
    SSL_CTX *server = new_server(version, &stranger, (void *)NULL);
    SSL_CTX *client = new_client(version);
    X509 *one = credential("one", "one", NULL);
    certpick_selector *selector = selector_of("one", NULL);
    struct link link;

    subject("with NONE_SUITABLE_ABORT a handshake without a suitable credential ends");
    CHECK_INT(certpick_selector_set_option(selector, CERTPICK_OPTION_NONE_SUITABLE,
                                           CERTPICK_NONE_SUITABLE_ABORT), CERTPICK_OK);
    use_selector(client, selector, way);
    CHECK(!connect_link(&link, client, server));
    CHECK_INT(link.client_failed, 1);
    CHECK_INT(link.client_error, SSL_ERROR_SSL);
    CHECK_INT(foreign_entries(&link.client_queue), 1);
    CHECK_ARRIVED(&link, NULL);
    CHECK(!SSL_is_init_finished(link.server));
    CHECK_BEGINS(certpick_message(link.client),
                 "Server requests a client certificate but no suitable certificate is found from "
                 "sslcert list provided");
    CHECK(certpick_choice(link.client) == SIZE_MAX);
    CHECK(certpick_outcome(link.client) != CERTPICK_OUTCOME_SENT);
    CHECK(certpick_outcome(link.client) != CERTPICK_OUTCOME_NOT_ASKED);
    CHECK_INT(certpick_verdict(link.client, 0), CERTPICK_REASON_ISSUER);
    if (way == BY_OWN_CERT_CB)
        CHECK_INT(last_select_status(), CERTPICK_ERROR_NONE_SUITABLE);
    close_link(&link);
    SSL_CTX_free(server);
    SSL_CTX_free(client);
    certpick_selector_free(selector);
    X509_free(one);
    free_identity(&stranger);
}

static void kinds_of_keys(int version)
{
    static const struct {
        enum key_kind kind;
        const char *fitting, *unfit;
    } kinds[] = {
        {KEY_P256, "ECDSA+SHA256:RSA-PSS+SHA256", "ed25519:rsa_pss_rsae_sha256"},
        {KEY_P384, "ECDSA+SHA384", "ed25519:rsa_pss_rsae_sha256"},
        {KEY_ED25519, "ed25519", "ECDSA+SHA256:rsa_pss_rsae_sha256"},
        {KEY_RSA, "rsa_pss_rsae_sha256", "ECDSA+SHA256:ed25519"},
    };
    SSL_CTX *server = new_server(version, &ca, (void *)NULL);
    struct link link;
    size_t i;

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct traits traits = {KEY_P256, NULL, NULL, 0, 0};
        X509 *cert;

        subject("a key is sent to a server that takes its kind of signature, and only to such");
        traits.kind = kinds[i].kind;
        cert = credential("kind", "kind", &traits);
        MUST(SSL_CTX_set1_client_sigalgs_list(server, kinds[i].fitting));
        pick(&link, version, selector_of("kind", NULL), server);
        CHECK_ARRIVED(&link, cert, (X509 *)NULL);
        check_outcome(&link, CERTPICK_OUTCOME_SENT, 0, 0, 0);

        MUST(SSL_CTX_set1_client_sigalgs_list(server, kinds[i].unfit));
        pick(&link, version, selector_of("kind", NULL), server);
        CHECK_ARRIVED(&link, NULL);
        CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_NONE_SUITABLE);
        CHECK(certpick_verdict(link.client, 0) & CERTPICK_REASON_SIGNATURE_ALGORITHM);
        CHECK_INT(certpick_verdict(link.client, 0) & CERTPICK_REASON_ISSUER, 0);
        close_link(&link);
        X509_free(cert);
    }
    SSL_CTX_free(server);
}

static void types_and_levels(void)
{
    static const struct traits weak = {KEY_RSA_1024, NULL, NULL, 0, 0};
    static const unsigned char rsa_only[] = {TLS_CT_RSA_SIGN};
    SSL_CTX *server = new_server(TLS1_2_VERSION, &ca, (void *)NULL), *client;
    X509 *cert = credential("ec", "ec", NULL);
    certpick_selector *selector;
    struct link link;

    subject("on TLS 1.2 a server that takes only RSA certificates gets no EC one");
    MUST(SSL_CTX_set1_client_certificate_types(server, rsa_only, sizeof(rsa_only)));
    pick(&link, TLS1_2_VERSION, selector_of("ec", NULL), server);
    CHECK_ARRIVED(&link, NULL);
    check_outcome(&link, CERTPICK_OUTCOME_NONE_SUITABLE, SIZE_MAX, CERTPICK_REASON_CERTIFICATE_TYPE,
                  0);
    SSL_CTX_free(server);
    X509_free(cert);

    subject("what OpenSSL's security level refuses is not chosen");
    server = new_server(TLS1_3_VERSION, &ca, (void *)NULL);
    client = new_client(TLS1_3_VERSION);
    cert = credential("weak", "weak", &weak);
    selector = selector_of("weak", NULL);
    SSL_CTX_set_security_level(client, 2);
    CHECK_INT(certpick_attach(client, selector), CERTPICK_OK);
    certpick_selector_free(selector);
    CHECK(connect_link(&link, client, server) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, NULL);
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_NONE_SUITABLE);
    CHECK(certpick_verdict(link.client, 0) & CERTPICK_REASON_SECURITY_LEVEL);
    close_link(&link);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    X509_free(cert);
}

int main(void)
{
    enum way way;
    int i;

    enter_work_dir();
    ca = new_root("CA");
    for (i = 0; i < 2; i++) {
        soft_flaws(tls_versions[i]);
        the_peers_name(tls_versions[i]);
        empty_ca_list(tls_versions[i]);
        kinds_of_keys(tls_versions[i]);
        for (way = BY_CLIENT_CERT_CB; way < WAYS; way++)
            none_suitable_aborts(tls_versions[i], way);
    }
    types_and_levels();
    free_identity(&ca);
    return finish();
}
