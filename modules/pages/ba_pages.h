/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#ifndef BA_PAGES_H
#define BA_PAGES_H

#include <httpd.h>

/* The content handler "betterauth-pages": sign-up, sign-in and sign-out for
 * people, with or without JavaScript. A form post runs the endpoint of the API,
 * then redirects to the wanted page, or shows the form again with the error. */
int ba_pages_handler(request_rec *r);

#endif
