/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* The request that another proxy asks about, where betterauth-forward is mounted. Its
 * headers may be anybody's: they say where a browser comes back to, if that is a trusted
 * origin, and whether it is a person; never who somebody is. */

#ifndef BA_ASKED_H
#define BA_ASKED_H

#include <httpd.h>

/* Longest way back that a sign-in link carries. */
#define BA_RETURN_MAX 2000

/* True if r is such a question. */
int ba_asked(request_rec *r);

/* True if what was asked for is fetched with GET or HEAD; of any other request, if r is. */
int ba_asked_fetches(request_rec *r);

/* The absolute URL that was asked for, NULL if the proxy has not told it or it is not of
 * a trusted origin. *redirects: the proxy hands a redirect on to the browser. */
const char *ba_asked_url(request_rec *r, int *redirects);

#endif
