/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "fault.h"

#include <apr_dbd.h>
#include <apr_time.h>
#include <argon2.h>
#include <curl/curl.h>
#include <errno.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <unistd.h>
#include <uninorm.h>

#undef curl_easy_setopt /* a macro that checks types */

const char *const fault_modes[FAULT_MODES] = {"once", "from then on", "answer lost", "process dies"};

static struct {
    int armed, counting, at;
    fault_mode mode;
    const char *hit;
} now;

static int json_blocks, curl_blocks;

void fault_arm(fault_mode mode, int n)
{
    now.armed = 1;
    now.counting = 0;
    now.at = n;
    now.mode = mode;
    now.hit = NULL;
}

const char *fault_disarm(void)
{
    now.armed = 0;
    return now.hit;
}

static int is_due(const char *name)
{
    if (!now.armed || (++now.counting != now.at && !(now.mode == FAULT_ON && now.hit))) {
        return 0;
    }
    now.hit = now.hit ? now.hit : name;
    if (now.mode == FAULT_DIE) {
        _exit(FAULT_DEAD);
    }
    return 1;
}

int fault_here(const char *name)
{
    return now.mode != FAULT_AFTER && is_due(name);
}

int fault_json_blocks(void)
{
    return json_blocks;
}

int fault_curl_blocks(void)
{
    return curl_blocks;
}

/* ---- allocations */

static void *json_take(size_t size)
{
    void *block = fault_here("malloc of jansson") ? NULL : malloc(size);

    json_blocks += block != NULL;
    return block;
}

static void json_give(void *block)
{
    json_blocks -= block != NULL;
    free(block);
}

static void *openssl_take(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return fault_here("malloc of OpenSSL") ? NULL : malloc(size);
}

static void *openssl_resize(void *block, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return fault_here("realloc of OpenSSL") ? NULL : realloc(block, size);
}

static void openssl_give(void *block, const char *file, int line)
{
    (void)file, (void)line;
    free(block);
}

static void *curl_take(size_t size)
{
    void *block = fault_here("malloc of libcurl") ? NULL : malloc(size);

    curl_blocks += block != NULL;
    return block;
}

static void *curl_take_zeroed(size_t count, size_t size)
{
    void *block = fault_here("malloc of libcurl") ? NULL : calloc(count, size);

    curl_blocks += block != NULL;
    return block;
}

static void *curl_resize(void *old, size_t size)
{
    void *block = fault_here("malloc of libcurl") ? NULL : realloc(old, size);

    curl_blocks += block && !old;
    return block;
}

static char *curl_copy(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = curl_take(size);

    return copy ? memcpy(copy, text, size) : NULL;
}

static void curl_give(void *block)
{
    curl_blocks -= block != NULL;
    free(block);
}

void fault_init(void)
{
    json_set_alloc_funcs(json_take, json_give);
    if (!CRYPTO_set_mem_functions(openssl_take, openssl_resize, openssl_give)
        || curl_global_init_mem(CURL_GLOBAL_DEFAULT, curl_take, curl_give, curl_resize, curl_copy,
                                curl_take_zeroed)) {
        abort();
    }
}

/* The text is the caller's, who gives it to free(). */
char *__real_json_dumps(const json_t *json, size_t flags);
char *__wrap_json_dumps(const json_t *json, size_t flags);
char *__wrap_json_dumps(const json_t *json, size_t flags)
{
    char *text = __real_json_dumps(json, flags);

    json_blocks -= text != NULL;
    return text;
}

/* jansson 2.14 loses bytes of a string where its lexer finds no memory for more of it
 * (lex_save() ignores that), and calls the rest a document. That is its own defect, so
 * memory that is out while it reads counts here as the error that it should be. */
json_t *__real_json_loadb(const char *text, size_t len, size_t flags, json_error_t *error);
json_t *__wrap_json_loadb(const char *text, size_t len, size_t flags, json_error_t *error);
json_t *__wrap_json_loadb(const char *text, size_t len, size_t flags, json_error_t *error)
{
    const char *before = now.hit;
    json_t *json = __real_json_loadb(text, len, flags, error);

    if (now.armed && now.hit && (!before || now.mode == FAULT_ON)) {
        json_decref(json);
        json = NULL;
    }
    return json;
}

/* ---- functions; ld asks for these names */

