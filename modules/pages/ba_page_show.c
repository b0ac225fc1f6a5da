/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_page.h"

#include "ba_page_element.h"
#include "ba_url.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <string.h>

/* What pages.js sends, and reads the way on from: it shows a form's errors without
 * loading the page anew, and leaves it only when there is somewhere to go. */
#define BY_SCRIPT "X-BetterAuth-Page"

/* Documents within documents, before one that shows itself is stopped. */
#define PARTS_MAX 8

/* ---- headers */

static void set_headers(const ba_page_view *v)
{
    apr_table_t *h = v->r->err_headers_out;
    ba_url url;
    const char *origin = NULL;

    /* browsers hold a form's redirect against form-action too */
    if (v->callback[0] != '/' && ba_url_parse(v->callback, &url, v->r->pool) == APR_SUCCESS) {
        origin = ba_url_origin(&url, v->r->pool);
    }
    apr_table_setn(h, "Cache-Control", "no-store");
    apr_table_setn(h, "Content-Security-Policy",
                   apr_pstrcat(v->r->pool,
                               "default-src 'none'; style-src 'self'; img-src 'self'; "
                               "script-src 'self'; connect-src 'self'; form-action 'self'",
                               origin ? " " : "", origin ? origin : "",
                               "; base-uri 'none'; frame-ancestors 'none'", NULL));
    apr_table_setn(h, "X-Content-Type-Options", "nosniff");
    apr_table_setn(h, "X-Frame-Options", "DENY");
    apr_table_setn(h, "Referrer-Policy", "same-origin");
}

int ba_page_redirect(const ba_page_view *v, const char *to)
{
    const char *url = ba_httpd_header_value(to, v->r->pool);

    apr_table_setn(v->r->err_headers_out, "Cache-Control", "no-store");
    if (v->form && apr_table_get(v->r->headers_in, BY_SCRIPT)) {
        v->r->status = HTTP_OK;
        apr_table_setn(v->r->headers_out, BY_SCRIPT, url);
        ap_set_content_type(v->r, "text/plain; charset=utf-8");
    }
    else {
        v->r->status = HTTP_SEE_OTHER;
        apr_table_setn(v->r->headers_out, "Location", url);
    }
    ap_set_content_length(v->r, 0);
    return OK;
}

/* ---- documents */

/* The document in the operator's folder, else the installed one. */
static apr_status_t open_document(const request_rec *r, const ba_settings *settings,
                                  const char *name, const char **path, apr_file_t **file,
                                  apr_finfo_t *info)
{
    const char *const dirs[] = {settings->pages_dir, BA_PAGES_DIR};
    apr_status_t rv = APR_ENOENT;

    for (int i = 0; i < 2; ++i) {
        if (dirs[i]) {
            *path = apr_pstrcat(r->pool, dirs[i], "/", name, NULL);
            rv = apr_file_open(file, *path, APR_FOPEN_READ | APR_FOPEN_SENDFILE_ENABLED, 0,
                               r->pool);
            if (rv == APR_SUCCESS) {
                return apr_file_info_get(info, APR_FINFO_SIZE | APR_FINFO_MTIME, *file);
            }
        }
    }
    return rv;
}

/* Passes a document on; with ssi, through mod_include. */
static int send_document(request_rec *r, const ba_settings *settings, const char *name, int ssi)
{
    ap_conf_vector_t *before = r->per_dir_config;
    apr_bucket_brigade *bb;
    apr_file_t *file;
    apr_finfo_t info;
    const char *path = NULL;
    apr_status_t rv = open_document(r, settings, name, &path, &file, &info);

    if (rv != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, r, "BA0143: cannot read the page document %s",
                      path);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (ssi) {
        r->filename = apr_pstrdup(r->pool, path); /* what mod_include names in the log */
        before = ba_page_element_prepare(r);
    }
    bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    apr_brigade_insert_file(bb, file, 0, info.size, r->pool);
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(r->connection->bucket_alloc));
    rv = ap_pass_brigade(r->output_filters, bb);
    r->per_dir_config = before;
    return rv == APR_SUCCESS || r->connection->aborted ? OK : HTTP_INTERNAL_SERVER_ERROR;
}

int ba_page_render(const ba_page_view *v, const char *document, int status)
{
    request_rec *r = v->r;

    r->status = status;
    set_headers(v);
    if (status == HTTP_SERVICE_UNAVAILABLE && !v->call->answer.retry_after) {
        v->call->answer.retry_after = BA_RETRY_AFTER;
    }
    if (v->call->answer.retry_after) {
        ba_httpd_retry_after(r, v->call);
    }
    ap_set_content_type(r, "text/html; charset=utf-8");
    return send_document(r, v->settings, document, 1);
}

