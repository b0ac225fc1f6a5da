/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* One row per directive: name, kind, member, range, default. One setter parses
 * and checks each kind; create and merge walk the same rows, so a default or an
 * inheritance cannot be forgotten. Every message says what to write instead;
 * none repeats a value, which may be a secret. */

#include "ba_directives.h"

#include "ba_mail_args.h"
#include "ba_module.h"
#include "ba_url.h"

#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECRET_MIN 32
#define SECRET_MIN_DIFFERENT 8

typedef struct ba_slot ba_slot;

/* Reads the words of a directive into its member; NULL or a message. */
typedef const char *(*ba_kind_read)(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                                    char *const argv[]);

typedef struct ba_kind {
    ba_kind_read read;
    apr_size_t size; /* of the member */
    int min_args;
    int max_args;
} ba_kind;

struct ba_slot {
    const ba_kind *kind;
    apr_size_t offset;
    const char *fallback;     /* the default as one would write it, NULL: all zero */
    apr_int64_t lo, hi;       /* of a number */
    const char *const *words; /* of an enum, by value */
};

/* ---- kinds */

static const char *read_flag(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                             char *const argv[])
{
    (void)pool, (void)slot, (void)argc;
    if (!ap_cstr_casecmp(argv[0], "on")) {
        *(int *)member = 1;
    }
    else if (!ap_cstr_casecmp(argv[0], "off")) {
        *(int *)member = 0;
    }
    else {
        return "must be on or off";
    }
    return NULL;
}

static const char *read_word(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                             char *const argv[])
{
    const char *all = NULL;

    (void)argc;
    for (int i = 0; slot->words[i]; ++i) {
        if (!ap_cstr_casecmp(argv[0], slot->words[i])) {
            *(int *)member = i;
            return NULL;
        }
        all = all ? apr_pstrcat(pool, all, ", ", slot->words[i], NULL) : slot->words[i];
    }
    return apr_pstrcat(pool, "must be one of ", all, NULL);
}

int ba_directives_read_time(const char *text, apr_int64_t lo, apr_int64_t hi, apr_int64_t *seconds)
{
    static const struct {
        const char *unit;
        apr_int64_t seconds;
    } units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800}};
    char *end;
    apr_int64_t n = apr_strtoi64(text, &end, 10);

    for (apr_size_t i = 0; apr_isdigit(*text) && i < sizeof(units) / sizeof(units[0]); ++i) {
        if (!strcmp(end, units[i].unit) && n <= hi / units[i].seconds
            && n * units[i].seconds >= lo) {
            *seconds = n * units[i].seconds;
            return 1;
        }
    }
    return 0;
}

static const char *read_time(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                             char *const argv[])
{
    (void)argc;
    if (ba_directives_read_time(argv[0], slot->lo, slot->hi, member)) {
        return NULL;
    }
    return apr_psprintf(pool,
                        "must be a time such as 300, 10m, 12h or 7d, from %" APR_INT64_T_FMT
                        " to %" APR_INT64_T_FMT " seconds",
                        slot->lo, slot->hi);
}

/* The same, and 0 for off */
static const char *read_time_or_off(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                                    char *const argv[])
{
    const char *problem;

    if (!ap_cstr_casecmp(argv[0], "off")) {
        *(apr_int64_t *)member = 0;
        return NULL;
    }
    problem = read_time(pool, slot, member, argc, argv);
    return problem ? apr_pstrcat(pool, problem, ", or off", NULL) : NULL;
}

static int read_number(const char *text, apr_int64_t lo, apr_int64_t hi, apr_int64_t *n)
{
    char *end;

    *n = apr_strtoi64(text, &end, 10);
    return apr_isdigit(*text) && !*end && *n >= lo && *n <= hi;
}

static const char *read_count_or_off(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                                     char *const argv[])
{
    apr_int64_t n = 0;

    (void)argc;
    if (ap_cstr_casecmp(argv[0], "off") && !read_number(argv[0], slot->lo, slot->hi, &n)) {
        return apr_psprintf(pool, "must be a number from %" APR_INT64_T_FMT " to %" APR_INT64_T_FMT
                                  ", or off",
                            slot->lo, slot->hi);
    }
    *(apr_int64_t *)member = n;
    return NULL;
}

static const char *read_prefix(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                               char *const argv[])
{
    static const int lengths[] = {32, 48, 56, 64, 128};

    (void)pool, (void)slot, (void)argc;
    for (apr_size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); ++i) {
        if (!strcmp(argv[0], apr_itoa(pool, lengths[i]))) {
            *(int *)member = lengths[i];
            return NULL;
        }
    }
    return "must be 32, 48, 56, 64 or 128";
}

/* http(s)://host[:port], and nothing more */
static const char *read_origin(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                               char *const argv[])
{
    ba_url url;
    const char *origin = ba_url_parse(argv[0], &url, pool) == APR_SUCCESS
                             ? ba_url_origin(&url, pool)
                             : NULL;

    (void)slot, (void)argc;
    if (!origin || (strcmp(url.path, "") && strcmp(url.path, "/")) || strpbrk(argv[0], "?#")) {
        return "must be https://host or http://host, with :port if it is not the usual one, "
               "without a path (BetterAuthBasePath has the path)";
    }
    *(const char **)member = origin;
    return NULL;
}

