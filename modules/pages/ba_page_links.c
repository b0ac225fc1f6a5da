/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Where mailed links lead: pages that ask before anything happens, since mail scanners
 * open links too. */

#include "ba_page.h"

#include "ba_links.h"
#include "ba_origin.h"
#include "ba_text.h"

#include <apr_strings.h>
#include <string.h>

/* The link's token, by the form or, first, by the query. */
static const char *token_of(const ba_page_view *v)
{
    const char *token = v->form ? ba_page_typed(v, "token") : ba_page_asked(v, "token");

    return token ? token : "";
}

/* "link" is what the document goes by: bad, or what the link is for. */
static int show_link(ba_page_view *v, const char *what)
{
    const ba_error *error = v->call->answer.error;
    int used = error == &ba_err_invalid_token || error == &ba_err_link_token
               || error == &ba_err_link_expired || error == &ba_err_delete_token
               || error == &ba_err_link_no_user || error == &ba_err_no_user;
    const char *token = token_of(v);

    ba_page_set(v, "token", token);
    ba_page_set(v, "link", used || !*token ? "bad" : what);
    return OK;
}

/* The address is for password managers, which keep nothing without one. Whoever has the
 * link may know it: it is where the link was mailed to. */
int ba_page_show_reset(ba_page_view *v)
{
    const ba_user *user = NULL;
    const ba_error *error = *token_of(v) ? ba_reset_read(v->call, token_of(v), &user) : NULL;

    if (error == &ba_err_unavailable) {
        ba_page_message(v, HTTP_SERVICE_UNAVAILABLE, "503");
        return DONE;
    }
    ba_page_set(v, "link-email", user ? user->email : "");
    return show_link(v, user ? "good" : "bad");
}

int ba_page_show_delete_link(ba_page_view *v)
{
    return show_link(v, "good");
}

int ba_page_show_verify(ba_page_view *v)
{
    ba_link_claims claims = {0};
    const ba_error *error = ba_link_read(v->call, token_of(v), &claims);

    ba_page_set(v, "link-email", claims.email);
    ba_page_set(v, "link-new-email", claims.change_to);
    return show_link(v, error                                    ? "bad"
                        : !claims.change_to                      ? "verify"
                        : !strcmp(claims.type, BA_LINK_CONFIRM) ? "confirm"
                                                                 : "change");
}

/* The endpoint is a GET, for those who follow the link of another page; what a form
 * does needs the checks of a form. */
void ba_page_run_verify(ba_page_view *v)
{
    const ba_error *error = ba_origin_check(v->call);

    error = error ? error : ba_origin_check_form(v->call);
    if (error) {
        ba_call_fail(v->call, error);
        return;
    }
    ba_page_call(v, "GET", "/verify-email", NULL,
                 apr_pstrcat(v->r->pool, "token=", ba_text_url_encode(token_of(v), v->r->pool),
                             NULL));
}

const char *ba_page_next_verify(ba_page_view *v)
{
    ba_page_show_verify(v);
    if (!strcmp(ba_page_get(v, "link"), "confirm")) {
        return ba_page_link(v, "/check-mail?for=change-new", NULL);
    }
    if (!strcmp(ba_page_get(v, "link"), "change")) {
        return ba_page_link(v, "/account?done=email", NULL);
    }
    return ba_page_link(v, "/verified", "callback-query");
}
