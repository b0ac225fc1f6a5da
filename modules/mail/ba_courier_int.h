/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* What the files of the courier share; for modules/mail/ alone. */

#ifndef BA_COURIER_INT_H
#define BA_COURIER_INT_H

#include "ba_courier.h"

/* The longest that one attempt may take. */
#define BA_COURIER_SECONDS 60

ba_courier_result ba_courier_smtp(ba_courier_job *job, apr_pool_t *pool);
ba_courier_result ba_courier_sendmail(ba_courier_job *job, apr_pool_t *pool);
ba_courier_result ba_courier_dir(ba_courier_job *job, apr_pool_t *pool);

/* Keeps text as the error, as one line without the recipient. */
void ba_courier_explain(ba_courier_job *job, const char *text, apr_pool_t *pool);

#endif