/* https://…, http://… or /…, kept as a browser would write it */
static const char *read_url(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                            char *const argv[])
{
    const char *text = argv[0];
    apr_size_t host;
    ba_url url;

    (void)slot, (void)argc;
    if (*text != '/' && ba_url_parse(text, &url, pool) == APR_SUCCESS
        && ba_url_origin(&url, pool)) {
        host = strlen(url.scheme) + 3;
        host += strcspn(text + host, "/?#");
        text = apr_pstrcat(pool, ba_url_origin(&url, pool), text[host] == '/' ? "" : "/",
                           text + host, NULL);
    }
    else if (*text != '/' || !ba_url_safe_path(text)) {
        return "must be https://host/path, http://host/path or /path";
    }
    *(const char **)member = text;
    return NULL;
}

static const char *read_url_path(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                                 char *const argv[])
{
    const char *path = argv[0];
    apr_size_t len = strlen(path);

    (void)pool, (void)slot, (void)argc;
    for (const char *p = path; *p; ++p) {
        if (!apr_isalnum(*p) && !strchr("/-_.~", *p)) {
            len = 0;
        }
    }
    if (len < 2 || path[0] != '/' || path[len - 1] == '/' || strstr(path, "//")
        || strstr(path, "/.")) {
        return "must be a path such as /api/auth: a slash first, none at the end";
    }
    *(const char **)member = path;
    return NULL;
}

static const char *read_directory(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                                  char *const argv[])
{
    const char *path = ap_server_root_relative(pool, argv[0]);
    apr_finfo_t info;

    (void)slot, (void)argc;
    if (!path || apr_stat(&info, path, APR_FINFO_TYPE, pool) != APR_SUCCESS
        || info.filetype != APR_DIR) {
        return apr_pstrcat(pool, "must be a directory; there is none at ", path ? path : argv[0],
                           NULL);
    }
    *(const char **)member = path;
    return NULL;
}

static const char *read_token(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                              char *const argv[])
{
    (void)pool, (void)slot, (void)argc;
    for (const char *p = argv[0]; *p; ++p) {
        if (!apr_isalnum(*p) && !strchr("-_.", *p)) {
            return "must be of letters, digits, - _ and .";
        }
    }
    if (!*argv[0] || strlen(argv[0]) > 64) {
        return "must have 1 to 64 characters";
    }
    *(const char **)member = argv[0];
    return NULL;
}

/* What people read: any text without control characters. */
static const char *read_name(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                             char *const argv[])
{
    (void)slot, (void)argc;
    if (!ba_mail_args_is_line(argv[0], pool)) {
        return "must be one line of 1 to 120 characters, as UTF-8";
    }
    *(const char **)member = argv[0];
    return NULL;
}

/* A path that ends where a cookie's attribute ends would smuggle in another. */
static int is_cookie_path(const char *path)
{
    for (const char *p = path; *p; ++p) {
        if (!apr_isalnum(*p) && !strchr("/-_.~", *p)) {
            return 0;
        }
    }
    return *path == '/';
}

static const char *const own_names[2][12] = {
    {"id", "name", "email", "emailVerified", "image", "createdAt", "updatedAt", "password",
     "callbackURL", "rememberMe", NULL},
    {"id", "expiresAt", "token", "createdAt", "updatedAt", "ipAddress", "userAgent", "userId",
     NULL},
};

/* As columns compare: without regard to case. */
static int is_one_of(const char *name, const char *const *names)
{
    while (*names && ap_cstr_casecmp(name, *names)) {
        ++names;
    }
    return *names != NULL;
}

/* A name that can stand in a statement as it is. */
static int is_identifier(const char *name)
{
    apr_size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

    return len && len <= 64 && !name[len] && !apr_isdigit(*name);
}

/* The words after the type; NULL or a message. */
static const char *read_column_words(apr_pool_t *pool, ba_column *c, int argc, char *const argv[])
{
    for (int i = 0; i < argc; ++i) {
        if (!ap_cstr_casecmp(argv[i], "required")) {
            c->required = 1;
        }
        else if (!ap_cstr_casecmp(argv[i], "readonly")) {
            c->readonly = 1;
        }
        else if (!ap_cstr_casecmp(argv[i], "hidden")) {
            c->hidden = 1;
        }
        else if (!ap_cstr_casecmpn(argv[i], "default=", 8)) {
            c->fallback = ba_column_value(c->type, argv[i] + 8, pool);
            if (!c->fallback) {
                return apr_pstrcat(pool, "takes a default= that is a ", ba_column_types[c->type],
                                   NULL);
            }
        }
        else if (!ap_cstr_casecmpn(argv[i], "column=", 7)) {
            c->column = argv[i] + 7;
        }
        else {
            return "takes required, readonly, hidden, default=VALUE and column=NAME after the type";
        }
    }
    return NULL;
}

