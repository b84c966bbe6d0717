/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A provider module that behaves like one for tokens.

   A file with "-----BEGIN TOKEN KEY-----" or "-----BEGIN TOKEN KEY WITH PIN-----" refers to an EC
   key in the token. The file itself contains the key (PKCS#8). If the key has a PIN, the provider calls
   OpenSSL's password callback. If the callback fails, the provider prompts on the terminal for each
   attempt. An empty PIN cancels. A key can only be used in the process that loaded it.

   The provider appends a line for each event to the file that TOKEN_LOG names. */
#include <fcntl.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <string.h>
#include <unistd.h>

#define PIN "1234"

/* OpenSSL's default provider in a library context of this module. It implements the operations. */
static OSSL_LIB_CTX *context;
static OSSL_PROVIDER *backend;

static OSSL_ALGORITHM keys[2], signatures[2];

/* Functions of the backend that the functions of the token call. */
static OSSL_FUNC_keymgmt_import_fn *import_key;
static OSSL_FUNC_keymgmt_export_fn *export_key;
static OSSL_FUNC_signature_digest_sign_init_fn *digest_sign_init;

/* The process that loaded the most recent key. */
static pid_t loaded_in;

static void note(const char *event)
{
    const char *name = getenv("TOKEN_LOG");
    FILE *log = name != NULL ? fopen(name, "a") : NULL;

    if (log != NULL) {
        fprintf(log, "%s\n", event);
        fclose(log);
    }
}

/* Returns a function of this table, or NULL. */
static void (*function(const void *table, int id))(void)
{
    const OSSL_DISPATCH *functions = table;

    while (functions->function_id != 0 && functions->function_id != id)
        functions++;
    return functions->function;
}

/* Replaces a function of this table. Returns the previous one. */
static void (*replace(OSSL_DISPATCH *functions, int id, void (*replacement)(void)))(void)
{
    void (*replaced)(void) = function(functions, id);

    while (functions->function_id != 0 && functions->function_id != id)
        functions++;
    if (replaced != NULL)
        functions->function = replacement;
    return replaced;
}

/* Copies an algorithm of the backend to the token. Returns the copy of its function table. */
static OSSL_DISPATCH *adopt(OSSL_ALGORITHM *to, int operation, const char *name)
{
    int no_cache;
    const OSSL_ALGORITHM *from = OSSL_PROVIDER_query_operation(backend, operation, &no_cache);
    OSSL_DISPATCH *copy;
    size_t length = strlen(name), n = 0;

    while (from != NULL && from->algorithm_names != NULL &&
           (strncmp(from->algorithm_names, name, length) != 0 ||
            strchr(":", from->algorithm_names[length]) == NULL))
        from++;
    if (from == NULL || from->algorithm_names == NULL)
        return NULL;
    while (from->implementation[n++].function_id != 0)
        continue;
    copy = malloc(n * sizeof *copy); /* never freed */
    if (copy != NULL)
        memcpy(copy, from->implementation, n * sizeof *copy);
    *to = *from;
    to->property_definition = "provider=token";
    to->implementation = copy;
    return copy;
}

/* The token accepts no keys of other providers. */
static int import_none(void *key, int selection, const OSSL_PARAM params[])
{
    (void)key;
    (void)selection;
    (void)params;
    return 0;
}

/* Private keys cannot be exported from the token. */
static int export_public(void *key, int selection, OSSL_CALLBACK *take, void *arg)
{
    return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0 &&
           export_key(key, selection, take, arg);
}

static int sign_init(void *ctx, const char *digest, void *key, const OSSL_PARAM params[])
{
    if (getpid() != loaded_in) {
        note("a key of another process");
        return 0;
    }
    return digest_sign_init(ctx, digest, key, params);
}

static int prompt_on_terminal(void)
{
    char answer[32] = "";
    int terminal = open("/dev/tty", O_RDWR);
    ssize_t length = 0;

    note("prompt");
    if (terminal < 0)
        return 0;
    if (write(terminal, "PIN: ", 5) == 5)
        length = read(terminal, answer, sizeof answer);
    close(terminal);
    return length == (ssize_t)strlen(PIN) + 1 && memcmp(answer, PIN, strlen(PIN)) == 0;
}

static int log_in(OSSL_PASSPHRASE_CALLBACK *ask, void *arg)
{
    char pin[1024];
    size_t length = 0;

    if (!ask(pin, sizeof pin, &length, NULL, arg))
        return prompt_on_terminal();
    if (length == 0) {
        note("cancelled");
        return 0;
    }
    note("login");
    return length == strlen(PIN) && memcmp(pin, PIN, length) == 0;
}

/* Returns the key in the backend's representation. */
static void *take_key(const unsigned char *der, long length)
{
    OSSL_FUNC_keymgmt_new_fn *new_key =
        (OSSL_FUNC_keymgmt_new_fn *)function(keys[0].implementation, OSSL_FUNC_KEYMGMT_NEW);
    EVP_PKEY *pkey = d2i_AutoPrivateKey_ex(NULL, &der, length, context, NULL);
    OSSL_PARAM *params = NULL;
    void *key = NULL;

    if (pkey != NULL && EVP_PKEY_todata(pkey, EVP_PKEY_KEYPAIR, &params)) {
        key = new_key(OSSL_PROVIDER_get0_provider_ctx(backend));
        if (key != NULL)
            import_key(key, EVP_PKEY_KEYPAIR, params);
    }
    OSSL_PARAM_free(params);
    EVP_PKEY_free(pkey);
    return key;
}

static int decode(void *ctx, OSSL_CORE_BIO *core, int selection, OSSL_CALLBACK *found,
                  void *found_arg, OSSL_PASSPHRASE_CALLBACK *ask, void *ask_arg)
{
    OSSL_FUNC_keymgmt_free_fn *free_key =
        (OSSL_FUNC_keymgmt_free_fn *)function(keys[0].implementation, OSSL_FUNC_KEYMGMT_FREE);
    BIO *bio = BIO_new_from_core_bio(context, core);
    char *label = NULL, *header = NULL;
    unsigned char *der = NULL;
    long length = 0;
    int done = 1; /* input for other decoders is not an error */

    (void)ctx;
    (void)selection;
    if (bio != NULL && PEM_read_bio(bio, &label, &header, &der, &length) &&
        strncmp(label, "TOKEN KEY", 9) == 0 &&
        (strcmp(label + 9, " WITH PIN") != 0 || log_in(ask, ask_arg))) {
        void *key = take_key(der, length);
        int type = OSSL_OBJECT_PKEY;
        OSSL_PARAM object[4];

        loaded_in = getpid();
        note("load");
        object[0] = OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type);
        object[1] = OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE, (char *)"EC", 0);
        object[2] =
            OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE, &key, sizeof key);
        object[3] = OSSL_PARAM_construct_end();
        done = key != NULL && found(object, found_arg);
        if (key != NULL) /* the reference was not used */
            free_key(key);
    }
    OPENSSL_free(label);
    OPENSSL_free(header);
    OPENSSL_clear_free(der, (size_t)length);
    BIO_free(bio);
    return done;
}

