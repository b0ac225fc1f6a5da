/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Values that one directive has for itself. */

#include "ba_kind.h"

#include "ba_mail_args.h"
#include "ba_url.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <http_core.h>
#include <string.h>

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
    ba_column c = {argv[1], argv[1], BA_COLUMN_STRING, 0, 0, 0, NULL, 0};
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
    if ((*list)->nelts == BA_COLUMNS_OWN) {
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

#define RATE_WINDOW_MAX 86400
#define RATE_MAX_MAX 1000000

static int read_window(const char *text, ba_rate *rate)
{
    return ba_kind_seconds(text, 1, RATE_WINDOW_MAX, &rate->window);
}

static int read_max(const char *text, ba_rate *rate)
{
    return ba_kind_number(text, 1, RATE_MAX_MAX, &rate->max);
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
    int form = BA_CACHE_OFF;
    const char *problem = ba_kind_word.read(pool, slot, &form, 1, argv);

    if (!problem && argc > 1) {
        problem = ba_kind_time.read(pool, slot, &cache.max_age, 1, argv + 1);
    }
    cache.form = (ba_cache_form)form;
    if (!problem) {
        *(ba_cookie_cache *)member = cache;
    }
    return problem;
}

/* off, or PROVIDER[:ARGS] [LIFETIME] */
static const char *read_session_cache(apr_pool_t *pool, const ba_slot *slot, void *member,
                                      int argc, char *const argv[])
{
    ba_cache_source cache = {NULL, NULL, 10};
    const char *colon = strchr(argv[0], ':');
    const char *problem
        = argc > 1 ? ba_kind_time.read(pool, slot, &cache.lifetime, 1, argv + 1) : NULL;

    if (problem) {
        return problem;
    }
    if (strcasecmp(argv[0], "off")) {
        cache.provider = colon ? apr_pstrmemdup(pool, argv[0], (apr_size_t)(colon - argv[0]))
                               : argv[0];
        cache.args = colon && colon[1] ? colon + 1 : NULL;
    }
    if (cache.provider && !*cache.provider) {
        return "takes off, or a provider such as shmcb or redis:127.0.0.1:6379";
    }
    *(ba_cache_source *)member = cache;
    return NULL;
}

/* As CustomLog takes them. */
static const char *read_log(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                            char *const argv[])
{
    const char *target = NULL;

    (void)slot, (void)argc;
    if (*argv[0] == '|') {
        target = argv[0][1] ? argv[0] : NULL;
    }
    else if (ap_cstr_casecmp(argv[0], "off")) {
        target = *argv[0] ? ap_server_root_relative(pool, argv[0]) : NULL;
    }
    if (!target && ap_cstr_casecmp(argv[0], "off")) {
        return "takes a file, \"|program arguments\" or off";
    }
    *(const char **)member = target;
    return NULL;
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
    if (!ba_kind_number(argv[0], 1, 1000, &range.min)
        || ba_kind_time.read(pool, &window, &range.max, 1, argv + 1)) {
        return "takes MAX from 1 to 1000 and WINDOW from 1m to 7d, such as: 5 1h";
    }
    *(ba_range *)member = range;
    return NULL;
}

static const char *read_mailer(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                               char *const argv[])
{
    const char *password = NULL;
    const char *problem = argc > 1 ? ba_kind_secret_text(pool, argv[1], &password) : NULL;

    (void)slot;
    return problem ? problem : ba_mail_args_mailer(argv[0], password, member, pool);
}

const ba_kind ba_kind_cookie_attributes = {read_cookie_attributes, sizeof(ba_cookie_attributes), 1, 3};
const ba_kind ba_kind_column = {read_column, sizeof(ba_columns), 3, 8};
const ba_kind ba_kind_patterns = {read_patterns, sizeof(apr_array_header_t *), 1, 64};
const ba_kind ba_kind_endpoints = {read_endpoints, sizeof(apr_array_header_t *), 1, 64};
const ba_kind ba_kind_rate = {read_rate, sizeof(ba_rate), 2, 2};
const ba_kind ba_kind_rate_rule = {read_rate_rule, sizeof(apr_array_header_t *), 2, 3};
const ba_kind ba_kind_cookie_cache = {read_cookie_cache, sizeof(ba_cookie_cache), 1, 2};
const ba_kind ba_kind_session_cache = {read_session_cache, sizeof(ba_cache_source), 1, 2};
const ba_kind ba_kind_log = {read_log, sizeof(const char *), 1, 1};
const ba_kind ba_kind_version = {read_version, sizeof(const char *), 1, 1};
const ba_kind ba_kind_mailer = {read_mailer, sizeof(ba_mailer), 1, 2};
const ba_kind ba_kind_mailbox = {read_mailbox, sizeof(ba_mailbox), 1, 1};
const ba_kind ba_kind_mail_limit = {read_mail_limit, sizeof(ba_range), 2, 2};

int ba_kind_adds_up(const ba_kind *kind)
{
    return kind == &ba_kind_column || kind == &ba_kind_patterns || kind == &ba_kind_endpoints
           || kind == &ba_kind_rate_rule || kind == &ba_kind_brand;
}
