/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_mail_document.h"

#include "ba_mail.h"
#include "ba_mime.h"
#include "ba_module.h"
#include "ba_text.h"

#include <ap_expr.h>
#include <apr_atomic.h>
#include <apr_file_io.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_log.h>
#include <string.h>

#define DOCUMENT_MAX 40000

/* A note that no value is called by. */
#define NOTE_HTML "betterauth:html"

/* Where the request's pool has the language. */
#define LANGUAGE_KEY "mod_betterauth:mail-language"

/* Where the pool of a parse has the language that must know each text; nothing: none must. */
#define TEXTS_KEY "mod_betterauth:mail-texts"

/* ---- %{mail:value} */

/* The table stands for the notes of the request while a document is filled in. */
static const char *value_of(ap_expr_eval_ctx_t *ctx, const void *data, const char *arg)
{
    const char *value = ctx->r ? apr_table_get(ctx->r->notes, data) : NULL;

    (void)arg;
    return value ? value : "";
}

/* %{text:key}: of the visitor's language; escaped in an HTML document, as the values in
 * it have been. */
static const char *text_of(ap_expr_eval_ctx_t *ctx, const void *data, const char *arg)
{
    void *language = NULL;
    const char *text;

    (void)data;
    if (ctx->r) {
        apr_pool_userdata_get(&language, LANGUAGE_KEY, ctx->r->pool);
    }
    text = language ? ba_language_text(language, arg ? arg : "") : NULL;
    if (!text) {
        return "";
    }
    return ba_language_fill(apr_table_get(ctx->r->notes, NOTE_HTML) ? ba_text_html(text, ctx->p)
                                                                    : text,
                            ctx->r->notes, ctx->p);
}

static int look_up_text(ap_expr_lookup_parms *parms)
{
    void *language = NULL;

    apr_pool_userdata_get(&language, TEXTS_KEY, parms->ptemp);
    if (language && parms->arg && !ba_language_text(language, parms->arg)) {
        *parms->err = apr_pstrcat(parms->ptemp, "there is no text ", parms->arg, NULL);
        return !OK;
    }
    *parms->func = text_of;
    *parms->data = NULL;
    return OK;
}

/* A name that is not in the list is a mistake, found before the first mail is written. */
static int look_up(ap_expr_lookup_parms *parms)
{
    if (parms->type == AP_EXPR_FUNC_STRING && !strcmp(parms->name, "text")) {
        return look_up_text(parms);
    }
    if (parms->type != AP_EXPR_FUNC_STRING || strcmp(parms->name, "mail")) {
        return DECLINED;
    }
    for (const char *const *name = ba_mail_values; *name; ++name) {
        if (parms->arg && !strcmp(parms->arg, *name)) {
            *parms->func = value_of;
            *parms->data = *name;
            return OK;
        }
    }
    *parms->err = apr_pstrcat(parms->ptemp, "mails have no value ", parms->arg, NULL);
    return !OK;
}

void ba_mail_document_register_hooks(void)
{
    ap_hook_expr_lookup(look_up, NULL, NULL, APR_HOOK_MIDDLE);
}

/* ---- one document */

/* NULL: cannot be read. */
static char *read_document(const char *path, apr_pool_t *pool)
{
    char *text = NULL;
    apr_size_t len = 0;
    apr_file_t *file;

    if (apr_file_open(&file, path, APR_FOPEN_READ, 0, pool) != APR_SUCCESS) {
        return NULL;
    }
    text = apr_pcalloc(pool, DOCUMENT_MAX + 1);
    apr_file_read_full(file, text, DOCUMENT_MAX, &len);
    apr_file_close(file);
    return text;
}

/* Line by line, since a string expression is one line. r NULL: only parse, and leave it as
 * it is. */
static const char *fill_line(request_rec *r, const char *line, const char **problem,
                             apr_pool_t *pool)
{
    ap_expr_info_t info = {.flags = AP_EXPR_FLAG_RESTRICTED | AP_EXPR_FLAG_DONT_VARY
                                    | AP_EXPR_FLAG_STRING_RESULT,
                           .module_index = APLOG_MODULE_INDEX};
    const char *out = line;

    if (!line[strcspn(line, "%\\$")]) {
        return line; /* nothing that means anything */
    }
    *problem = ap_expr_parse(pool, pool, &info, line, NULL);
    if (!*problem && r) {
        out = ap_expr_str_exec(r, &info, problem);
    }
    return out;
}

/* NULL, or why no mail can take it. */
static const char *too_long(const char *document, const char *text, apr_pool_t *pool)
{
    apr_size_t len = ba_mime_encoded_length(text, pool);
    apr_size_t max = strstr(document, ".txt") ? BA_MIME_TEXT_MAX : BA_MIME_HTML_MAX;

    return len <= max ? NULL
                      : apr_psprintf(pool,
                                     "too long: %" APR_SIZE_T_FMT " bytes as they are mailed, at "
                                     "most %" APR_SIZE_T_FMT, len, max);
}