static void *new_decoder(void *provider)
{
    return provider;
}

static void free_decoder(void *decoder)
{
    (void)decoder;
}

static const OSSL_DISPATCH decoder_functions[] = {
    {OSSL_FUNC_DECODER_NEWCTX, (void (*)(void))new_decoder},
    {OSSL_FUNC_DECODER_FREECTX, (void (*)(void))free_decoder},
    {OSSL_FUNC_DECODER_DECODE, (void (*)(void))decode},
    {0, NULL},
};

static const OSSL_ALGORITHM decoders[] = {
    {"EC", "provider=token,input=pem", decoder_functions, "a key in the token"},
    {NULL, NULL, NULL, NULL},
};

static const OSSL_ALGORITHM *query(void *provider, int operation, int *no_cache)
{
    (void)provider;
    *no_cache = 0;
    switch (operation) {
    case OSSL_OP_KEYMGMT:
        return keys;
    case OSSL_OP_SIGNATURE:
        return signatures;
    case OSSL_OP_DECODER:
        return decoders;
    default:
        return NULL;
    }
}

static void teardown(void *provider)
{
    (void)provider;
    OSSL_PROVIDER_unload(backend);
    OSSL_LIB_CTX_free(context);
}

static const OSSL_DISPATCH provider_functions[] = {
    {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query},
    {OSSL_FUNC_PROVIDER_TEARDOWN, (void (*)(void))teardown},
    {0, NULL},
};

int OSSL_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                       const OSSL_DISPATCH **out, void **provider)
{
    OSSL_DISPATCH *key_functions, *signature_functions;

    context = OSSL_LIB_CTX_new_from_dispatch(handle, in);
    backend = context != NULL ? OSSL_PROVIDER_load(context, "default") : NULL;
    if (backend == NULL)
        return 0;
    key_functions = adopt(&keys[0], OSSL_OP_KEYMGMT, "EC");
    signature_functions = adopt(&signatures[0], OSSL_OP_SIGNATURE, "ECDSA");
    if (key_functions == NULL || signature_functions == NULL)
        return 0;
    import_key = (OSSL_FUNC_keymgmt_import_fn *)replace(key_functions, OSSL_FUNC_KEYMGMT_IMPORT,
                                                        (void (*)(void))import_none);
    export_key = (OSSL_FUNC_keymgmt_export_fn *)replace(key_functions, OSSL_FUNC_KEYMGMT_EXPORT,
                                                        (void (*)(void))export_public);
    digest_sign_init = (OSSL_FUNC_signature_digest_sign_init_fn *)replace(
        signature_functions, OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, (void (*)(void))sign_init);
    *out = provider_functions;
    *provider = OSSL_PROVIDER_get0_provider_ctx(backend);
    return 1;
}
