/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Secrets, and how passwords are kept. No message repeats a value. */

#include "ba_cpus.h"
#include "ba_kind.h"
#include "ba_words.h"

#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <http_core.h>
#include <stdlib.h>
#include <string.h>

#define SECRET_MIN 32
#define SECRET_MIN_DIFFERENT 8

/* Lines of a file that count; betterauthctl keeps as many. */
#define SECRETS_MAX 8

/* The whole file; NULL and a message. */
static const char *read_file(apr_pool_t *pool, const char *name, char **text)
{
    const char *path = ap_server_root_relative(pool, name);
    apr_size_t len = 4096;
    apr_finfo_t info;
    apr_file_t *file;
    apr_status_t rv;

    *text = NULL;
    if (!path
        || apr_file_open(&file, path, APR_FOPEN_READ, APR_FPROT_OS_DEFAULT, pool) != APR_SUCCESS) {
        return apr_pstrcat(pool, "cannot read the file ", path ? path : name, NULL);
    }
    rv = apr_file_info_get(&info, APR_FINFO_PROT, file);
    if (rv == APR_SUCCESS && (info.protection & APR_FPROT_WREAD)) {
        apr_file_close(file);
        return apr_pstrcat(pool, "is readable by everyone: chmod 600 ", path, NULL);
    }
    *text = apr_pcalloc(pool, len + 1);
    rv = apr_file_read(file, *text, &len);
    apr_file_close(file);
    return rv == APR_SUCCESS ? NULL : apr_pstrcat(pool, "finds nothing in the file ", path, NULL);
}

/* What a secret's source says, without its line end; NULL and a message. */
const char *ba_kind_secret_text(apr_pool_t *pool, const char *source, const char **text)
{
    *text = NULL;
    if (!strncmp(source, "env:", 4)) {
        *text = getenv(source + 4);
        return *text ? NULL : "names an environment variable that is not set";
    }
    if (!strncmp(source, "exec:", 5)) {
        char **argv;

        if (apr_tokenize_to_argv(source + 5, &argv, pool) != APR_SUCCESS || !argv[0]) {
            return "needs a command after exec:";
        }
        *text = ap_get_exec_line(pool, argv[0], (const char *const *)argv);
        return *text ? NULL : "names a command that failed or printed nothing";
    }
    if (!strncmp(source, "file:", 5)) {
        char *all;
        const char *problem = read_file(pool, source + 5, &all);

        if (!problem) {
            all[strcspn(all, "\r\n")] = '\0';
            *text = all;
        }
        return problem;
    }
    *text = source;
    return NULL;
}

static const char *check_secret(const char *text)
{
    char seen[256] = {0};
    int different = 0;

    for (const unsigned char *p = (const unsigned char *)text; *p; ++p) {
        different += !seen[*p];
        seen[*p] = 1;
    }
    if (strlen(text) < SECRET_MIN) {
        return "is too short: write at least 32 random characters, for example from "
               "openssl rand -base64 32";
    }
    if (different < SECRET_MIN_DIFFERENT
        || !strcmp(text, "better-auth-secret-12345678901234567890")) {
        return "can be guessed: write 32 random characters, for example from "
               "openssl rand -base64 32";
    }
    return NULL;
}

static const char *add_secret(apr_array_header_t *list, const char *text)
{
    const char *problem = check_secret(text);
    ba_bytes *secret = problem ? NULL : apr_array_push(list);

    if (secret) {
        secret->data = text;
        secret->len = strlen(text);
    }
    return problem;
}

/* Each line of a file is one, so that a file alone can be rotated. */
static const char *add_file(apr_pool_t *pool, apr_array_header_t *list, const char *name)
{
    char *text, *last;
    const char *problem = read_file(pool, name, &text);
    int n = 0;

    /* an empty first line is a broken file, and not one to read on in */
    if (!problem && strcspn(text, "\r\n") == 0) {
        return check_secret("");
    }
    for (char *line = problem ? NULL : apr_strtok(text, "\r\n", &last);
         line && !problem && n < SECRETS_MAX; line = apr_strtok(NULL, "\r\n", &last)) {
        problem = add_secret(list, line);
        ++n;
    }
    return problem;
}

static const char *read_secrets(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                                char *const argv[])
{
    apr_array_header_t *list = apr_array_make(pool, argc, sizeof(ba_bytes));

    (void)slot;
    for (int i = 0; i < argc; ++i) {
        const char *problem, *text;

        if (!strncmp(argv[i], "file:", 5)) {
            problem = add_file(pool, list, argv[i] + 5);
        }
        else {
            problem = ba_kind_secret_text(pool, argv[i], &text);
            problem = problem ? problem : add_secret(list, text);
        }
        if (problem) {
            return problem;
        }
    }
    *(apr_array_header_t **)member = list;
    return NULL;
}