static const char *read_column(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                               char *const argv[])
{
    ba_columns *all = member;
    int of_session = !ap_cstr_casecmp(argv[0], "session");
    apr_array_header_t **list = of_session ? &all->session : &all->user;
    ba_column c = {argv[1], argv[1], BA_COLUMN_STRING, 0, 0, 0, NULL};
    const char *problem;

    (void)slot;
    if (!of_session && ap_cstr_casecmp(argv[0], "user")) {
        return "takes user or session first";
    }
    while (ba_column_types[c.type] && ap_cstr_casecmp(argv[2], ba_column_types[c.type])) {
        ++c.type;
    }
    if (!ba_column_types[c.type]) {
        return "takes string, number, boolean or date as type";
    }
    if ((problem = read_column_words(pool, &c, argc - 3, argv + 3)) != NULL) {
        return problem;
    }
    if (!is_identifier(c.name) || !is_identifier(c.column) || is_one_of(c.name, own_names[of_session])
        || is_one_of(c.column, own_names[of_session])) {
        return "takes names of letters, digits and _ that the table does not have already";
    }
    for (int i = 0; *list && i < (*list)->nelts; ++i) {
        const ba_column *other = &APR_ARRAY_IDX(*list, i, ba_column);

        if (!ap_cstr_casecmp(other->name, c.name) || !ap_cstr_casecmp(other->column, c.column)) {
            return "takes each name once";
        }
    }
    if (c.required && !c.fallback && (of_session || c.readonly)) {
        return "needs default=VALUE where nobody can give a value that is required";
    }
    if (!*list) {
        *list = apr_array_make(pool, 4, sizeof(ba_column));
    }
    if ((*list)->nelts == BA_COLUMNS_MAX) {
        return "takes 16 columns of a table at most";
    }
    APR_ARRAY_PUSH(*list, ba_column) = c;
    return NULL;
}

/* Whether the cookies are Secure, as two of these need it, is known only later. */
static const char *read_cookie_attributes(apr_pool_t *pool, const ba_slot *slot, void *member,
                                          int argc, char *const argv[])
{
    ba_cookie_attributes a = {BA_SAME_SITE_LAX, "/", 0};

    (void)pool, (void)slot;
    for (int i = 0; i < argc; ++i) {
        if (!ap_cstr_casecmp(argv[i], "SameSite=Lax")) {
            a.same_site = BA_SAME_SITE_LAX;
        }
        else if (!ap_cstr_casecmp(argv[i], "SameSite=Strict")) {
            a.same_site = BA_SAME_SITE_STRICT;
        }
        else if (!ap_cstr_casecmp(argv[i], "SameSite=None")) {
            a.same_site = BA_SAME_SITE_NONE;
        }
        else if (!ap_cstr_casecmpn(argv[i], "Path=", 5) && is_cookie_path(argv[i] + 5)) {
            a.path = argv[i] + 5;
        }
        else if (!ap_cstr_casecmp(argv[i], "Partitioned")) {
            a.partitioned = 1;
        }
        else {
            return "takes SameSite=Lax, SameSite=Strict or SameSite=None, Path=/path, and "
                   "Partitioned";
        }
    }
    *(ba_cookie_attributes *)member = a;
    return NULL;
}

/* A pattern that could never match is a mistake that shows only in production. */
static const char *read_patterns(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                                 char *const argv[])
{
    apr_array_header_t **list = member;

    (void)slot;
    if (!*list) {
        *list = apr_array_make(pool, argc, sizeof(const char *));
    }
    for (int i = 0; i < argc; ++i) {
        ba_url url;
        const char *origin = NULL;

        if (!strpbrk(argv[i], "*?")) {
            if (ba_url_parse(argv[i], &url, pool) == APR_SUCCESS) {
                origin = ba_url_origin(&url, pool);
            }
            else if (!strstr(argv[i], "://")) {
                return "takes origins such as https://app.example.com, patterns such as "
                       "https://*.example.com or *.example.com, or app schemes such as myapp://";
            }
            if (origin && strcmp(origin, argv[i])) {
                return apr_pstrcat(pool, "would never match as written; write ", origin, NULL);
            }
        }
        APR_ARRAY_PUSH(*list, const char *) = argv[i];
    }
    return NULL;
}

/* Endpoints, below the base path; what they are called is for ba_check to know. */
static const char *read_endpoints(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                                  char *const argv[])
{
    apr_array_header_t **list = member;

    (void)slot;
    if (!*list) {
        *list = apr_array_make(pool, argc, sizeof(const char *));
    }
    for (int i = 0; i < argc; ++i) {
        apr_size_t len = strlen(argv[i]);

        while (len && argv[i][len - 1] == '/') {
            --len;
        }
        if (argv[i][0] != '/' || !len) {
            return "takes paths below the base path, such as /sign-up/email";
        }
        APR_ARRAY_PUSH(*list, const char *) = apr_pstrmemdup(pool, argv[i], len);
    }
    return NULL;
}

