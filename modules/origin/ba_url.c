/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_url.h"

#include "ba_text.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_uri.h>
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

/* Schemes whose URLs are programs or documents of whoever wrote the link. */
static int is_script(const char *scheme)
{
    static const char *const schemes[] = {"javascript", "data", "vbscript", "blob", "file"};

    for (apr_size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); ++i) {
        if (!strcmp(schemes[i], scheme)) {
            return 1;
        }
    }
    return 0;
}

static int is_web(const char *scheme)
{
    return !strcmp(scheme, "http") || !strcmp(scheme, "https");
}

/* The port that a browser leaves out, of the schemes whose hosts it reads by the same rules;
 * 0 for all others. */
static int usual_port(const char *scheme)
{
    static const struct {
        const char *scheme;
        int port;
    } rows[] = {{"http", 80}, {"https", 443}, {"ftp", 21}, {"ws", 80}, {"wss", 443}};

    for (apr_size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        if (!strcmp(rows[i].scheme, scheme)) {
            return rows[i].port;
        }
    }
    return 0;
}

/* True if text has a byte that some reader strips or takes for a delimiter. */
static int ambiguous(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; ++p) {
        if (*p <= ' ' || *p == 0x7F || *p == '\\') {
            return 1;
        }
    }
    return 0;
}

/* An address of IPv6 as browsers spell it: there are many other ways, and an origin is
 * compared as text. */
static int plain_address(const char *host)
{
    char text[INET6_ADDRSTRLEN + 1], again[INET6_ADDRSTRLEN];
    unsigned char bytes[16];
    apr_size_t len = strlen(host);

    if (len < 3 || len >= sizeof(text) || host[len - 1] != ']' || strchr(host, '.')) {
        return 0;
    }
    apr_cpystrn(text, host + 1, len - 1);
    return inet_pton(AF_INET6, text, bytes) == 1
           && inet_ntop(AF_INET6, bytes, again, sizeof(again)) && !strcmp(text, again);
}

/* True if browsers take a host that ends so for a number, and then spell it as four. */
static int ends_in_number(const char *host)
{
    apr_size_t len = strlen(host);
    const char *last;

    len -= len && host[len - 1] == '.';
    for (last = host + len; last > host && last[-1] != '.'; --last) {
    }
    len -= (apr_size_t)(last - host);
    return len
           && (strspn(last, "0123456789") >= len
               || (!strncmp(last, "0x", 2) && strspn(last + 2, "0123456789abcdef") + 2 >= len));
}

static int plain_host(const char *host, int web)
{
    unsigned char bytes[4];

    if (*host == '[') {
        return plain_address(host);
    }
    if (web && ends_in_number(host) && inet_pton(AF_INET, host, bytes) != 1) {
        return 0;
    }
    for (const char *p = host; *p; ++p) {
        if (!apr_isalnum(*p) && !strchr("-._", *p)) {
            return 0;
        }
    }
    return *host != '\0';
}

apr_status_t ba_url_parse(const char *text, ba_url *url, apr_pool_t *pool)
{
    apr_uri_t uri;
    const char *host;
    int usual;

    if (ambiguous(text) || apr_uri_parse(pool, text, &uri) != APR_SUCCESS || !uri.scheme) {
        return APR_EINVAL;
    }
    url->scheme = ba_text_lower(uri.scheme, pool);
    for (const char *p = url->scheme; *p; ++p) {
        if (!apr_isalnum(*p) && !strchr("+-.", *p)) {
            return APR_EINVAL;
        }
    }
    if (is_script(url->scheme)) {
        return APR_EINVAL;
    }
    url->path = uri.path ? uri.path : "";
    usual = usual_port(url->scheme);
    /* apr_uri_parse() brackets no IPv6 host: take the text it was given */
    if (strncmp(text + strlen(uri.scheme), "://", 3)) {
        url->authority = "";
        return usual ? APR_EINVAL : APR_SUCCESS;
    }
    host = text + strlen(uri.scheme) + 3;
    host = apr_pstrmemdup(pool, host, strcspn(host, "/?#"));
    if (strchr(host, '@') || uri.user || uri.password) {
        return APR_EINVAL;
    }
    url->authority = host = ba_text_lower(host, pool);
    if (uri.port_str && *uri.port_str) {
        const char *colon = strrchr(host, ':');
        const char *digits = uri.port_str;
        int port = (int)apr_atoi64(digits);

        if (!colon || strspn(digits, "0123456789") != strlen(digits) || strlen(digits) > 5
            || port > 65535 || strcmp(colon + 1, digits)) {
            return APR_EINVAL;
        }
        host = apr_pstrmemdup(pool, host, (apr_size_t)(colon - host));
        url->authority = port == usual && usual ? host : apr_psprintf(pool, "%s:%d", host, port);
    }
    return plain_host(host, usual) || (!*host && !usual && host == url->authority) ? APR_SUCCESS
                                                                                   : APR_EINVAL;
}

