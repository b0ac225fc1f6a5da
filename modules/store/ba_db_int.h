/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* How ba_db puts the operator's own columns into its statements, once at start. Where
 * they belong stands a mark, which is a comment to a database, of these words:
 *
 *   user:u   , u.`a`, u.`b`   in a SELECT, with this alias or none
 *   user+    , `a`, `b`       columns of an INSERT
 *   user?    , %s, %s         and their values
 *   user=    , `a` = CASE …   in an UPDATE; binds "keep" or else, and the value, for each
 *
 * and likewise for session. The columns' names are of letters, digits and _, as the
 * directive has checked. For modules/store/ alone. */

#ifndef BA_DB_INT_H
#define BA_DB_INT_H

#include "ba_column.h"

#include <apr_pools.h>

/* The statement with the marks filled in. */
const char *ba_db_expand(const char *sql, const ba_columns *columns, int mysql, apr_pool_t *pool);

#endif