/* What a secret's source says, without its line end; NULL and a message. */
static const char *secret_from(apr_pool_t *pool, const char *source, const char **text)
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
        const char *path = ap_server_root_relative(pool, source + 5);
        char *buffer = apr_pcalloc(pool, 4097);
        apr_size_t len = 4096;
        apr_finfo_t info;
        apr_file_t *file;
        apr_status_t rv;

        if (!path
            || apr_file_open(&file, path, APR_FOPEN_READ, APR_FPROT_OS_DEFAULT, pool)
                   != APR_SUCCESS) {
            return apr_pstrcat(pool, "cannot read the file ", path ? path : source + 5, NULL);
        }
        rv = apr_file_info_get(&info, APR_FINFO_PROT, file);
        if (rv == APR_SUCCESS && (info.protection & APR_FPROT_WREAD)) {
            apr_file_close(file);
            return apr_pstrcat(pool, "is readable by everyone: chmod 600 ", path, NULL);
        }
        rv = apr_file_read(file, buffer, &len);
        apr_file_close(file);
        if (rv != APR_SUCCESS) {
            return apr_pstrcat(pool, "finds nothing in the file ", path, NULL);
        }
        buffer[strcspn(buffer, "\r\n")] = '\0';
        *text = buffer;
        return NULL;
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

