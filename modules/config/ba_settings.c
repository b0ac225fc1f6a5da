/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_settings.h"

#include <apr_strings.h>
#include <string.h>

void ba_settings_finish(ba_settings *s, apr_pool_t *pool)
{
    const char *prefix;

    s->origin = s->base_url;
    s->secure = s->secure_cookies == BA_AUTO ? !strncmp(s->base_url, "https://", 8)
                                             : s->secure_cookies == BA_ON;
    prefix = apr_pstrcat(pool, s->secure ? "__Secure-" : "", s->cookie_prefix, ".", NULL);
    s->session_cookie = apr_pstrcat(pool, prefix, "session_token", NULL);
    s->data_cookie = apr_pstrcat(pool, prefix, "session_data", NULL);
    s->remember_cookie = apr_pstrcat(pool, prefix, "dont_remember", NULL);
    s->cookie_flags
        = apr_pstrcat(pool, s->cookie_domain ? "; Domain=" : "",
                      s->cookie_domain ? s->cookie_domain : "", "; Path=/; HttpOnly",
                      s->secure ? "; Secure" : "", "; SameSite=Lax", NULL);
}
