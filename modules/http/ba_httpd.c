/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_httpd.h"

#include "ba_audit_site.h"
#include "ba_cache_site.h"
#include "ba_check.h"
#include "ba_check_mail.h"
#include "ba_client.h"
#include "ba_dbd.h"
#include "ba_directives.h"
#include "ba_gate_site.h"
#include "ba_json.h"
#include "ba_jwe.h"
#include "ba_languages.h"
#include "ba_limit_site.h"
#include "ba_mail_document.h"
#include "ba_meter_site.h"
#include "ba_module.h"
#include "ba_revoke.h"
#include "ba_revoke_site.h"
#include "ba_routes.h"
#include "ba_store.h"
#include "ba_url.h"
#include "ba_veto.h"

#include <apr_network_io.h>
#include <apr_strings.h>
#include <string.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <ap_listen.h>

/* Note of a request in which something happened: its name, for %{betterauth-event}n. */
#define EVENT_NOTE "betterauth-event"

/* ---- start */

const char *ba_httpd_base_url(server_rec *s, apr_pool_t *pool)
{
    const char *scheme = s->server_scheme && *s->server_scheme ? s->server_scheme
                         : ba_check_speaks_tls(s)              ? "https"
                                                               : "http";
    apr_port_t port = s->port;
    ba_url url;

    if (!port && s->addrs) {
        port = s->addrs->host_port;
    }
    if (!port && ap_listeners) {
        port = ap_listeners->bind_addr->port;
    }
    if (!s->server_hostname) {
        return NULL;
    }
    /* through our reader, so that it compares as browsers write it */
    if (ba_url_parse(port ? apr_psprintf(pool, "%s://%s:%u", scheme, s->server_hostname, port)
                          : apr_pstrcat(pool, scheme, "://", s->server_hostname, NULL),
                     &url, pool)
        != APR_SUCCESS) {
        return NULL;
    }
    return ba_url_origin(&url, pool);
}

static int any_site(const server_rec *s)
{
    for (; s; s = s->next) {
        const ba_server_config *config = ap_get_module_config(s->module_config, &betterauth_module);

        if (config->values.secrets) {
            return 1;
        }
    }
    return 0;
}

/* LimitRequestFieldSize bounds a whole Cookie header: with more, this server would
 * refuse every request of that browser. So much is left for the other cookies. */
#define OTHER_COOKIES 2048

static apr_size_t cookie_room(const server_rec *s)
{
    return s->limit_req_fieldsize > OTHER_COOKIES ? (apr_size_t)s->limit_req_fieldsize - OTHER_COOKIES
                                                  : 0;
}

/* 0: OpenSSL failed */
static int prepare_cache(ba_settings *settings, const server_rec *s, apr_pool_t *pconf)
{
    settings->cookie_room = cookie_room(s);
    settings->cache_keys = settings->cookie_cache.form == BA_CACHE_JWE
                               ? ba_jwe_keys(settings->secrets, "better-auth-session", pconf)
                               : NULL;
    return settings->cache_keys || settings->cookie_cache.form != BA_CACHE_JWE;
}

/* A server without directives of ours shares its struct with the main one, so
 * each gets a copy of its own here. */
