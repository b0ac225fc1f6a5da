/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_password_int.h"

#include <apr_encode.h>
#include <apr_strings.h>
#include <argon2.h>
#include <openssl/crypto.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define TAG_BYTES 32
#define HEAD "$argon2id$v=19$m=%u,t=%u,p=%u$"

/* The largest cost we are willing to pay for a stored hash. */
#define MEMORY_CAP_KIB (256 * 1024)
#define PASSES_CAP 10
#define LANES_CAP 4

/* Far above what 16 bytes of salt and 64 of tag need. */
#define ENCODED_MAX 512

/* What x86 and ARM have for a huge page, with small ones of 4 KiB. */
#define HUGE_BYTES ((size_t)2 << 20)

static size_t whole_pages(size_t size)
{
    return (size + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1);
}

/* Not malloc(): after the first free() it takes blocks of this size from a heap
 * per thread and keeps them, so that memory grows with threads and not with the
 * hashes at a time. Of whole huge pages from end to end: not every kernel sees to that,
 * and what is left over in small ones is hundreds of page faults for each hash. */
static int take(uint8_t **memory, size_t size)
{
    size_t want = whole_pages(size), all = want + HUGE_BYTES, head;
    uint8_t *start = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (start == MAP_FAILED) {
        return -1;
    }
    head = whole_pages((uintptr_t)start) - (uintptr_t)start;
    if (head > 0) {
        munmap(start, head);
    }
    if (all - head > want) {
        munmap(start + head + want, all - head - want);
    }
    *memory = start + head;
    (void)madvise(*memory, want, MADV_HUGEPAGE); /* ordinary pages do too, only slower */
    return 0;
}

static void give(uint8_t *memory, size_t size)
{
    munmap(memory, whole_pages(size));
}

/* The tag of a password; libargon2's status. */
static int derive(const ba_hash_params *params, ba_bytes password, const unsigned char *salt,
                  apr_size_t salt_len, unsigned char *tag, apr_size_t tag_len)
{
    argon2_context context = {
        .out = tag,
        .outlen = (uint32_t)tag_len,
        .pwd = (uint8_t *)(apr_uintptr_t)password.data,
        .pwdlen = (uint32_t)password.len,
        .salt = (uint8_t *)(apr_uintptr_t)salt,
        .saltlen = (uint32_t)salt_len,
        .t_cost = params->passes,
        .m_cost = params->memory_kib,
        .lanes = params->lanes,
        .threads = params->lanes,
        .version = ARGON2_VERSION_13,
        .allocate_cbk = take,
        .free_cbk = give,
    };

    return argon2id_ctx(&context);
}

/* Without padding. APR 1.7's own APR_ENCODE_NOPADDING turns "+/" into "-_" as well. */
static const char *base64(const unsigned char *bytes, apr_size_t len, apr_pool_t *pool)
{
    char *text = (char *)(apr_uintptr_t)apr_pencode_base64_binary(
        pool, bytes, (apr_ssize_t)len, APR_ENCODE_NONE, NULL);

    text[strcspn(text, "=")] = '\0';
    return text;
}

const char *ba_argon2_hash(const ba_hash_params *params, ba_bytes password,
                           const unsigned char *salt, apr_pool_t *pool)
{
    unsigned char tag[TAG_BYTES];

    if (derive(params, password, salt, BA_SALT_BYTES, tag, TAG_BYTES) != ARGON2_OK) {
        return NULL;
    }
    return apr_psprintf(pool, HEAD "%s$%s", params->memory_kib, params->passes, params->lanes,
                        base64(salt, BA_SALT_BYTES, pool), base64(tag, TAG_BYTES, pool));
}

int ba_argon2_params(const char *stored, ba_hash_params *params)
{
    unsigned long m, t, p;
    int used = 0;

    if (strlen(stored) > ENCODED_MAX
        || sscanf(stored, "$argon2id$v=19$m=%9lu,t=%9lu,p=%9lu$%n", &m, &t, &p, &used) != 3
        || used == 0) {
        return 0;
    }
    params->scheme = BA_HASH_ARGON2ID;
    params->memory_kib = (apr_uint32_t)m;
    params->passes = (apr_uint32_t)t;
    params->lanes = (apr_uint32_t)p;
    return 1;
}

static int affordable(const ba_hash_params *params)
{
    return params->memory_kib <= MEMORY_CAP_KIB && params->passes <= PASSES_CAP
           && params->lanes <= LANES_CAP;
}

int ba_argon2_is(const char *stored)
{
    ba_hash_params params;

    return ba_argon2_params(stored, &params) && affordable(&params);
}

/* Salt and tag of a PHC string whose cost is params; 0 if it is not spelled as we
 * would write it: sscanf() lets blanks and signs pass. */
static int read_stored(const char *stored, const ba_hash_params *params, ba_bytes *salt,
                       ba_bytes *tag, apr_pool_t *pool)
{
    const char *head
        = apr_psprintf(pool, HEAD, params->memory_kib, params->passes, params->lanes);
    apr_size_t len = strlen(head);
    const char *dollar;

    if (strncmp(stored, head, len) || !(dollar = strchr(stored + len, '$'))) {
        return 0;
    }
    salt->data = (const char *)apr_pdecode_base64_binary(
        pool, stored + len, dollar - stored - (apr_ssize_t)len, APR_ENCODE_NONE, &salt->len);
    tag->data = (const char *)apr_pdecode_base64_binary(pool, dollar + 1, APR_ENCODE_STRING,
                                                        APR_ENCODE_NONE, &tag->len);
    return salt->data && tag->data && tag->len >= ARGON2_MIN_OUTLEN;
}

ba_password_result ba_argon2_verify(const char *stored, ba_bytes password, apr_pool_t *pool)
{
    ba_hash_params params;
    ba_bytes salt, tag;
    unsigned char *mine;

    if (!ba_argon2_params(stored, &params) || !affordable(&params)
        || !read_stored(stored, &params, &salt, &tag, pool)) {
        return BA_PASSWORD_UNREADABLE;
    }
    mine = apr_palloc(pool, tag.len);
    switch (derive(&params, password, (const unsigned char *)salt.data, salt.len, mine, tag.len)) {
    case ARGON2_OK:
        return CRYPTO_memcmp(mine, tag.data, tag.len) == 0 ? BA_PASSWORD_GOOD : BA_PASSWORD_WRONG;
    case ARGON2_MEMORY_ALLOCATION_ERROR:
    case ARGON2_THREAD_FAIL:
        return BA_PASSWORD_FAILED;
    default:
        return BA_PASSWORD_UNREADABLE;
    }
}
