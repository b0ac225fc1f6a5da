/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* How a page document gets its values: an SSI element of ours,
 *     <!--#betterauth value="email" -->
 * which escapes for HTML text and quoted attributes. What a visitor typed enters
 * a page here and nowhere else: not as a variable of SSI, which other directives
 * could parse again. */

#ifndef BA_PAGE_ELEMENT_H
#define BA_PAGE_ELEMENT_H

#include <httpd.h>

/* Hook: registers the element with mod_include, if that is loaded; after it. */
int ba_page_element_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                                server_rec *s);

/* Makes mod_include run on what r writes: with its own defaults, with #include,
 * without #exec, whatever Options and SSI directives hold here. Returns the
 * per-directory configuration to put back afterwards. */
struct ap_conf_vector_t *ba_page_element_prepare(request_rec *r);

#endif
