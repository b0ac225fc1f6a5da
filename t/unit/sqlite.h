/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* The real store on a database of SQLite's, with the tables of sql/sqlite3. */

#ifndef SQLITE_H
#define SQLITE_H

#include "ba_db.h"
#include "fixture.h"

typedef struct sqlite {
    ba_db db;
    ba_db_conn conn; /* the one that is lent */
    fixture *f;
    int lent;    /* out now */
    int refused; /* of the next loans; the lender has no connection */
} sqlite;

/* Opens file (":memory:": none) and loads the steps; f->database is the store on it.
 * columns: the operator's own, NULL for none. */
sqlite *sqlite_open(fixture *f, const char *file, const ba_columns *columns);
void sqlite_close(sqlite *s);

/* Runs this SQL, which must succeed. */
void sqlite_run(sqlite *s, const char *sql);

/* The first column of the first row; "" for NULL or no row. */
const char *sqlite_value(sqlite *s, const char *sql);

#endif