int ba_page_message(const ba_page_view *v, int status, const char *key)
{
    ba_page_set(v, "message", key);
    return ba_page_render(v, "message.html", status);
}

/* ---- what pages load */

typedef struct asset {
    const char *name; /* below the mount */
    const char *type;
    const char *cache; /* for how long nobody asks again */
    int is_script;     /* its first line says where API and pages are */
} asset;

static const asset assets[] = {
    {"/style.css", "text/css; charset=utf-8", "max-age=3600", 0},
    {"/pages.js", "text/javascript; charset=utf-8", "max-age=3600", 0},
    {"/betterauth.js", "text/javascript; charset=utf-8", "max-age=300", 1},
};

static int send_brand(request_rec *r, const ba_settings *settings)
{
    const char *style = ba_page_brand_style(&settings->brand, r->pool);

    ap_set_content_type(r, "text/css; charset=utf-8");
    apr_table_setn(r->headers_out, "Cache-Control", "max-age=3600");
    apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
    ap_set_content_length(r, (apr_off_t)strlen(style));
    if (!r->header_only) {
        ap_rputs(style, r);
    }
    return OK;
}

/* The paths are the operator's choice, in characters that need no escape (ba_kind_url_path). */
static const char *first_line(const ba_settings *s, apr_pool_t *pool)
{
    const char *more = ba_page_offered(s, ba_page_find("/account"))
                           ? apr_pstrcat(pool, ", account: '", s->pages_path, "/account'", NULL)
                           : "";

    return apr_psprintf(pool, "window.betterauth = { api: '%s', pages: '%s'%s };\n", s->base_path,
                        s->pages_path, more);
}

static int send_asset(request_rec *r, const ba_settings *settings, const asset *row)
{
    const char *first = row->is_script ? first_line(settings, r->pool) : NULL;
    apr_ssize_t len = APR_HASH_KEY_STRING;
    const char *path;
    apr_file_t *file;
    int status;

    if (open_document(r, settings, row->name + 1, &path, &file, &r->finfo) != APR_SUCCESS) {
        return HTTP_NOT_FOUND;
    }
    apr_file_close(file);
    ap_set_content_type(r, row->type);
    if (first) {
        /* the file's date, and so Last-Modified, says nothing about the first line */
        apr_table_setn(r->headers_out, "ETag",
                       apr_psprintf(r->pool,
                                    "\"%" APR_UINT64_T_HEX_FMT "-%" APR_UINT64_T_HEX_FMT "-%x\"",
                                    (apr_uint64_t)r->finfo.size, (apr_uint64_t)r->finfo.mtime,
                                    apr_hashfunc_default(first, &len)));
    }
    else {
        ap_update_mtime(r, r->finfo.mtime);
        ap_set_last_modified(r);
        ap_set_etag(r);
    }
    apr_table_setn(r->headers_out, "Cache-Control", row->cache);
    apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
    status = ap_meets_conditions(r);
    if (status != OK) {
        return status;
    }
    if (first) {
        ap_rputs(first, r);
    }
    return send_document(r, settings, row->name + 1, 0);
}

int ba_page_asset(request_rec *r, const ba_settings *settings, const char *path)
{
    if (!strcmp(path, "/brand.css") && settings->brand.colored) {
        return send_brand(r, settings);
    }
    for (apr_size_t i = 0; i < sizeof(assets) / sizeof(assets[0]); ++i) {
        if (!strcmp(path, assets[i].name)) {
            return send_asset(r, settings, &assets[i]);
        }
    }
    return DECLINED;
}

int ba_page_part(request_rec *r, const ba_settings *settings, const char *name)
{
    int depth = 0;

    for (const char *p = name; *p; ++p) {
        if (!apr_islower(*p) && *p != '-' && strcmp(p, ".html")) {
            return HTTP_NOT_FOUND;
        }
        if (*p == '.') {
            break;
        }
    }
    for (const request_rec *main = r->main; main; main = main->main) {
        ++depth;
    }
    if (depth > PARTS_MAX) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "BA0186: the page document %s shows itself",
                      name);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    ap_set_content_type(r, "text/html; charset=utf-8");
    return send_document(r, settings, name, 1);
}
