/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_languages.h"

#include "ba_cookie.h"
#include "ba_module.h"

#include <apr_strings.h>
#include <http_config.h>
#include <http_log.h>

/* 1: there is such a file, and it could be read. */
static int read_file(ba_language *language, const char *dir, server_rec *s, apr_pool_t *pool)
{
    const char *path = apr_pstrcat(pool, dir, "/languages/", language->code, ".txt", NULL);
    const char *problem;
    apr_status_t rv = ba_language_read(language, path, &problem, pool);

    if (!s) {
        return !APR_STATUS_IS_ENOENT(rv);
    }
    if (problem) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, s,
                     "BA0180: %s; the rest of this file is not used", problem);
    }
    else if (rv != APR_SUCCESS && !APR_STATUS_IS_ENOENT(rv)) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, s, "BA0181: cannot read %s", path);
    }
    return !APR_STATUS_IS_ENOENT(rv);
}

static const ba_language *load(const ba_settings *settings, const char *code,
                               const ba_language *english, server_rec *s, apr_pool_t *pool)
{
    ba_language *language = ba_language_create(code, english, pool);
    int found = read_file(language, BA_PAGES_DIR, s, pool);

    if (settings->pages_dir) {
        found |= read_file(language, settings->pages_dir, s, pool);
    }
    if (!found && s) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "BA0182: BetterAuthLanguages: there is no languages/%s.txt in %s", code,
                     settings->pages_dir ? settings->pages_dir : BA_PAGES_DIR);
    }
    return found ? language : NULL;
}

const apr_array_header_t *ba_languages_load(const ba_settings *settings, server_rec *s,
                                            apr_pool_t *pool)
{
    const apr_array_header_t *codes = settings->languages;
    apr_array_header_t *all = apr_array_make(pool, codes->nelts, sizeof(const ba_language *));
    const ba_language *english = load(settings, "en", NULL, s, pool);

    for (int i = 0; i < codes->nelts; ++i) {
        const char *code = APR_ARRAY_IDX(codes, i, const char *);
        const ba_language *language
            = !strcmp(code, "en") ? english : load(settings, code, english, s, pool);

        if (language) {
            APR_ARRAY_PUSH(all, const ba_language *) = language;
        }
    }
    if (!all->nelts) {
        APR_ARRAY_PUSH(all, const ba_language *)
            = english ? english : ba_language_create("en", NULL, pool);
    }
    return all;
}

const char *ba_languages_cookie(const ba_call *call)
{
    return apr_pstrcat(call->pool, call->settings->cookie_prefix, ".language", NULL);
}

const ba_language *ba_languages_choose(const apr_array_header_t *all, const ba_call *call)
{
    const ba_language *chosen
        = ba_language_find(all, ba_cookie_get(call, ba_languages_cookie(call)));

    return chosen ? chosen : ba_language_accepted(all, ba_call_header(call, "Accept-Language"));
}