#define WRAP(type, name, params, args, failure)                                                   \
    type __real_##name params;                                                                     \
    type __wrap_##name params;                                                                     \
    type __wrap_##name params                                                                      \
    {                                                                                              \
        return fault_here(#name) ? (failure) : __real_##name args;                                 \
    }

WRAP(int, RAND_bytes, (unsigned char *buf, int num), (buf, num), 0)
WRAP(EVP_MD *, EVP_MD_fetch, (OSSL_LIB_CTX *ctx, const char *name, const char *query),
     (ctx, name, query), NULL)
WRAP(EVP_MD_CTX *, EVP_MD_CTX_new, (void), (), NULL)
WRAP(int, EVP_DigestInit_ex2, (EVP_MD_CTX *ctx, const EVP_MD *type, const OSSL_PARAM *params),
     (ctx, type, params), 0)
WRAP(int, EVP_DigestUpdate, (EVP_MD_CTX *ctx, const void *data, size_t len), (ctx, data, len), 0)
WRAP(int, EVP_DigestFinal_ex, (EVP_MD_CTX *ctx, unsigned char *out, unsigned *len),
     (ctx, out, len), 0)
WRAP(int, EVP_Digest,
     (const void *data, size_t len, unsigned char *out, unsigned *size, const EVP_MD *type,
      ENGINE *engine),
     (data, len, out, size, type, engine), 0)
WRAP(unsigned char *, HMAC,
     (const EVP_MD *md, const void *key, int key_len, const unsigned char *data, size_t len,
      unsigned char *out, unsigned *out_len),
     (md, key, key_len, data, len, out, out_len), NULL)
WRAP(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_new, (void), (), NULL)
WRAP(int, EVP_CipherInit_ex,
     (EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher, ENGINE *engine, const unsigned char *key,
      const unsigned char *iv, int enc),
     (ctx, cipher, engine, key, iv, enc), 0)
WRAP(int, EVP_CipherUpdate,
     (EVP_CIPHER_CTX *ctx, unsigned char *out, int *out_len, const unsigned char *in, int len),
     (ctx, out, out_len, in, len), 0)
WRAP(int, EVP_CipherFinal_ex, (EVP_CIPHER_CTX *ctx, unsigned char *out, int *len),
     (ctx, out, len), 0)
WRAP(int, argon2id_ctx, (argon2_context *ctx), (ctx), ARGON2_MEMORY_ALLOCATION_ERROR)
WRAP(uint8_t *, u8_normalize,
     (uninorm_t form, const uint8_t *s, size_t n, uint8_t *out, size_t *len),
     (form, s, n, out, len), (errno = ENOMEM, (uint8_t *)NULL))
WRAP(int, pthread_mutex_lock, (pthread_mutex_t *mutex), (mutex), EAGAIN)
WRAP(int, semtimedop, (int id, struct sembuf *ops, size_t n, const struct timespec *timeout),
     (id, ops, n, timeout), (errno = ENOMEM, -1))

/* That an answer takes its time is not what is tested here. */
void __wrap_apr_sleep(apr_interval_time_t time);
void __wrap_apr_sleep(apr_interval_time_t time)
{
    (void)time;
}

/* Its third argument is of the kind that the option's number says. */
CURLcode __real_curl_easy_setopt(CURL *curl, CURLoption option, ...);
CURLcode __wrap_curl_easy_setopt(CURL *curl, CURLoption option, ...);
CURLcode __wrap_curl_easy_setopt(CURL *curl, CURLoption option, ...)
{
    int type = (int)option / 10000 * 10000;
    CURLcode rc = CURLE_OUT_OF_MEMORY;
    va_list args;

    if (fault_here("curl_easy_setopt")) {
        return rc;
    }
    va_start(args, option);
    if (type == CURLOPTTYPE_LONG) {
        rc = __real_curl_easy_setopt(curl, option, va_arg(args, long));
    }
    else if (type == CURLOPTTYPE_OFF_T) {
        rc = __real_curl_easy_setopt(curl, option, va_arg(args, curl_off_t));
    }
    else {
        rc = __real_curl_easy_setopt(curl, option, va_arg(args, void *));
    }
    va_end(args);
    return rc;
}

WRAP(CURL *, curl_easy_init, (void), (), NULL)
WRAP(struct curl_slist *, curl_slist_append, (struct curl_slist *list, const char *text),
     (list, text), NULL)

/* What became of the mail may also stay unknown. */
CURLcode __real_curl_easy_perform(CURL *curl);
CURLcode __wrap_curl_easy_perform(CURL *curl);
CURLcode __wrap_curl_easy_perform(CURL *curl)
{
    if (!is_due("curl_easy_perform")) {
        return __real_curl_easy_perform(curl);
    }
    if (now.mode == FAULT_AFTER) {
        __real_curl_easy_perform(curl);
    }
    return CURLE_RECV_ERROR;
}

/* The database's: the answer may also be lost once the work is done. */
#define WRAP_DB(name, params, args)                                                                \
    int __real_##name params;                                                                      \
    int __wrap_##name params;                                                                      \
    int __wrap_##name params                                                                       \
    {                                                                                              \
        if (!is_due(#name)) {                                                                      \
            return __real_##name args;                                                             \
        }                                                                                          \
        if (now.mode == FAULT_AFTER) {                                                             \
            __real_##name args;                                                                    \
        }                                                                                          \
        return 1;                                                                                  \
    }

WRAP_DB(apr_dbd_query,
        (const apr_dbd_driver_t *driver, apr_dbd_t *handle, int *rows, const char *sql),
        (driver, handle, rows, sql))
WRAP_DB(apr_dbd_prepare,
        (const apr_dbd_driver_t *driver, apr_pool_t *pool, apr_dbd_t *handle, const char *sql,
         const char *label, apr_dbd_prepared_t **stmt),
        (driver, pool, handle, sql, label, stmt))
WRAP_DB(apr_dbd_pselect,
        (const apr_dbd_driver_t *driver, apr_pool_t *pool, apr_dbd_t *handle,
         apr_dbd_results_t **result, apr_dbd_prepared_t *stmt, int random, int n, const char **args),
        (driver, pool, handle, result, stmt, random, n, args))
WRAP_DB(apr_dbd_pquery,
        (const apr_dbd_driver_t *driver, apr_pool_t *pool, apr_dbd_t *handle, int *rows,
         apr_dbd_prepared_t *stmt, int n, const char **args),
        (driver, pool, handle, rows, stmt, n, args))
WRAP_DB(apr_dbd_get_row,
        (const apr_dbd_driver_t *driver, apr_pool_t *pool, apr_dbd_results_t *result,
         apr_dbd_row_t **row, int number),
        (driver, pool, result, row, number))
