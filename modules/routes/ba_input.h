/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* What a body says about the operator's own columns (BetterAuthField). */

#ifndef BA_INPUT_H
#define BA_INPUT_H

#include "ba_call.h"
#include "ba_column.h"
#include "ba_json.h"

/* A new row's values: those of the body, else the fallbacks. *extra is NULL if there
 * are no columns. 0: one is missing, forbidden or of another type, and the call has its
 * answer. */
int ba_input_create(ba_call *call, const apr_array_header_t *columns, const json_t *body,
                    const ba_extra **extra);

/* The same for an update, which gives only what the body says. */
int ba_input_update(ba_call *call, const apr_array_header_t *columns, const json_t *body,
                    const ba_extra **extra);

#endif
