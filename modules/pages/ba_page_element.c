/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_page_element.h"

#include "ba_httpd.h"
#include "ba_module.h"
#include "ba_text.h"

#include <apr_optional.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
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

/* A name that a page has not set is a mistake in its document. */
static const char *value_of(request_rec *r, const char *name)
{
    const apr_table_t *page = ba_httpd_request(r)->page;
    const char *value = page ? apr_table_get(page, name) : NULL;

    if (!value) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "BA0141: %s: no value \"%s\" on this page",
                      r->filename, name);
    }
    return value ? ba_text_html(value, r->pool) : NULL;
}

static apr_status_t element(include_ctx_t *ctx, ap_filter_t *f, apr_bucket_brigade *bb)
{
    char *tag = NULL, *argument = NULL;

    if (!(ctx->flags & SSI_FLAG_PRINTING)) {
        return APR_SUCCESS;
    }
    for (;;) {
        const char *value;

        get_tag_and_value(ctx, &tag, &argument, SSI_VALUE_RAW);
        if (!tag || !argument) {
            return APR_SUCCESS;
        }
        if (strcmp(tag, "value")) {
            ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, f->r,
                          "BA0142: %s: the element betterauth has no argument \"%s\"",
                          f->r->filename, tag);
            SSI_CREATE_ERROR_BUCKET(ctx, f, bb);
            return APR_SUCCESS;
        }
        value = value_of(f->r, argument);
        if (!value) {
            SSI_CREATE_ERROR_BUCKET(ctx, f, bb);
            return APR_SUCCESS;
        }
        put(f, bb, value);
    }
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
