/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_identity.h"

#include "ba_admin.h"
#include "ba_httpd.h"
#include "ba_text.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <http_protocol.h>
#include <string.h>
#include <strings.h>

/* What we set, by one name each for the environment and for headers. */
enum { USER_ID, EMAIL, NAME, EMAIL_VERIFIED, SESSION_ID, ROLE, EXPORTS };

static const struct {
    const char *env;
    const char *header;
} exports[EXPORTS] = {
    [USER_ID] = {"BETTERAUTH_USER_ID", "X-Auth-User-Id"},
    [EMAIL] = {"BETTERAUTH_EMAIL", "X-Auth-Email"},
    [NAME] = {"BETTERAUTH_NAME", "X-Auth-Name"},
    [EMAIL_VERIFIED] = {"BETTERAUTH_EMAIL_VERIFIED", "X-Auth-Email-Verified"},
    [SESSION_ID] = {"BETTERAUTH_SESSION_ID", "X-Auth-Session-Id"},
    [ROLE] = {"BETTERAUTH_ROLE", "X-Auth-Role"},
};

/* Not ours, but back ends believe them (security.md 4.8). */
static const char *const others[] = {
    "X-Auth-User", "Remote-User", "X-Remote-User", "X-Forwarded-User",
};

static char plain(char c)
{
    return apr_isalnum(c) ? (char)apr_tolower(c) : '-';
}

/* Header names are equal if a back end could take one for the other: CGI and WSGI
 * turn "-" and "_" into the same variable, PHP's own server "." as well. */
static int same_name(const char *a, const char *b, apr_size_t len)
{
    if (strlen(a) != len) {
        return 0;
    }
    for (apr_size_t i = 0; i < len; ++i) {
        if (plain(a[i]) != plain(b[i])) {
            return 0;
        }
    }
    return 1;
}

static int is_identity(const char *name, apr_size_t len)
{
    /* asked of each header of each request: few begin so */
    if (apr_tolower(*name) != 'x' && apr_tolower(*name) != 'r') {
        return 0;
    }
    for (int i = 0; i < EXPORTS; ++i) {
        if (same_name(exports[i].header, name, len)) {
            return 1;
        }
    }
    for (apr_size_t i = 0; i < sizeof(others) / sizeof(others[0]); ++i) {
        if (same_name(others[i], name, len)) {
            return 1;
        }
    }
    return 0;
}

/* mod_proxy drops every header that the client names in Connection, also those
 * that we set: so our names go from the list. */
static const char *clean_connection(const char *value, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, 2 * strlen(value) + 1);
    char *end = out;

    while (*value) {
        apr_size_t part = strcspn(value, ",");
        const char *name = value;
        apr_size_t len = part;

        while (len && apr_isspace(*name)) {
            ++name;
            --len;
        }
        while (len && apr_isspace(name[len - 1])) {
            --len;
        }
        if (len && !is_identity(name, len)) {
            if (end > out) {
                memcpy(end, ", ", 2);
                end += 2;
            }
            memcpy(end, name, len);
            end += len;
        }
        value += part + (value[part] == ',');
    }
    *end = '\0';
    return end > out ? out : NULL;
}

int ba_identity_scrub(request_rec *r)
{
    const apr_array_header_t *rows = apr_table_elts(r->headers_in);
    const apr_table_entry_t *row = (const apr_table_entry_t *)rows->elts;
    const char *connection;

    if (!ba_httpd_site(r->server)) {
        return DECLINED;
    }
    for (int i = 0; i < rows->nelts; ++i) {
        if (is_identity(row[i].key, strlen(row[i].key))) {
            apr_table_unset(r->headers_in, row[i].key);
            i = -1; /* the table has moved: look again from the start */
        }
    }
    connection = apr_table_get(r->headers_in, "Connection");
    if (connection) {
        connection = clean_connection(connection, r->pool);
        if (connection) {
            apr_table_setn(r->headers_in, "Connection", connection);
        }
        else {
            apr_table_unset(r->headers_in, "Connection");
        }
    }
    return DECLINED;
}

int ba_identity_find(const char *name)
{
    static const char prefix[] = "BETTERAUTH_";

    if (!strncasecmp(name, prefix, sizeof(prefix) - 1)) {
        name += sizeof(prefix) - 1;
    }
    for (int i = 0; i < EXPORTS; ++i) {
        if (!strcasecmp(exports[i].env + sizeof(prefix) - 1, name)) {
            return i;
        }
    }
    return -1;
}

const char *ba_identity_value(int index, const ba_user *user, const ba_session *session)
{
    switch (index) {
    case USER_ID:
        return user->id;
    case EMAIL:
        return user->email;
    case NAME:
        return user->name;
    case EMAIL_VERIFIED:
        return user->email_verified ? "true" : "false";
    case ROLE:
        return ba_admin_role(user);
    default:
        /* who sends a password with each request has none */
        return *session->id ? session->id : NULL;
    }
}

const char *ba_identity_remote_user(const ba_dir_settings *dir, const ba_user *user,
                                    apr_pool_t *pool)
{
    const char *name = dir->remote_user == BA_REMOTE_ID     ? user->id
                       : dir->remote_user == BA_REMOTE_NAME ? user->name
                                                            : user->email;

    /* a display name is anybody's text, and this goes into logs and headers */
    for (const unsigned char *p = (const unsigned char *)name; *p; ++p) {
        if (*p < ' ' || *p == 0x7F) {
            return ba_httpd_header_value(name, pool);
        }
    }
    return name;
}

/* The value as a header carries it. */
static const char *encoded(int index, const char *value, apr_pool_t *pool)
{
    return index == NAME ? ba_text_url_encode(value, pool) : ba_httpd_header_value(value, pool);
}

void ba_identity_answer(request_rec *r, const ba_dir_settings *dir, const ba_user *user,
                        const ba_session *session)
{
    if (!(dir->export_to & BA_EXPORT_HEADERS)) {
        return;
    }
    for (int i = 0; i < EXPORTS; ++i) {
        const char *value = ba_identity_value(i, user, session);

        if (value) {
            apr_table_setn(r->headers_out, exports[i].header, encoded(i, value, r->pool));
        }
    }
    apr_table_setn(r->headers_out, "Remote-User",
                   ba_httpd_header_value(ba_identity_remote_user(dir, user, r->pool), r->pool));
}

void ba_identity_withdraw(request_rec *r)
{
    for (int i = 0; i < EXPORTS; ++i) {
        apr_table_unset(r->subprocess_env, exports[i].env);
        apr_table_unset(r->headers_in, exports[i].header);
    }
}

void ba_identity_export(request_rec *r, const ba_dir_settings *dir, const ba_user *user,
                        const ba_session *session)
{
    if (!user && !r->user) {
        apr_table_unset(r->subprocess_env, "REMOTE_USER");
    }
    ba_identity_withdraw(r);
    for (int i = 0; i < EXPORTS; ++i) {
        const char *value = user ? ba_identity_value(i, user, session) : NULL;

        if (value && (dir->export_to & BA_EXPORT_ENV)) {
            apr_table_addn(r->subprocess_env, exports[i].env, value);
        }
        if (value && (dir->export_to & BA_EXPORT_HEADERS)) {
            apr_table_addn(r->headers_in, exports[i].header, encoded(i, value, r->pool));
        }
    }
}
