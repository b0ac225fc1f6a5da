/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Bearer tokens: Better Auth's plugin of that name. The token is the session's, as
 * the cookie carries it with its signature, or bare, as sign-in answers it. */

#include "ba_mac.h"
#include "ba_routes_int.h"
#include "ba_settings.h"
#include "ba_text.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>
#include <strings.h>

#define SCHEME "Bearer "

/* What stands behind the scheme, NULL if there is nothing. */
static const char *credentials(const ba_call *call)
{
    const char *text = ba_call_header(call, "Authorization");

    if (!text || strncasecmp(text, SCHEME, sizeof(SCHEME) - 1)) {
        return NULL;
    }
    text += sizeof(SCHEME) - 1;
    text += strspn(text, " \t");
    return *text ? text : NULL;
}

/* Only such text can be a token: nothing else is worth asking the database for. */
static int is_printable(const char *text)
{
    while (apr_isgraph(*text) && apr_isascii(*text)) {
        ++text;
    }
    return !*text;
}

static apr_status_t token(const ba_call *call, const char **token, int *is_signed)
{
    const char *text = call->settings->bearer != BA_BEARER_OFF ? credentials(call) : NULL;
    unsigned char mac[BA_MAC_BYTES];
    apr_status_t rv = APR_NOTFOUND;
    apr_size_t len;

    *token = NULL;
    if (!text || !is_printable(text)) {
        return APR_SUCCESS;
    }
    if (!strchr(text, '.')) {
        *token = call->settings->bearer == BA_BEARER_SIGNED ? NULL : text;
        return APR_SUCCESS;
    }
    text = ba_text_url_decode(text, strlen(text), 0, &len, call->pool);
    if (strlen(text) == len) {
        rv = ba_mac_open(call->settings->secrets, text, token, mac, call->pool);
    }
    *is_signed = rv == APR_SUCCESS;
    return rv == APR_NOTFOUND ? APR_SUCCESS : rv;
}

/* Hands the token to clients that keep no cookies. */
static void after(ba_call *call)
{
    const char *name = call->settings->session_cookie;
    const char *line = apr_table_get(call->answer.cookies, name);
    apr_size_t len;

    if (call->settings->bearer == BA_BEARER_OFF || !line) {
        return;
    }
    line += strlen(name) + 1;
    len = strcspn(line, ";");
    if (len) { /* else it is being deleted */
        ba_call_add_header(call, "set-auth-token",
                           ba_text_url_decode(line, len, 0, &len, call->pool));
        ba_call_add_header(call, "Access-Control-Expose-Headers", "set-auth-token");
    }
}

static const ba_route routes[] = {{0}};

const ba_feature ba_bearer = {.name = "bearer", .routes = routes, .token = token, .after = after};
