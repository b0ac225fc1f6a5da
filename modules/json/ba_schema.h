/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Rows that say what a body may hold; handlers see a typed struct. Messages
 * are those of Better Auth's validator (http-api 5.4). */

#ifndef BA_SCHEMA_H
#define BA_SCHEMA_H

#include "ba_json.h"

#include <stddef.h>

typedef enum {
    BA_FIELD_TEXT,  /* const char *; NULL: absent. NUL inside is refused */
    BA_FIELD_EMAIL, /* the same, and a valid address */
    BA_FIELD_BYTES, /* ba_bytes; data NULL: absent. May hold NUL */
    BA_FIELD_BOOL,  /* int; -1: absent */
    BA_FIELD_WHOLE, /* const json_t *: the body itself, whatever the name */
    BA_FIELD_ANY    /* const json_t *; NULL: absent. The handler looks at it */
} ba_field_kind;

enum { BA_OPTIONAL = 0, BA_REQUIRED = 1, BA_NOT_EMPTY = 2 };

typedef struct ba_field {
    const char *name;
    ba_field_kind kind;
    int rules; /* of the enum above */
    apr_size_t offset;
} ba_field;

/* What upstream calls a body that is not an object. */
typedef enum { BA_OBJECT, BA_RECORD, BA_OBJECT_AND_RECORD } ba_record;

typedef struct ba_schema {
    const ba_field *fields; /* ends with a row without name */
    apr_size_t size;        /* of the struct that they fill */
    int optional;           /* the body may be absent */
    ba_record record;
} ba_schema;

/* Reads body (NULL: absent) into a new struct of schema->size bytes. Unknown
 * keys are dropped. NULL: *problem says all that is wrong. Strings point into
 * the tree and live as long. where: "body" or "query", for the messages. */
void *ba_schema_read(const ba_schema *schema, const char *where, const json_t *body,
                     const char **problem, apr_pool_t *pool);

/* True for what Better Auth takes as an e-mail address: ASCII only. */
int ba_schema_email(const char *text);

#endif
