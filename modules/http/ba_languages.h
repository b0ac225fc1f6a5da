/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* The languages of a server: read when it starts, from the installed files and the
 * operator's; and the one of a visitor. */

#ifndef BA_LANGUAGES_H
#define BA_LANGUAGES_H

#include "ba_call.h"
#include "ba_language.h"
#include "ba_settings.h"

#include <httpd.h>

/* Those of BetterAuthLanguages, at least one: of const ba_language *. What is wrong
 * with a file is logged, if s is not NULL, and what it lacks is shown in English. */
const apr_array_header_t *ba_languages_load(const ba_settings *settings, server_rec *s,
                                            apr_pool_t *pool);

/* The language of a visitor: by their own choice, else by what the browser asks for. */
const ba_language *ba_languages_choose(const apr_array_header_t *all, const ba_call *call);

/* The cookie that holds the choice. */
const char *ba_languages_cookie(const ba_call *call);

#endif
