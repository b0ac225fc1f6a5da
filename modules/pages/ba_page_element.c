/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_page_element.h"

#include "ba_module.h"
#include "ba_page.h"
#include "ba_text.h"

#include <ap_expr.h>
#include <apr_optional.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mod_include.h>
#include <string.h>
#include <strings.h>
#include <util_filter.h>

static APR_OPTIONAL_FN_TYPE(ap_ssi_get_tag_and_value) *get_tag_and_value;

static void put(ap_filter_t *f, apr_bucket_brigade *bb, const char *text)
{
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_pool_create(text, strlen(text), f->r->pool,
                                                       f->c->bucket_alloc));
}

static ba_page *page_of(request_rec *r)
{
    return ba_httpd_request(r)->page;
}

/* ---- the arguments */

/* A name in an argument may be put together: text="label-{field}". */
static const char *expand(const ba_page *page, const char *argument, apr_pool_t *pool)
{
    return strchr(argument, '{') ? ba_language_fill(argument, page->values, pool) : argument;
}

/* A name that a page has not set is a mistake in its document. */
static const char *value_of(request_rec *r, const ba_page *page, const char *argument)
{
    const char *value = apr_table_get(page->values, expand(page, argument, r->pool));

    if (!value) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "BA0141: %s: no value \"%s\" on this page",
                      r->filename, argument);
    }
    return value ? ba_text_html(value, r->pool) : NULL;
}

/* The values, each escaped; of two of one name the first counts. */
static apr_table_t *escaped_values(const ba_page *page, apr_pool_t *pool)
{
    const apr_array_header_t *rows = apr_table_elts(page->values);
    const apr_table_entry_t *row = (const apr_table_entry_t *)rows->elts;
    apr_table_t *out = apr_table_make(pool, rows->nelts);

    for (int i = rows->nelts; i-- > 0;) {
        apr_table_setn(out, row[i].key, ba_text_html(row[i].val, pool));
    }
    return out;
}

static const char *text_of(request_rec *r, const ba_page *page, const char *argument)
{
    const char *text = ba_language_text(page->language, expand(page, argument, r->pool));

    if (!text) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "BA0183: %s: no text \"%s\" in the files of languages", r->filename,
                      argument);
        return NULL;
    }
    text = ba_text_html(text, r->pool);
    return strchr(text, '{') ? ba_language_fill(text, escaped_values(page, r->pool), r->pool)
                             : text;
}

/* ---- parts */

static int run_part(request_rec *r, ap_filter_t *next, const char *name, const apr_table_t *values)
{
    ba_page *page = page_of(r);
    apr_table_t *before = page->values;
    const char *uri = apr_pstrcat(r->pool, ba_httpd_site(r->server)->settings->pages_path, "/",
                                  name, ".html", NULL);
    request_rec *part = ap_sub_req_lookup_uri(uri, r, next);
    int status = part->status;

    if (status == HTTP_OK) {
        page->values = apr_table_overlay(r->pool, values, before);
        /* as mod_include's own include does: it is nested, not a page of its own */
        ap_set_module_config(part->request_config, ap_find_linked_module("mod_include.c"), r);
        status = ap_run_sub_req(part);
        page->values = before;
    }
    if (status != OK && status != HTTP_OK) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "BA0184: %s: cannot show the part \"%s\"",
                      r->filename, name);
        return 0;
    }
    return 1;
}

/* Once, or for each row of a list. */
static int run_parts(request_rec *r, ap_filter_t *next, const char *name, const char *list,
                     apr_table_t *values)
{
    const apr_array_header_t *rows
        = list ? apr_hash_get(page_of(r)->lists, list, APR_HASH_KEY_STRING) : NULL;

    if (!list) {
        return run_part(r, next, name, values);
    }
    for (int i = 0; rows && i < rows->nelts; ++i) {
        if (!run_part(r, next, name,
                      apr_table_overlay(r->pool, APR_ARRAY_IDX(rows, i, apr_table_t *), values))) {
            return 0;
        }
    }
    return 1;
}

/* ---- the element */

static void fail(include_ctx_t *ctx, ap_filter_t *f, apr_bucket_brigade *bb)
{
    SSI_CREATE_ERROR_BUCKET(ctx, f, bb);
}

