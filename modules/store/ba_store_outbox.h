/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* What delivery and the sweeper ask the database. Not among the questions of
 * ba_store.h: no request asks them, and they run on a connection of their own.
 * APR_EGENERAL: the database failed, and has been logged. */

#ifndef BA_STORE_OUTBOX_H
#define BA_STORE_OUTBOX_H

#include "ba_db.h"

/* Most rows of ba_store_outbox_due(). */
#define BA_OUTBOX_BATCH 8

/* A mail that is due. */
typedef struct ba_outbox_row {
    const char *id;
    const char *due; /* as the database writes it; after a claim, the end of the lease */
    int attempts;    /* with this one, after a claim */
    ba_time created_at;
    const char *sender; /* these three after a claim */
    const char *recipient;
    const char *message;
} ba_outbox_row;

/* Mails of the site that are due, or due later than `farthest`, which nobody means; oldest
 * first, at most BA_OUTBOX_BATCH; those of other sites too if they have been due since
 * `orphaned`: *rows is of ba_outbox_row *. */
apr_status_t ba_store_outbox_due(const ba_db *db, const char *site, ba_time now,
                                 ba_time farthest, ba_time orphaned, apr_array_header_t **rows,
                                 apr_pool_t *pool);

/* Takes a mail until then and reads it. APR_NOTFOUND: somebody else has it. */
apr_status_t ba_store_outbox_claim(const ba_db *db, ba_outbox_row *row, ba_time until,
                                   apr_pool_t *pool);

/* Sent: forgets the message, which had a link in it. */
apr_status_t ba_store_outbox_sent(const ba_db *db, const ba_outbox_row *row, ba_time now,
                                  apr_pool_t *pool);

/* To be tried again, unless somebody else has it by now; error: NULL for none. */
apr_status_t ba_store_outbox_later(const ba_db *db, const ba_outbox_row *row, int attempts,
                                   ba_time due, const char *error, apr_pool_t *pool);

/* Never to be tried again; forgets the message. */
apr_status_t ba_store_outbox_give_up(const ba_db *db, const ba_outbox_row *row,
                                     const char *error, apr_pool_t *pool);

/* Milliseconds that rows are kept after they have expired, since clocks differ, that mails
 * are kept once sent, at the least, and once given up. */
#define BA_SWEEP_MARGIN BA_MS(300)
#define BA_SWEEP_SENT BA_MS(86400)
#define BA_SWEEP_GIVEN_UP BA_MS(7 * 86400)

typedef enum { BA_SWEEP_SESSIONS, BA_SWEEP_VERIFICATIONS, BA_SWEEP_MAILS, BA_SWEEPS } ba_sweep;

/* Deletes what is older than `before` among the next 500 rows after *cursor ("" at
 * first), and moves it to the last of them; NULL at the end of the table. Mails: sent
 * before then, or created before `forgotten` and not waiting. *rows: how many went. */
apr_status_t ba_store_sweep(const ba_db *db, ba_sweep what, ba_time before, ba_time forgotten,
                            const char **cursor, int *rows, apr_pool_t *pool);

#endif
