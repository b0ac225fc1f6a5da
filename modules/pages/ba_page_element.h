/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* How a page document gets what it shows: an SSI element of ours,
 *     <!--#betterauth value="email" -->    what somebody typed, or who it is
 *     <!--#betterauth text="sign-in" -->   a text of the visitor's language
 *     <!--#betterauth part="field" field="email" … -->   another document, in which the
 *                                          further arguments are values too
 *     <!--#betterauth list="sessions" part="session" --> the same for each row of a list
 * which escapes for HTML text and quoted attributes, and page('email') in conditions.
 * What a visitor typed enters a page here and nowhere else: not as a variable of SSI,
 * which other directives could parse again. */

#ifndef BA_PAGE_ELEMENT_H
#define BA_PAGE_ELEMENT_H

#include <httpd.h>

/* page('name') for the expressions of #if. */
void ba_page_element_register_hooks(void);

/* Hook: registers the element with mod_include, if that is loaded; after it. */
int ba_page_element_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                                server_rec *s);

/* Makes mod_include run on what r writes: with its own defaults, with #include,
 * without #exec, whatever Options and SSI directives hold here. Returns the
 * per-directory configuration to put back afterwards. */
struct ap_conf_vector_t *ba_page_element_prepare(request_rec *r);

#endif
