/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Delivers the mails of one site: takes those that are due, sends a few at a time in
 * threads of their own, notes what became of them. At least once: a mail is taken by
 * a lease, so that whoever holds it may die. One thread owns an outbox and is its only
 * user of the database; nothing is open there while a mail is being sent. */

#ifndef BA_OUTBOX_H
#define BA_OUTBOX_H

#include "ba_call.h"
#include "ba_types.h"

struct ba_db;
struct ba_settings;
typedef struct ba_outbox ba_outbox;

/* Where its lines go. */
typedef void (*ba_outbox_log)(void *baton, ba_log_level level, const char *message);

/* settings: of the site; meter: NULL, or who counts; all must live as long as the outbox. */
ba_outbox *ba_outbox_create(const struct ba_db *db, const struct ba_settings *settings,
                            struct ba_meter *meter, ba_outbox_log log, void *baton,
                            apr_pool_t *pool);

/* Does what can be done without waiting; with `look` asks for due mails. To be called
 * several times a second. */
void ba_outbox_step(ba_outbox *outbox, ba_time now, int look, apr_pool_t *temp);

/* Lets those on their way finish until then, stops the others, which takes them about a
 * second, and leaves them to whoever looks next. The outbox is not to be used again. */
void ba_outbox_stop(ba_outbox *outbox, ba_time grace, apr_pool_t *temp);

/* Milliseconds until attempt n + 1, before chance; for tests too. */
apr_int64_t ba_outbox_pause(int attempts);

#endif
