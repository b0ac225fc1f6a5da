/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* What people do that somebody may ask about later: who did what, from where, and how it
 * ended. ba_audit() tells it. */

#ifndef BA_EVENT_H
#define BA_EVENT_H

/* In the order of ba_events[], and of the meter's counters. */
typedef enum {
    BA_EVENT_SIGN_UP,
    BA_EVENT_SIGN_UP_TAKEN,
    BA_EVENT_SIGN_IN,
    BA_EVENT_SIGN_IN_FAILED,
    BA_EVENT_SIGN_IN_BANNED,
    BA_EVENT_SIGN_IN_REFUSED,
    BA_EVENT_SIGN_IN_UNVERIFIED,
    BA_EVENT_ACCOUNT_LOCKED,
    BA_EVENT_LIMITED,
    BA_EVENT_SIGN_OUT,
    BA_EVENT_SESSION_REVOKED,
    BA_EVENT_SESSIONS_REVOKED,
    BA_EVENT_PASSWORD_WRONG,
    BA_EVENT_PASSWORD_CHANGED,
    BA_EVENT_RESET_REQUESTED,
    BA_EVENT_RESET_DONE,
    BA_EVENT_EMAIL_VERIFIED,
    BA_EVENT_EMAIL_CHANGE_REQUESTED,
    BA_EVENT_EMAIL_CHANGED,
    BA_EVENT_EMAIL_CHANGED_AT_ONCE,
    BA_EVENT_ACCOUNT_UNLINKED,
    BA_EVENT_USER_DELETED,
    BA_EVENT_BAN_LIFTED,
    BA_EVENT_MAIL_REFUSED,
    BA_EVENT_URL_REFUSED,
    BA_EVENT_ORIGIN_REFUSED,
    BA_EVENT_STEP_UP,
    BA_EVENT_COUNT
} ba_event;

/* Why a sign-in failed that BA_EVENT_SIGN_IN_FAILED tells of. */
typedef enum {
    BA_FAILURE_NONE,
    BA_FAILURE_PASSWORD,
    BA_FAILURE_ADDRESS,
    BA_FAILURE_NO_PASSWORD,
    BA_FAILURE_COUNT
} ba_failure;

typedef struct ba_event_row {
    const char *name; /* in the audit log, unique */
    const char *outcome; /* success, failure (could not prove it), denied (may not) */
    const char *line; /* in the error log: tag and words */
} ba_event_row;

extern const ba_event_row ba_events[BA_EVENT_COUNT];
extern const char *const ba_failures[BA_FAILURE_COUNT];

/* What is known of it; NULL: not known, or nobody. */
typedef struct ba_fact {
    const char *user;    /* id */
    const char *session; /* id, never the token */
    const char *reason;  /* our words or an error code, never what somebody typed */
    ba_failure failure;  /* stands for a reason */
} ba_fact;

#endif
