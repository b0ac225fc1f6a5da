/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* The module symbol and its log index: what every file that speaks to httpd
 * needs, and nothing else. */

#ifndef BA_MODULE_H
#define BA_MODULE_H

#include <httpd.h>

#include <http_config.h>

extern module AP_MODULE_DECLARE_DATA betterauth_module;

#ifdef APLOG_USE_MODULE
APLOG_USE_MODULE(betterauth);
#endif

#endif