static int make_site(server_rec *s, struct ba_gate *gate, ba_revocations *revocations, ba_meter *meter,
                     apr_pool_t *pconf)
{
    ba_server_config *shared = ap_get_module_config(s->module_config, &betterauth_module);
    ba_server_config *config = apr_pmemdup(pconf, shared, sizeof(*config));
    ba_settings *settings = &config->values;
    ba_site *site;
    ba_db *db;

    config->site = NULL;
    ap_set_module_config(s->module_config, &betterauth_module, config);
    if (!settings->secrets) {
        return OK;
    }
    if (!settings->base_url) {
        settings->base_url = ba_httpd_base_url(s, pconf);
    }
    if (!settings->base_url) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s,
                     "BA0102: the public address of this server is not known: write "
                     "BetterAuthBaseURL https://host");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    ba_settings_finish(settings, pconf);
    if (!prepare_cache(settings, s, pconf)) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s,
                     "BA0109: OpenSSL cannot derive the key of BetterAuthCookieCache jwe");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    site = apr_pcalloc(pconf, sizeof(*site));
    site->settings = settings;
    site->gate = gate;
    site->meter = meter;
    if (ba_limit_site_create(s, settings, ba_check_database(s), &site->limit, pconf) != OK
        || ba_audit_site_open(s, settings->audit_log, &site->audit, pconf) != OK) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    site->has_pages = settings->link_pages = ba_check_has_pages(s);
    site->forwards = ba_check_forwards(s, pconf);
    site->languages = ba_languages_load(settings, s, pconf);
    db = ba_dbd_create(s, ba_check_database(s), pconf);
    ba_db_extend(db, &settings->columns, pconf);
    site->db = db;
    site->store = ba_store_create(db, pconf);
    site->revocations = revocations;
    if (ba_cache_site_create(s, ba_check_database(s), revocations, site->store,
                             &site->session_cache, pconf)
        != OK) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    config->site = site;
    return OK;
}

