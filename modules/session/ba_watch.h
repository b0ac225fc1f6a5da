/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* A session that is watched for as long as something it was let into goes on, such as a
 * websocket. The counters of ba_revoke.h and the clock say when to ask the database; it
 * alone says that a session is over, since a counter also moves for a refresh, or for
 * somebody else. */

#ifndef BA_WATCH_H
#define BA_WATCH_H

#include "ba_call.h"
#include "ba_revoke.h"

typedef struct ba_watch {
    const char *token;      /* never logged */
    const char *session_id; /* for the log, like the next */
    const char *user_id;
    apr_uint32_t session_slot, session_count; /* of ba_revoke.h */
    apr_uint32_t user_slot, user_count;
    ba_time ends_at; /* as last heard */
    ba_time heard_at; /* the clock then; later than now: it was put back */
    ba_time ask_at;  /* when to ask again, whatever the counters say */
} ba_watch;

/* Begins to watch the session that call has found; the texts stay in its pool. It is
 * due at once: the session may have ended while the request was on its way, and a cache
 * may have answered for it. */
void ba_watch_begin(ba_watch *watch, const ba_call *call);

typedef enum {
    BA_WATCH_IDLE,   /* nothing to ask */
    BA_WATCH_LOOK,   /* others may have ended it: time to look */
    BA_WATCH_URGENT  /* somebody has told of it, or its time is over */
} ba_watch_due;

ba_watch_due ba_watch_look(const ba_watch *watch, const ba_revocations *all, ba_time now);

/* To be called right before asking. */
void ba_watch_note(ba_watch *watch, const ba_revocations *all);

/* What the store said: its result, and the session if it was APR_SUCCESS. True: it is
 * over. A database that is down ends nothing before its time. */
int ba_watch_heard(ba_watch *watch, const struct ba_settings *settings, apr_status_t rv,
                   const ba_session *session, ba_time now);

#endif