const char *ba_url_origin(const ba_url *url, apr_pool_t *pool)
{
    return is_web(url->scheme) ? apr_pstrcat(pool, url->scheme, "://", url->authority, NULL) : NULL;
}

int ba_url_safe_path(const char *text)
{
    int in_query = 0;

    if (text[0] != '/' || text[1] == '/') {
        return 0;
    }
    for (const unsigned char *p = (const unsigned char *)text; *p; ++p) {
        if (*p < ' ' || *p == 0x7F || *p == '\\') {
            return 0;
        }
        /* C1 controls in UTF-8: C2 80 to C2 9F */
        if (*p == 0xC2 && p[1] >= 0x80 && p[1] <= 0x9F) {
            return 0;
        }
        if (*p == '?' || *p == '#') {
            in_query = 1;
        }
        if (!in_query && *p == '%'
            && (!strncasecmp((const char *)p, "%2f", 3) || !strncasecmp((const char *)p, "%5c", 3))) {
            return 0;
        }
    }
    return 1;
}

/* The three parts of a URL or path; query without its "?", fragment with its "#". */
static void split(const char *text, const char **front, const char **query, const char **fragment,
                  apr_pool_t *pool)
{
    apr_size_t front_len = strcspn(text, "?#");
    const char *rest = text + front_len;
    apr_size_t query_len = strcspn(rest, "#");
    ba_url url;

    *front = apr_pstrmemdup(pool, text, front_len);
    *query = query_len > 1 ? apr_pstrmemdup(pool, rest + 1, query_len - 1) : "";
    *fragment = rest + query_len;
    /* a web address always has a path */
    if (ba_url_parse(*front, &url, pool) == APR_SUCCESS && !*url.path
        && ba_url_origin(&url, pool)) {
        *front = apr_pstrcat(pool, *front, "/", NULL);
    }
}

const char *ba_url_append(const char *text, const char *name, const char *value, apr_pool_t *pool)
{
    const char *front, *query, *fragment;
    apr_size_t len;

    split(text, &front, &query, &fragment, pool);
    len = strlen(query);
    return apr_pstrcat(pool, front, "?", query, len && query[len - 1] != '&' ? "&" : "", name, "=",
                       ba_text_form_encode(value, pool), fragment, NULL);
}

static void add_pair(apr_array_header_t *parts, const char *key, const char *value, apr_pool_t *pool)
{
    APR_ARRAY_PUSH(parts, const char *) = apr_pstrcat(pool, ba_text_form_encode(key, pool), "=",
                                                      ba_text_form_encode(value, pool), NULL);
}

const char *ba_url_set(const char *base, const char *text, const char *name, const char *value,
                       apr_pool_t *pool)
{
    const char *front, *query, *fragment;
    apr_array_header_t *parts = apr_array_make(pool, 8, sizeof(const char *));
    int done = 0;
    char *rest, *pair;

    split(text, &front, &query, &fragment, pool);
    for (pair = apr_strtok(apr_pstrdup(pool, query), "&", &rest); pair;
         pair = apr_strtok(NULL, "&", &rest)) {
        char *eq = strchr(pair, '=');
        apr_size_t len;
        const char *key = ba_text_url_decode(
            pair, eq ? (apr_size_t)(eq - pair) : strlen(pair), 1, &len, pool);
        const char *old = eq ? ba_text_url_decode(eq + 1, strlen(eq + 1), 1, &len, pool) : "";

        if (!strcmp(key, name) && done++) {
            continue;
        }
        add_pair(parts, key, strcmp(key, name) ? old : value, pool);
    }
    if (!done) {
        add_pair(parts, name, value, pool);
    }
    return apr_pstrcat(pool, *front == '/' ? base : "", front, "?",
                       apr_array_pstrcat(pool, parts, '&'), fragment, NULL);
}