int ba_httpd_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *main)
{
    ba_server_config *config = ap_get_module_config(main->module_config, &betterauth_module);
    ba_revocations *revocations = NULL;
    ba_meter *meter = NULL;
    struct ba_gate *gate = NULL;

    (void)plog;
    /* the first of two rounds at start only looks at the configuration */
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    if (any_site(main)) {
        gate = ba_gate_site(main, &config->values.hash_concurrency, pconf);
        revocations = ba_revoke_site_create(main, pconf);
        meter = ba_meter_site_create(main, pconf);
        if (!gate || !revocations) {
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    for (server_rec *s = main; s; s = s->next) {
        int status = make_site(s, gate, revocations, meter, pconf);

        if (status != OK) {
            return status;
        }
    }
    ba_check_databases(main, ptemp);
    ba_check_mail(main, ptemp);
    return OK;
}

void ba_httpd_child_init(apr_pool_t *pchild, server_rec *s)
{
    (void)pchild, (void)s;
    ba_json_wipe_freed();
}

ba_site *ba_httpd_site(const server_rec *s)
{
    const ba_server_config *config = ap_get_module_config(s->module_config, &betterauth_module);

    return config->site;
}

/* ---- a call made of a request */

static const char *call_header(const ba_call *call, const char *name)
{
    request_rec *r = call->baton;
    const ba_request *ours = ba_httpd_request_made(r);

    if (ours && ours->cookie && !strcmp(name, "Cookie")) {
        return ours->cookie;
    }
    if (ours && ours->authorization && !strcmp(name, "Authorization")) {
        return ours->authorization;
    }
    return apr_table_get(r->headers_in, name);
}

static const char *call_origin(const ba_call *call)
{
    return ap_construct_url(call->pool, "", call->baton);
}

static void call_log(const ba_call *call, ba_log_level level, apr_status_t rv, const char *message)
{
    static const int levels[] = {APLOG_ERR, APLOG_WARNING, APLOG_INFO, APLOG_DEBUG};
    request_rec *r = call->baton;

    ap_log_rerror(APLOG_MARK, levels[level], rv, r, "%s", message);
}

static const char *call_render(const ba_call *call, const char *document,
                               const apr_table_t *values)
{
    request_rec *r = call->baton;

    return ba_mail_document_render(r, ba_httpd_language(r), call->settings->mail_dir,
                                   &ba_httpd_site(r->server)->mail_faults, document, values);
}

static const ba_error *call_veto(const ba_call *call, const ba_user *user, int remember)
{
    return ba_veto(call->baton, call, user, remember);
}

static int call_gone(const ba_call *call)
{
    return ba_client_gone(call->baton);
}

static void call_audit(const ba_call *call, ba_event event, const ba_fact *fact)
{
    request_rec *r = call->baton;
    ba_audit_log *log = ba_httpd_site(r->server)->audit;

    apr_table_setn(ba_httpd_first(r)->notes, EVENT_NOTE, ba_events[event].name);
    if (log) {
        ba_audit_site_write(r, log, call->settings->base_url, event, fact);
    }
}

static const ba_call_ops call_ops = {call_header, call_origin, call_log, call_render,
                                     call_veto,   call_gone,   call_audit};

/* http-api 7.3: IPv4 dotted, also where IPv6 wraps it; IPv6 in full, cut to a subnet of
 * so many bits. */
static const char *client_of(const request_rec *r, int bits)
{
    const apr_sockaddr_t *a = r->useragent_addr;
    unsigned char b[16];

    if (a->family == APR_INET) {
        return r->useragent_ip;
    }
    memcpy(b, a->sa.sin6.sin6_addr.s6_addr, sizeof(b));
    if (IN6_IS_ADDR_V4MAPPED(&a->sa.sin6.sin6_addr)) {
        return apr_psprintf(r->pool, "%d.%d.%d.%d", b[12], b[13], b[14], b[15]);
    }
    memset(b + bits / 8, 0, sizeof(b) - (apr_size_t)bits / 8);
    return apr_psprintf(r->pool,
                        "%02x%02x:%02x%02x:%02x%02x:%02x%02x:%02x%02x:%02x%02x:%02x%02x:%02x%02x",
                        b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11],
                        b[12], b[13], b[14], b[15]);
}

ba_call *ba_httpd_call(request_rec *r, const char *method, const char *path)
{
    const ba_site *site = ba_httpd_site(r->server);
    ba_call *call = ba_call_create(apr_time_as_msec(apr_time_now()), r->pool);

    call->settings = site->settings;
    call->store = site->store;
    call->gate = site->gate;
    call->limit = site->limit;
    call->meter = site->meter;
    call->session_cache = site->session_cache;
    call->revocations = site->revocations;
    call->features = ba_route_features();
    call->ops = &call_ops;
    call->baton = r;
    call->method = method;
    call->path = path;
    call->query = r->args;
    call->client = client_of(r, site->settings->ipv6_subnet);
    return call;
}

request_rec *ba_httpd_first(request_rec *r)
{
    while (r->main || r->prev) {
        r = r->main ? r->main : r->prev;
    }
    return r;
}

ba_request *ba_httpd_request_made(request_rec *r)
{
    return ap_get_module_config(ba_httpd_first(r)->request_config, &betterauth_module);
}

ba_request *ba_httpd_request(request_rec *r)
{
    request_rec *first = ba_httpd_first(r);
    ba_request *ours = ba_httpd_request_made(first);

    if (!ours) {
        ours = apr_pcalloc(first->pool, sizeof(*ours));
        ours->call = ba_httpd_call(first, first->method, "");
        ours->call->query = NULL; /* switches in a query are for endpoints */
        ap_set_module_config(first->request_config, &betterauth_module, ours);
    }
    return ours;
}

const ba_language *ba_httpd_language(request_rec *r)
{
    ba_request *ours = ba_httpd_request(r);

    if (!ours->language) {
        ours->language = ba_languages_choose(ba_httpd_site(r->server)->languages, ours->call);
    }
    return ours->language;
}

apr_status_t ba_httpd_read_body(request_rec *r, ba_bytes *body)
{
    apr_off_t declared;
    const char *length = apr_table_get(r->headers_in, "Content-Length");
    char *buffer;
    apr_size_t used = 0;
    long n;

    body->data = "";
    body->len = 0;
    /* before 100 Continue asks for it */
    if (length && ap_parse_strict_length(&declared, length) && declared > BA_BODY_MAX) {
        return APR_ENOSPC;
    }
    if (ap_setup_client_block(r, REQUEST_CHUNKED_DECHUNK) != OK) {
        return APR_EGENERAL;
    }
    if (!ap_should_client_block(r)) {
        return APR_SUCCESS;
    }
    buffer = apr_palloc(r->pool, BA_BODY_MAX + 1);
    while ((n = ap_get_client_block(r, buffer + used, BA_BODY_MAX + 1 - used)) > 0) {
        used += (apr_size_t)n;
        if (used > BA_BODY_MAX) {
            return APR_ENOSPC;
        }
    }
    body->data = buffer;
    body->len = used;
    return n < 0 ? APR_EGENERAL : APR_SUCCESS;
}
