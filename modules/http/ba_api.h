/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#ifndef BA_API_H
#define BA_API_H

#include <httpd.h>

/* The content handler "betterauth": the HTTP API (http-api 5). */
int ba_api_handler(request_rec *r);

#endif
