/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Columns of users and sessions beyond Better Auth's core, such as the operator's own
 * (BetterAuthField), and the values that a row has in them. */

#ifndef BA_COLUMN_H
#define BA_COLUMN_H

#include <apr_tables.h>

/* Columns of one table beyond Better Auth's core: the operator's own and the admin plugin's
 * (ba_admin.h). Characters of a string in one: what is read comes through buffers of this
 * size. */
#define BA_COLUMNS_OWN 16
#define BA_COLUMNS_ADMIN 4
#define BA_COLUMNS_MAX (BA_COLUMNS_OWN + BA_COLUMNS_ADMIN)
#define BA_COLUMN_TEXT_MAX 2048

typedef enum {
    BA_COLUMN_STRING,
    BA_COLUMN_NUMBER,
    BA_COLUMN_BOOLEAN,
    BA_COLUMN_DATE
} ba_column_type;

typedef struct ba_column {
    const char *name;   /* in JSON */
    const char *column; /* in the table: letters, digits and _ */
    ba_column_type type;
    int required;         /* by sign-up, unless there is a fallback */
    int readonly;         /* nothing that a client sets */
    int hidden;           /* not in JSON */
    const char *fallback; /* of new rows, as in ba_extra; NULL: none */
    int refused;          /* readonly, and a sign-up that names it fails, fallback or not */
} ba_column;

typedef struct ba_columns {
    apr_array_header_t *user; /* of ba_column; NULL: none */
    apr_array_header_t *session;
} ba_columns;

/* Values in the order of columns: text as it is, a number as JSON writes it, "1" or
 * "0", an ISO date; NULL for NULL. */
typedef struct ba_extra {
    const apr_array_header_t *columns; /* of ba_column */
    const char **values;
    char *given; /* of an update: 1 where the value counts */
} ba_extra;

/* All NULL, none given. NULL if columns is. */
ba_extra *ba_extra_create(const apr_array_header_t *columns, apr_pool_t *pool);

/* The fallbacks, for a new row; likewise. */
ba_extra *ba_extra_fallback(const apr_array_header_t *columns, apr_pool_t *pool);

/* Base with the given values of change in their places; either may be NULL. */
const ba_extra *ba_extra_merge(const ba_extra *base, const ba_extra *change, apr_pool_t *pool);

/* True if some value is given; extra may be NULL. */
int ba_extra_any(const ba_extra *extra);

/* Text in the form of ba_extra, NULL if it is no value of this type. */
const char *ba_column_value(ba_column_type type, const char *text, apr_pool_t *pool);

/* Text that is the same for the same columns, in the table and as they are read, only. */
const char *ba_columns_key(const ba_columns *columns, apr_pool_t *pool);

/* "string", "number", "boolean", "date"; ends with NULL. */
extern const char *const ba_column_types[];

#endif