static const char *read_secrets(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                                char *const argv[])
{
    apr_array_header_t *list = apr_array_make(pool, argc, sizeof(ba_bytes));

    (void)slot;
    for (int i = 0; i < argc; ++i) {
        const char *text;
        const char *problem = secret_from(pool, argv[i], &text);
        ba_bytes *secret;

        if (!problem) {
            problem = check_secret(text);
        }
        if (problem) {
            return problem;
        }
        secret = apr_array_push(list);
        secret->data = text;
        secret->len = strlen(text);
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
    if (!read_number(argv[0], 1, 64, &range.min) || !read_number(argv[1], 64, 4096, &range.max)) {
        return "takes MIN from 1 to 64 and MAX from 64 to 4096";
    }
    *(ba_range *)member = range;
    return NULL;
}

static const char *read_concurrency(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                                    char *const argv[])
{
    ba_range range = {0, 64};

    (void)pool, (void)slot;
    if ((!read_number(argv[0], 1, 1024, &range.min) && ap_cstr_casecmp(argv[0], "cores"))
        || (argc > 1 && !read_number(argv[1], 0, 10000, &range.max))) {
        return "takes N from 1 to 1024 (or: cores) and QUEUE from 0 to 10000";
    }
    if (!apr_isdigit(argv[0][0])) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);

        range.min = cores > 0 ? cores : 1;
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

        if (!strncmp(argv[i], "m=", 2) && read_number(argv[i] + 2, 8, 262144, &n)) {
            params.memory_kib = (apr_uint32_t)n;
        }
        else if (!strncmp(argv[i], "t=", 2) && read_number(argv[i] + 2, 1, 10, &n)) {
            params.passes = (apr_uint32_t)n;
        }
        else if (!strncmp(argv[i], "p=", 2) && read_number(argv[i] + 2, 1, 4, &n)) {
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

#define RATE_WINDOW_MAX 86400
#define RATE_MAX_MAX 1000000

static int read_window(const char *text, ba_rate *rate)
{
    return ba_directives_read_time(text, 1, RATE_WINDOW_MAX, &rate->window);
}

static int read_max(const char *text, ba_rate *rate)
{
    return read_number(text, 1, RATE_MAX_MAX, &rate->max);
}

static const char *read_rate(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                             char *const argv[])
{
    (void)pool, (void)slot, (void)argc;
    return read_window(argv[0], member) && read_max(argv[1], member)
               ? NULL
               : "takes WINDOW, a time from 1 to 1d such as 10 or 1m, and MAX from 1 to 1000000";
}

/* PATH WINDOW MAX, PATH off, and PATH WINDOW off for who reads the synopsis so. */
static const char *read_rate_rule(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                                  char *const argv[])
{
    apr_array_header_t **list = member;
    ba_rate_rule rule = {argv[0], {0, 0}};
    apr_size_t len = strlen(argv[0]);
    int off = !ap_cstr_casecmp(argv[argc - 1], "off");

    (void)slot;
    if (argv[0][0] != '/' || (len > 1 && argv[0][len - 1] == '/') || strpbrk(argv[0], "#% ")) {
        return "needs a path below BetterAuthBasePath first, such as /sign-in/email or "
               "/sign-in/*: a slash at its begin, none at its end";
    }
    if (argc == 2 ? !off
                  : !read_window(argv[1], &rule.rate) || (!off && !read_max(argv[2], &rule.rate))) {
        return "takes PATH WINDOW MAX, with a time from 1 to 1d such as 10 or 1m and a number from "
               "1 to 1000000, or PATH off";
    }
    if (!*list) {
        *list = apr_array_make(pool, 4, sizeof(ba_rate_rule));
    }
    APR_ARRAY_PUSH(*list, ba_rate_rule) = rule;
    return NULL;
}

static const char *read_cookie_cache(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                                     char *const argv[])
{
    ba_cookie_cache cache = {BA_CACHE_OFF, 300};
    int form;
    const char *problem = read_word(pool, slot, &form, 1, argv);

    if (!problem && argc > 1) {
        problem = read_time(pool, slot, &cache.max_age, 1, argv + 1);
    }
    cache.form = (ba_cache_form)form;
    if (!problem) {
        *(ba_cookie_cache *)member = cache;
    }
    return problem;
}

/* It is compared, and stands in JSON. */
static const char *read_version(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                                char *const argv[])
{
    (void)pool, (void)slot, (void)argc;
    for (const char *p = argv[0]; *p; ++p) {
        if (*p < ' ' || *p > '~') {
            return "must be of printable ASCII characters";
        }
    }
    if (!*argv[0] || strlen(argv[0]) > 64) {
        return "must have 1 to 64 characters";
    }
    *(const char **)member = argv[0];
    return NULL;
}

static const char *read_mailbox(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                                char *const argv[])
{
    (void)slot, (void)argc;
    return ba_mail_args_mailbox(argv[0], member, pool);
}

/* MAX WINDOW */
static const char *read_mail_limit(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                                   char *const argv[])
{
    static const ba_slot window = {.lo = 60, .hi = 604800};
    ba_range range;

    (void)slot, (void)argc;
    if (!read_number(argv[0], 1, 1000, &range.min)
        || read_time(pool, &window, &range.max, 1, argv + 1)) {
        return "takes MAX from 1 to 1000 and WINDOW from 1m to 7d, such as: 5 1h";
    }
    *(ba_range *)member = range;
    return NULL;
}

static const char *read_mailer(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                               char *const argv[])
{
    const char *password = NULL;
    const char *problem = argc > 1 ? secret_from(pool, argv[1], &password) : NULL;

    (void)slot;
    return problem ? problem : ba_mail_args_mailer(argv[0], password, member, pool);
}

static const ba_kind flag_kind = {read_flag, sizeof(int), 1, 1};
static const ba_kind word_kind = {read_word, sizeof(int), 1, 1};
static const ba_kind time_kind = {read_time, sizeof(apr_int64_t), 1, 1};
static const ba_kind time_or_off_kind = {read_time_or_off, sizeof(apr_int64_t), 1, 1};
static const ba_kind count_or_off_kind = {read_count_or_off, sizeof(apr_int64_t), 1, 1};
static const ba_kind prefix_kind = {read_prefix, sizeof(int), 1, 1};
static const ba_kind url_kind = {read_url, sizeof(const char *), 1, 1};
static const ba_kind name_kind = {read_name, sizeof(const char *), 1, 1};
static const ba_kind cookie_attributes_kind
    = {read_cookie_attributes, sizeof(ba_cookie_attributes), 1, 3};
static const ba_kind column_kind = {read_column, sizeof(ba_columns), 3, 8};
static const ba_kind origin_kind = {read_origin, sizeof(const char *), 1, 1};
static const ba_kind url_path_kind = {read_url_path, sizeof(const char *), 1, 1};
static const ba_kind directory_kind = {read_directory, sizeof(const char *), 1, 1};
static const ba_kind token_kind = {read_token, sizeof(const char *), 1, 1};
static const ba_kind patterns_kind = {read_patterns, sizeof(apr_array_header_t *), 1, 64};
static const ba_kind endpoints_kind = {read_endpoints, sizeof(apr_array_header_t *), 1, 64};
static const ba_kind secrets_kind = {read_secrets, sizeof(apr_array_header_t *), 1, 8};
static const ba_kind lengths_kind = {read_lengths, sizeof(ba_range), 2, 2};
static const ba_kind concurrency_kind = {read_concurrency, sizeof(ba_range), 1, 2};
static const ba_kind rate_kind = {read_rate, sizeof(ba_rate), 2, 2};
static const ba_kind rate_rule_kind = {read_rate_rule, sizeof(apr_array_header_t *), 2, 3};
static const ba_kind hash_kind = {read_hash, sizeof(ba_hash_params), 1, 4};
static const ba_kind cookie_cache_kind = {read_cookie_cache, sizeof(ba_cookie_cache), 1, 2};
static const ba_kind version_kind = {read_version, sizeof(const char *), 1, 1};
static const ba_kind mailer_kind = {read_mailer, sizeof(ba_mailer), 1, 2};
static const ba_kind mailbox_kind = {read_mailbox, sizeof(ba_mailbox), 1, 1};
static const ba_kind mail_limit_kind = {read_mail_limit, sizeof(ba_range), 2, 2};

static const char *const auto_words[] = {"auto", "on", "off", NULL};
static const char *const refresh_words[] = {"on", "off", "post", NULL};
static const char *const id_words[] = {"random", "uuid", NULL};
static const char *const bearer_words[] = {"off", "on", "signed", NULL};
static const char *const delete_words[] = {"off", "on", "confirm", NULL};
static const char *const identifier_words[] = {"plain", "hashed", NULL};
static const char *const cookie_cache_words[] = {"off", "compact", "jwt", "jwe", NULL};
static const char *const unauthenticated_words[] = {"auto", "401", "redirect", "pass", NULL};
static const char *const remote_user_words[] = {"email", "id", "name", NULL};
static const char *const export_words[] = {"none", "env", "headers", "both", NULL};

/* ---- the table */

static const char *set(cmd_parms *cmd, void *dir, int argc, char *const argv[]);

#define SERVER_ROW(name, kind, member, fallback, lo, hi, words, help)                              \
    AP_INIT_TAKE_ARGV(                                                                             \
        name, set,                                                                                 \
        (void *)(&(const ba_slot){&kind, offsetof(ba_settings, member), fallback, lo, hi, words}), \
        RSRC_CONF, help)

#define DIR_ROW(name, kind, member, fallback, words, help)                                       \
    AP_INIT_TAKE_ARGV(                                                                           \
        name, set,                                                                               \
        (void *)(&(const ba_slot){&kind, offsetof(ba_dir_settings, member), fallback, 0, 0,      \
                                  words}),                                                       \
        OR_AUTHCFG, help)

const command_rec ba_directives[] = {
    SERVER_ROW("BetterAuthSecret", secrets_kind, secrets, NULL, 0, 0, NULL,
               "signing key, 32 characters or more: text, file:PATH, env:NAME or exec:COMMAND; "
               "further ones only verify"),
    SERVER_ROW("BetterAuthBaseURL", origin_kind, base_url, NULL, 0, 0, NULL,
               "public origin of this server, https://host[:port]; from ServerName if absent"),
    SERVER_ROW("BetterAuthBasePath", url_path_kind, base_path, "/api/auth", 0, 0, NULL,
               "where the API is mounted"),
    SERVER_ROW("BetterAuthPagesPath", url_path_kind, pages_path, "/auth", 0, 0, NULL,
               "where the pages are mounted"),
    SERVER_ROW("BetterAuthPagesDir", directory_kind, pages_dir, NULL, 0, 0, NULL,
               "directory of own page documents; the installed set serves what it lacks"),
    SERVER_ROW("BetterAuthTrustedOrigins", patterns_kind, trusted_origins, NULL, 0, 0, NULL,
               "further origins that may call the API and be redirected to"),
    SERVER_ROW("BetterAuthCookiePrefix", token_kind, cookie_prefix, "better-auth", 0, 0, NULL,
               "first part of the cookies' names"),
    SERVER_ROW("BetterAuthCookieDomain", token_kind, cookie_domain, NULL, 0, 0, NULL,
               "Domain of the cookies; absent: this host only"),
    SERVER_ROW("BetterAuthSecureCookies", word_kind, secure_cookies, "auto", 0, 0, auto_words,
               "auto (by the base URL), on or off"),
    SERVER_ROW("BetterAuthSignUp", flag_kind, sign_up, "on", 0, 0, NULL,
               "may visitors create accounts?"),
    SERVER_ROW("BetterAuthAutoSignIn", flag_kind, auto_sign_in, "on", 0, 0, NULL,
               "does a new account start signed in?"),
    SERVER_ROW("BetterAuthRequireEmailVerification", flag_kind, require_email_verification, "off",
               0, 0, NULL, "does sign-in need a verified address?"),
    SERVER_ROW("BetterAuthPasswordLength", lengths_kind, password_length, "8 128", 0, 0, NULL,
               "MIN MAX characters of new passwords"),
    SERVER_ROW("BetterAuthPasswordHash", hash_kind, hash, "argon2id", 0, 0, NULL,
               "argon2id [m=KIB] [t=N] [p=N], or scrypt to share tables with a Node server"),
    SERVER_ROW("BetterAuthHashConcurrency", concurrency_kind, hash_concurrency, "cores 64", 0, 0,
               NULL, "N [QUEUE]: password hashes at a time on the whole server, and waiters"),
    SERVER_ROW("BetterAuthSessionExpiresIn", time_kind, session_expires_in, "7d", 1, 34560000,
               NULL, "life of a session since it was last refreshed"),
    SERVER_ROW("BetterAuthSessionUpdateAge", time_kind, session_update_age, "1d", 0, 34560000,
               NULL, "age at which a session in use is refreshed"),
    SERVER_ROW("BetterAuthSessionFreshAge", time_kind, session_fresh_age, "1d", 0, 34560000, NULL,
               "age up to which a session is fresh; 0: always"),
    SERVER_ROW("BetterAuthMailer", mailer_kind, mailer, "off", 0, 0, NULL,
               "how mail leaves: smtp://[user:password@]host[:port][?starttls=required|off|auto], "
               "smtps://…, sendmail:COMMAND, dir:PATH or off; the password also as a second "
               "argument: file:PATH, env:NAME or exec:COMMAND"),
    SERVER_ROW("BetterAuthMailFrom", mailbox_kind, mail_from, NULL, 0, 0, NULL,
               "whom mails are from: ADDRESS or \"Name <ADDRESS>\""),
    SERVER_ROW("BetterAuthMailLimit", mail_limit_kind, mail_limit, "5 1h", 0, 0, NULL,
               "mails to one address: at most MAX in WINDOW"),
    SERVER_ROW("BetterAuthMailDir", directory_kind, mail_dir, NULL, 0, 0, NULL,
               "a folder with mail documents of your own"),
    SERVER_ROW("BetterAuthBearer", word_kind, bearer, "off", 0, 0, bearer_words,
               "may Authorization: Bearer stand for the session cookie? on, off, or signed: with "
               "signature only"),
    SERVER_ROW("BetterAuthDisablePath", endpoints_kind, disabled_paths, NULL, 0, 0, NULL,
               "endpoints that answer 404, and their pages with them: paths below the base path"),
    SERVER_ROW("BetterAuthSkipTrailingSlash", flag_kind, skip_trailing_slash, "off", 0, 0, NULL,
               "is an endpoint with a slash behind the same endpoint?"),
    SERVER_ROW("BetterAuthErrorURL", url_kind, error_url, NULL, 0, 0, NULL,
               "where the endpoint /error sends people: a URL, or a path of this server"),
    SERVER_ROW("BetterAuthAppName", name_kind, app_name, NULL, 0, 0, NULL,
               "name of the site, as pages and mails show it; from the base URL if absent"),
    SERVER_ROW("BetterAuthEmailPassword", flag_kind, email_password, "on", 0, 0, NULL,
               "may people sign up and in with a password?"),
    SERVER_ROW("BetterAuthSessionRefresh", word_kind, session_refresh, "on", 0, 0, refresh_words,
               "is a session in use refreshed? on, off, or post: by POST /get-session only"),
    SERVER_ROW("BetterAuthSessionMaxLifetime", time_or_off_kind, session_max_lifetime, "off", 60,
               34560000, NULL, "age at which a session is over, however it was refreshed; or off"),
    SERVER_ROW("BetterAuthMaxSessionsPerUser", count_or_off_kind, max_sessions, "off", 1, 10000,
               NULL, "sessions of one user; a new one ends the oldest beyond them; or off"),
    SERVER_ROW("BetterAuthUnlinkAll", flag_kind, unlink_all, "off", 0, 0, NULL,
               "may a user remove the last way to sign in?"),
    SERVER_ROW("BetterAuthCookieAttributes", cookie_attributes_kind, cookie_attributes,
               "SameSite=Lax Path=/", 0, 0, NULL,
               "SameSite=Lax, Strict or None, Path=/path, Partitioned: of our cookies"),
    SERVER_ROW("BetterAuthIPv6Subnet", prefix_kind, ipv6_subnet, "64", 0, 0, NULL,
               "bits of an IPv6 address that tell a client: 32, 48, 56, 64 or 128"),
    SERVER_ROW("BetterAuthIPTracking", flag_kind, ip_tracking, "on", 0, 0, NULL,
               "do sessions keep the client's address?"),
    SERVER_ROW("BetterAuthGenerateID", word_kind, generate_id, "random", 0, 0, id_words,
               "ids of new rows: random or uuid"),
    SERVER_ROW("BetterAuthVerifyOnSignUp", word_kind, verify_on_sign_up, "auto", 0, 0, auto_words,
               "is a new address asked to be verified? auto: if sign-in needs it"),
    SERVER_ROW("BetterAuthVerifyOnSignIn", flag_kind, verify_on_sign_in, "off", 0, 0, NULL,
               "does a sign-in that needs a verified address send a new link?"),
    SERVER_ROW("BetterAuthVerifySignsIn", flag_kind, verify_signs_in, "off", 0, 0, NULL,
               "does the link that verifies an address sign in?"),
    SERVER_ROW("BetterAuthVerifyExpiresIn", time_kind, verify_expires_in, "1h", 60, 2592000, NULL,
               "life of the links that verify and change addresses"),
    SERVER_ROW("BetterAuthResetExpiresIn", time_kind, reset_expires_in, "1h", 60, 2592000, NULL,
               "life of a link to choose a new password"),
    SERVER_ROW("BetterAuthResetRevokesSessions", flag_kind, reset_revokes_sessions, "off", 0, 0,
               NULL, "does a new password by mail end all sessions?"),
    SERVER_ROW("BetterAuthChangeEmail", flag_kind, change_email, "off", 0, 0, NULL,
               "may users change their address?"),
    SERVER_ROW("BetterAuthChangeEmailUnverified", flag_kind, change_email_unverified, "off", 0, 0,
               NULL, "is an unverified address changed at once?"),
    SERVER_ROW("BetterAuthChangeEmailConfirm", flag_kind, change_email_confirm, "on", 0, 0, NULL,
               "does a verified address have to agree to its change?"),
    SERVER_ROW("BetterAuthDeleteUser", word_kind, delete_user, "off", 0, 0, delete_words,
               "may users delete their account: off, on or confirm (by mail)"),
    SERVER_ROW("BetterAuthDeleteExpiresIn", time_kind, delete_expires_in, "1d", 60, 2592000, NULL,
               "life of a link to delete an account"),
    SERVER_ROW("BetterAuthVerificationIdentifier", word_kind, hash_identifiers, "plain", 0, 0,
               identifier_words, "how mailed tokens are stored: plain or hashed"),
    SERVER_ROW("BetterAuthRateLimit", flag_kind, rate_limit, "on", 0, 0, NULL,
               "limit requests of one client, and wrong passwords of one account?"),
    SERVER_ROW("BetterAuthRateLimitDefault", rate_kind, rate_default, "10 100", 0, 0, NULL,
               "WINDOW MAX: requests of one client to one path of the API"),
    SERVER_ROW("BetterAuthRateLimitRule", rate_rule_kind, rate_rules, NULL, 0, 0, NULL,
               "PATH WINDOW MAX, or PATH off: another limit; the first rule that fits counts"),
    SERVER_ROW("BetterAuthCookieCache", cookie_cache_kind, cookie_cache, "off 300", 1, 34560000,
               cookie_cache_words, "off, compact, jwt or jwe, then MAXAGE: session and user in a "
               "cookie that answers without the database"),
    SERVER_ROW("BetterAuthCookieCacheVersion", version_kind, cookie_cache_version, "1", 0, 0, NULL,
               "a new TEXT makes all cookie caches of before worthless"),
    SERVER_ROW("BetterAuthField", column_kind, columns, NULL, 0, 0, NULL,
               "user|session NAME string|number|boolean|date [required] [readonly] [hidden] "
               "[default=VALUE] [column=NAME]: a column of the operator's own"),
    DIR_ROW("BetterAuthUnauthenticated", word_kind, unauthenticated, "auto", unauthenticated_words,
            "what an anonymous request gets: auto, 401, redirect or pass"),
    DIR_ROW("BetterAuthRemoteUser", word_kind, remote_user, "email", remote_user_words,
            "what becomes REMOTE_USER: email, id or name"),
    DIR_ROW("BetterAuthExport", word_kind, export_to, "both", export_words,
            "how applications learn who it is: env, headers, both or none"),
    DIR_ROW("BetterAuthForwardCookies", flag_kind, forward_cookies, "off", NULL,
            "do proxied applications get the session cookies?"),
    {0},
};

/* a row is a bit of `set` */
_Static_assert(sizeof(ba_directives) / sizeof(ba_directives[0]) <= 65, "too many directives");

static const ba_slot *slot_of(const command_rec *row)
{
    return row->cmd_data;
}

static int is_dir_row(const command_rec *row)
{
    return row->req_override == OR_AUTHCFG;
}

static const char *set(cmd_parms *cmd, void *dir, int argc, char *const argv[])
{
    const command_rec *row = cmd->cmd;
    const ba_slot *slot = slot_of(row);
    ba_dir_config *d = dir;
    ba_server_config *s = ap_get_module_config(cmd->server->module_config, &betterauth_module);
    char *values = is_dir_row(row) ? (char *)&d->values : (char *)&s->values;
    apr_uint64_t *bits = is_dir_row(row) ? &d->set : &s->set;
    const char *problem = NULL;

    if (!is_dir_row(row)) {
        /* the hash gate is one for the whole server */
        unsigned forbidden = slot->kind == &concurrency_kind ? GLOBAL_ONLY : NOT_IN_DIR_CONTEXT;

        if ((problem = ap_check_cmd_context(cmd, forbidden)) != NULL) {
            return problem;
        }
    }
    if (argc < slot->kind->min_args || argc > slot->kind->max_args) {
        return apr_psprintf(cmd->pool, "%s takes: %s", row->name, row->errmsg);
    }
    problem = slot->kind->read(cmd->pool, slot, values + slot->offset, argc, argv);
    if (problem) {
        return apr_pstrcat(cmd->pool, row->name, " ", problem, NULL);
    }
    *bits |= (apr_uint64_t)1 << (row - ba_directives);
    return NULL;
}

/* ---- create and merge */

static void set_defaults(apr_pool_t *pool, char *values, int dir_rows)
{
    for (const command_rec *row = ba_directives; row->name; ++row) {
        const ba_slot *slot = slot_of(row);
        char **argv;
        int argc = 0;

        if (is_dir_row(row) != dir_rows || !slot->fallback) {
            continue;
        }
        apr_tokenize_to_argv(slot->fallback, &argv, pool);
        while (argv[argc]) {
            ++argc;
        }
        slot->kind->read(pool, slot, values + slot->offset, argc, argv);
    }
}

/* What add has set goes over what base says. */
static void merge(char *values, const char *add, apr_uint64_t add_set, int dir_rows)
{
    for (const command_rec *row = ba_directives; row->name; ++row) {
        const ba_slot *slot = slot_of(row);

        if (is_dir_row(row) == dir_rows && (add_set >> (row - ba_directives) & 1)) {
            memcpy(values + slot->offset, add + slot->offset, slot->kind->size);
        }
    }
}

void *ba_directives_create_server(apr_pool_t *pool, server_rec *s)
{
    ba_server_config *config = apr_pcalloc(pool, sizeof(*config));

    (void)s;
    set_defaults(pool, (char *)&config->values, 0);
    return config;
}

void *ba_directives_merge_server(apr_pool_t *pool, void *base_, void *add_)
{
    const ba_server_config *base = base_, *add = add_;
    ba_server_config *config = apr_pmemdup(pool, base, sizeof(*config));

    merge((char *)&config->values, (const char *)&add->values, add->set, 0);
    config->set |= add->set;
    return config;
}

void *ba_directives_create_dir(apr_pool_t *pool, char *dir)
{
    ba_dir_config *config = apr_pcalloc(pool, sizeof(*config));

    (void)dir;
    set_defaults(pool, (char *)&config->values, 1);
    return config;
}

void *ba_directives_merge_dir(apr_pool_t *pool, void *base_, void *add_)
{
    const ba_dir_config *base = base_, *add = add_;
    ba_dir_config *config = apr_pmemdup(pool, base, sizeof(*config));

    merge((char *)&config->values, (const char *)&add->values, add->set, 1);
    config->set |= add->set;
    return config;
}
