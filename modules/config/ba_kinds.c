/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Values that several directives could have. */

#include "ba_kind.h"

#include "ba_mail_args.h"
#include "ba_url.h"

#include <apr_file_info.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <http_core.h>
#include <string.h>

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

int ba_kind_seconds(const char *text, apr_int64_t lo, apr_int64_t hi, apr_int64_t *seconds)
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
    if (ba_kind_seconds(argv[0], slot->lo, slot->hi, member)) {
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

int ba_kind_number(const char *text, apr_int64_t lo, apr_int64_t hi, apr_int64_t *n)
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
    if (ap_cstr_casecmp(argv[0], "off") && !ba_kind_number(argv[0], slot->lo, slot->hi, &n)) {
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

const ba_kind ba_kind_flag = {read_flag, sizeof(int), 1, 1};
const ba_kind ba_kind_word = {read_word, sizeof(int), 1, 1};
const ba_kind ba_kind_time = {read_time, sizeof(apr_int64_t), 1, 1};
const ba_kind ba_kind_time_or_off = {read_time_or_off, sizeof(apr_int64_t), 1, 1};
const ba_kind ba_kind_count_or_off = {read_count_or_off, sizeof(apr_int64_t), 1, 1};
const ba_kind ba_kind_prefix = {read_prefix, sizeof(int), 1, 1};
const ba_kind ba_kind_url = {read_url, sizeof(const char *), 1, 1};
const ba_kind ba_kind_name = {read_name, sizeof(const char *), 1, 1};
const ba_kind ba_kind_origin = {read_origin, sizeof(const char *), 1, 1};
const ba_kind ba_kind_url_path = {read_url_path, sizeof(const char *), 1, 1};
const ba_kind ba_kind_directory = {read_directory, sizeof(const char *), 1, 1};
const ba_kind ba_kind_token = {read_token, sizeof(const char *), 1, 1};
