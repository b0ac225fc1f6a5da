/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_settings.h"

#include "ba_admin.h"

#include <apr_strings.h>
#include <string.h>

/* Host of scheme://host[:port]; an IPv6 address keeps its brackets. */
static const char *host_of(const char *base_url, apr_pool_t *pool)
{
    const char *host = strstr(base_url, "://") + 3;
    const char *end = *host == '[' ? strchr(host, ']') + 1 : host + strcspn(host, ":");

    return apr_pstrmemdup(pool, host, (apr_size_t)(end - host));
}

static void finish_mail(ba_settings *s, apr_pool_t *pool)
{
    const char *host = host_of(s->base_url, pool);
    int numeric = host[strspn(host, "0123456789.")] == '\0' || *host == '[';

    if (!s->app_name) {
        s->app_name = host;
    }
    if (!s->mail_from.address) {
        /* RFC 5321, 4.1.3 */
        const char *domain = !numeric       ? host
                             : *host == '[' ? apr_pstrcat(pool, "[IPv6:", host + 1, NULL)
                                            : apr_pstrcat(pool, "[", host, "]", NULL);

        s->mail_from.address = apr_pstrcat(pool, "noreply@", domain, NULL);
    }
    s->mailer.helo = !numeric && strchr(host, '.') ? host : NULL;
}

/* Browsers refuse SameSite=None and Partitioned without Secure. */
static const char *cookie_flags(const ba_settings *s, apr_pool_t *pool)
{
    static const char *const same_site[] = {"Lax", "Strict", "None"};
    const ba_cookie_attributes *a = &s->cookie_attributes;
    int good = s->secure || a->same_site != BA_SAME_SITE_NONE;

    return apr_pstrcat(pool, s->cookie_domain ? "; Domain=" : "",
                       s->cookie_domain ? s->cookie_domain : "", "; Path=", a->path, "; HttpOnly",
                       s->secure ? "; Secure" : "", "; SameSite=",
                       same_site[good ? a->same_site : BA_SAME_SITE_LAX],
                       a->partitioned && s->secure ? "; Partitioned" : "", NULL);
}

void ba_settings_finish(ba_settings *s, apr_pool_t *pool)
{
    const char *prefix;

    s->columns = s->admin ? ba_admin_columns(&s->fields, pool) : s->fields;
    s->origin = s->base_url;
    s->secure = s->secure_cookies == BA_AUTO ? !strncmp(s->base_url, "https://", 8)
                                             : s->secure_cookies == BA_ON;
    prefix = apr_pstrcat(pool, s->secure ? "__Secure-" : "", s->cookie_prefix, ".", NULL);
    s->session_cookie = apr_pstrcat(pool, prefix, "session_token", NULL);
    s->data_cookie = apr_pstrcat(pool, prefix, "session_data", NULL);
    s->remember_cookie = apr_pstrcat(pool, prefix, "dont_remember", NULL);
    s->cookie_flags = cookie_flags(s, pool);
    finish_mail(s, pool);
}