static apr_table_t *read_arguments(include_ctx_t *ctx, const ba_page *page, apr_pool_t *pool)
{
    apr_table_t *arguments = apr_table_make(pool, 8);
    char *tag = NULL, *argument = NULL;

    for (;;) {
        get_tag_and_value(ctx, &tag, &argument, SSI_VALUE_RAW);
        if (!tag || !argument) {
            return arguments;
        }
        apr_table_setn(arguments, tag,
                       !strcmp(tag, "value") || !strcmp(tag, "text")
                           ? argument
                           : expand(page, argument, pool));
    }
}

static apr_status_t element(include_ctx_t *ctx, ap_filter_t *f, apr_bucket_brigade *bb)
{
    request_rec *r = f->r;
    const ba_page *page = page_of(r);
    const char *value, *text, *part, *out = NULL;
    apr_table_t *arguments;

    if (!(ctx->flags & SSI_FLAG_PRINTING)) {
        return APR_SUCCESS;
    }
    if (!page) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "BA0185: %s: the element betterauth is for documents of the pages only",
                      r->filename);
        fail(ctx, f, bb);
        return APR_SUCCESS;
    }
    /* both live as long as the argument's own memory: until this element ends */
    arguments = read_arguments(ctx, page, ctx->dpool);
    value = apr_table_get(arguments, "value");
    text = apr_table_get(arguments, "text");
    part = apr_table_get(arguments, "part");
    if (part) {
        if (!run_parts(r, f->next, part, apr_table_get(arguments, "list"), arguments)) {
            fail(ctx, f, bb);
        }
        return APR_SUCCESS;
    }
    if (value) {
        out = value_of(r, page, value);
    }
    else if (text) {
        out = text_of(r, page, text);
    }
    else {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "BA0142: %s: the element betterauth needs value, text or part", r->filename);
    }
    if (out) {
        put(f, bb, out);
    }
    else {
        fail(ctx, f, bb);
    }
    return APR_SUCCESS;
}

/* ---- page('name'): for conditions */

static const char *page_value(ap_expr_eval_ctx_t *ctx, const void *data, const char *arg)
{
    const ba_page *page = ctx->r && ba_httpd_site(ctx->r->server) ? page_of(ctx->r) : NULL;
    const char *value = page ? apr_table_get(page->values, arg) : NULL;

    (void)data;
    if (!value && page) {
        value = apr_hash_get(page->lists, arg, APR_HASH_KEY_STRING) ? "1" : NULL;
    }
    return value ? value : "";
}

static int look_up(ap_expr_lookup_parms *parms)
{
    if (parms->type != AP_EXPR_FUNC_STRING || strcmp(parms->name, "page")) {
        return DECLINED;
    }
    *parms->func = page_value;
    return OK;
}

void ba_page_element_register_hooks(void)
{
    ap_hook_expr_lookup(look_up, NULL, NULL, APR_HOOK_MIDDLE);
}

int ba_page_element_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                                server_rec *s)
{
    APR_OPTIONAL_FN_TYPE(ap_register_include_handler) *register_element
        = APR_RETRIEVE_OPTIONAL_FN(ap_register_include_handler);

    (void)pconf, (void)plog, (void)ptemp, (void)s;
    get_tag_and_value = APR_RETRIEVE_OPTIONAL_FN(ap_ssi_get_tag_and_value);
    if (register_element && get_tag_and_value) {
        register_element("betterauth", element);
    }
    return OK;
}

/* A second pass would parse what the first one has printed. */
static int has_includes(const request_rec *r)
{
    for (const ap_filter_t *f = r->output_filters; f; f = f->next) {
        if (f->r == r && !strcasecmp(f->frec->name, "INCLUDES")) {
            return 1;
        }
    }
    return 0;
}

ap_conf_vector_t *ba_page_element_prepare(request_rec *r)
{
    module *include = ap_find_linked_module("mod_include.c");
    ap_conf_vector_t *before = r->per_dir_config;
    core_dir_config *core;

    /* merging with an empty vector copies the pointers: a vector of our own */
    r->per_dir_config = ap_merge_per_dir_configs(r->pool, before,
                                                 ap_create_per_dir_config(r->pool));
    core = apr_pmemdup(r->pool, ap_get_core_module_config(before), sizeof(*core));
    core->opts = OPT_INCLUDES;
    ap_set_core_module_config(r->per_dir_config, core);
    ap_set_module_config(r->per_dir_config, include,
                         include->create_dir_config(r->pool, (char *)(apr_uintptr_t)""));
    if (!has_includes(r)) {
        ap_add_output_filter("INCLUDES", NULL, r, r->connection);
    }
    return before;
}