/* An upper bound below 64 would refuse good passphrases (SP 800-63B). */
static const char *read_lengths(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                                char *const argv[])
{
    ba_range range;

    (void)pool, (void)slot, (void)argc;
    if (!ba_kind_number(argv[0], 1, 64, &range.min) || !ba_kind_number(argv[1], 64, 4096, &range.max)) {
        return "takes MIN from 1 to 64 and MAX from 64 to 4096";
    }
    *(ba_range *)member = range;
    return NULL;
}

/* The longest lists that people pass around have some million lines. */
#define WORDS_BYTES_MAX 33554432

static const char *read_words(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                              char *const argv[])
{
    const char *path = ap_server_root_relative(pool, argv[0]);
    apr_finfo_t info = {0};
    apr_file_t *file;
    apr_size_t len;
    char *text;

    (void)slot, (void)argc;
    if (!path || apr_stat(&info, path, APR_FINFO_TYPE | APR_FINFO_SIZE, pool) != APR_SUCCESS
        || info.filetype != APR_REG || info.size > WORDS_BYTES_MAX
        || apr_file_open(&file, path, APR_FOPEN_READ, APR_FPROT_OS_DEFAULT, pool) != APR_SUCCESS) {
        return apr_pstrcat(pool, "must be a file of 32 MB at most that can be read; there is none at ",
                           path ? path : argv[0], NULL);
    }
    len = (apr_size_t)info.size;
    text = apr_pcalloc(pool, len + 1);
    if (apr_file_read_full(file, text, len, &len) != APR_SUCCESS) {
        *text = '\0';
    }
    apr_file_close(file);
    *(ba_words **)member = ba_words_create(text, pool);
    return ba_words_count(*(ba_words **)member)
               ? NULL
               : apr_pstrcat(pool, "must have a password in each line of ", path, NULL);
}

static const char *read_concurrency(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                                    char *const argv[])
{
    ba_range range = {0, 64};

    (void)slot;
    if ((!ba_kind_number(argv[0], 1, 1024, &range.min) && ap_cstr_casecmp(argv[0], "cores"))
        || (argc > 1 && !ba_kind_number(argv[1], 0, 10000, &range.max))) {
        return "takes N from 1 to 1024 (or: cores) and QUEUE from 0 to 10000";
    }
    if (!apr_isdigit(argv[0][0])) {
        range.min = ba_cpus_usable("", pool);
    }
    *(ba_range *)member = range;
    return NULL;
}

/* The sets that OWASP's guidance takes as equally strong (security.md PW-6). */
static int strong_enough(const ba_hash_params *p)
{
    return (p->memory_kib >= 47104 && p->passes >= 1) || (p->memory_kib >= 19456 && p->passes >= 2)
           || (p->memory_kib >= 12288 && p->passes >= 3);
}

static const char *read_hash(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                             char *const argv[])
{
    ba_hash_params params = {BA_HASH_ARGON2ID, 19456, 2, 1};

    (void)pool, (void)slot;
    if (!ap_cstr_casecmp(argv[0], "scrypt") && argc == 1) {
        params.scheme = BA_HASH_SCRYPT;
        *(ba_hash_params *)member = params;
        return NULL;
    }
    if (ap_cstr_casecmp(argv[0], "argon2id")) {
        return "must be argon2id [m=KIB] [t=N] [p=N], or scrypt";
    }
    for (int i = 1; i < argc; ++i) {
        apr_int64_t n;

        if (!strncmp(argv[i], "m=", 2) && ba_kind_number(argv[i] + 2, 8, 262144, &n)) {
            params.memory_kib = (apr_uint32_t)n;
        }
        else if (!strncmp(argv[i], "t=", 2) && ba_kind_number(argv[i] + 2, 1, 10, &n)) {
            params.passes = (apr_uint32_t)n;
        }
        else if (!strncmp(argv[i], "p=", 2) && ba_kind_number(argv[i] + 2, 1, 4, &n)) {
            params.lanes = (apr_uint32_t)n;
        }
        else {
            return "takes m= up to 262144 (KiB), t= up to 10 and p= up to 4 after argon2id";
        }
    }
    if (!strong_enough(&params)) {
        return "is too weak: take at least m=19456 t=2, m=12288 t=3 or m=47104 t=1";
    }
    *(ba_hash_params *)member = params;
    return NULL;
}

const ba_kind ba_kind_secrets = {read_secrets, sizeof(apr_array_header_t *), 1, 8};
const ba_kind ba_kind_lengths = {read_lengths, sizeof(ba_range), 2, 2};
const ba_kind ba_kind_words = {read_words, sizeof(ba_words *), 1, 1};
const ba_kind ba_kind_concurrency = {read_concurrency, sizeof(ba_range), 1, 2};
const ba_kind ba_kind_hash = {read_hash, sizeof(ba_hash_params), 1, 4};

int ba_kind_is_secret(const ba_kind *kind)
{
    return kind == &ba_kind_secrets || kind == &ba_kind_mailer;
}