/* "FILE, line N: …" in *problem, or the text. texts: the language that must have each text
 * that is asked for, NULL: one that is not there is empty. */
static const char *fill(request_rec *r, const char *path, const char *document, char *text,
                        const ba_language *texts, const char **problem, apr_pool_t *pool)
{
    apr_array_header_t *lines = apr_array_make(pool, 60, sizeof(const char *));
    const char *error = NULL, *out;
    apr_size_t len;
    int n = 0;

    *problem = NULL;
    apr_pool_userdata_setn(texts, TEXTS_KEY, NULL, pool);
    if (strcmp(text, ba_text_repair_utf8(text, strlen(text), &len, pool))) {
        error = "not UTF-8";
    }
    else if (strlen(text) == DOCUMENT_MAX) {
        error = "too long";
    }
    else if (strstr(document, ".txt") && strncmp(text, "Subject: ", 9)) {
        error = "the first line must start with \"Subject: \"";
    }
    while (*text && !error) {
        char *end = text + strcspn(text, "\n");
        char *next = *end ? end + 1 : end;

        *end = '\0';
        if (end > text && end[-1] == '\r') {
            end[-1] = '\0';
        }
        APR_ARRAY_PUSH(lines, const char *) = fill_line(r, text, &error, pool);
        APR_ARRAY_PUSH(lines, const char *) = "\n";
        text = next;
        ++n;
    }
    out = apr_array_pstrcat(pool, lines, 0);
    error = error ? error : too_long(document, out, pool);
    if (error) {
        *problem = apr_psprintf(pool, "%s, line %d: %s", path, n ? n : 1, error);
        return NULL;
    }
    return out;
}

/* ---- for mails */

/* True the first time that this document is at fault. */
static int first_fault(apr_uint32_t *faults, const char *document)
{
    apr_uint32_t bit = 1, before;

    for (const char *const *d = ba_mail_documents; *d && strcmp(*d, document); ++d) {
        bit <<= 1;
    }
    do {
        before = apr_atomic_read32(faults);
    } while (!(before & bit) && apr_atomic_cas32(faults, before | bit, before) != before);
    return !(before & bit);
}

/* The values in the visitor's language, and what its texts need to know. */
static apr_table_t *in_language(request_rec *r, const ba_language *language, const char *document,
                                const apr_table_t *values)
{
    apr_table_t *notes = apr_table_clone(r->pool, values);
    const char *direction = ba_language_text(language, "direction");
    const char *seconds = apr_table_get(values, "expiresIn");
    const char *span = ba_language_span(language, seconds ? apr_atoi64(seconds) : 0, r->pool);
    int html = strstr(document, ".html") != NULL;

    apr_table_setn(notes, "expiresIn", html ? ba_text_html(span, r->pool) : span);
    apr_table_setn(notes, "lang", language->code);
    apr_table_setn(notes, "dir", direction && !strcmp(direction, "rtl") ? "rtl" : "ltr");
    if (html) {
        apr_table_setn(notes, NOTE_HTML, "1");
    }
    apr_pool_userdata_setn(language, LANGUAGE_KEY, NULL, r->pool);
    return notes;
}

const char *ba_mail_document_render(request_rec *r, const ba_language *language, const char *dir,
                                    apr_uint32_t *faults, const char *document,
                                    const apr_table_t *values)
{
    /* the evaluator writes each line that it has filled in, with its link, at trace4 */
    const struct ap_logconf errors_only = {.level = APLOG_WARNING};
    request_rec with_values = *r;
    const char *path = apr_pstrcat(r->pool, dir ? dir : BA_MAILS_DIR, "/", document, NULL);
    char *text = read_document(path, r->pool);
    const char *problem = "";
    const char *out = NULL;

    with_values.log = &errors_only;
    with_values.notes = in_language(r, language, document, values);
    if (text) {
        /* not for the installed one: after an upgrade, until the restart, it may ask for texts
         * that were not there at start */
        out = fill(&with_values, path, document, text, dir ? language : NULL, &problem, r->pool);
    }
    if (out) {
        return out;
    }
    if (!dir) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "BA0720: cannot use the mail document %s %s",
                      path, problem);
        return NULL;
    }
    if (text && first_fault(faults, document)) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "BA0721: %s; mails are written with the installed document", problem);
    }
    return ba_mail_document_render(r, language, NULL, faults, document, values);
}

const char *ba_mail_document_check(const char *dir, const char *document,
                                   const apr_array_header_t *languages, apr_pool_t *pool)
{
    const char *path = apr_pstrcat(pool, dir, "/", document, NULL);
    const char *problem = NULL;

    for (int i = 0; i < languages->nelts && !problem; ++i) {
        char *text = read_document(path, pool);

        if (text) {
            fill(NULL, path, document, text, APR_ARRAY_IDX(languages, i, const ba_language *),
                 &problem, pool);
        }
    }
    return problem;
}
