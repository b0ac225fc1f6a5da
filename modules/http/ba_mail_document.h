/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Mail documents: files whose lines are string expressions of httpd (ap_expr), in which
 * %{mail:url} and its like stand for the values of ba_mail.h. */

#ifndef BA_MAIL_DOCUMENT_H
#define BA_MAIL_DOCUMENT_H

#include "ba_language.h"

#include <httpd.h>

/* Makes %{mail:…} known to ap_expr. */
void ba_mail_document_register_hooks(void);

/* The document of the operator's folder (dir, may be NULL), else the installed one,
 * filled in for who reads language. A mistake in the operator's is logged once (*faults keeps which) and the
 * installed one is used. NULL: there is none; logged. */
const char *ba_mail_document_render(request_rec *r, const ba_language *language, const char *dir,
                                    apr_uint32_t *faults, const char *document,
                                    const apr_table_t *values);

/* Says what is wrong with a document in the operator's folder, for readers of any of the
 * languages (of const ba_language *): "FILE, line N: …"; NULL: nothing, or there is none. */
const char *ba_mail_document_check(const char *dir, const char *document,
                                   const apr_array_header_t *languages, apr_pool_t *pool);

#endif
