/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Hands one mail to whoever takes it from here: an SMTP server, a sendmail program, a
 * folder. Blocks for a minute at most, so it runs in a thread of its own, without a
 * database connection. */

#ifndef BA_COURIER_H
#define BA_COURIER_H

#include "ba_types.h"

struct ba_mailer;

typedef enum {
    BA_COURIER_SENT,
    BA_COURIER_LATER, /* try again */
    BA_COURIER_NEVER, /* refused for good: no other attempt can succeed */
    BA_COURIER_STOPPED /* because of *stop; whether it was sent is not known */
} ba_courier_result;

typedef struct ba_courier_job {
    const struct ba_mailer *mailer;
    const char *id;
    const char *sender;
    const char *recipient;
    const char *message;
    apr_uint32_t *stop; /* set by others, atomically: give up within a second or two */
    const char *error;  /* why not; one line that names no address */
} ba_courier_job;

/* error lives in pool. */
ba_courier_result ba_courier_send(ba_courier_job *job, apr_pool_t *pool);

/* Once before fork(), and at its end. */
void ba_courier_begin(void);
void ba_courier_end(void);

#endif
