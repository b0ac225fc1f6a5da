/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_outbox.h"

#include "ba_courier.h"
#include "ba_meter.h"
#include "ba_random.h"
#include "ba_settings.h"
#include "ba_store_outbox.h"

#include <apr_atomic.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>
#include <apr_time.h>
#include <string.h>

/* Mails on their way at a time: one that hangs holds up nobody. */
#define AT_A_TIME 8

/* The courier's minute and as much again, for clocks that differ. */
#define LEASE_MS BA_MS(120)

#define FIRST_PAUSE_MS BA_MS(30)
#define LONGEST_PAUSE_MS BA_MS(3600)
/* No mail is told to wait for longer: it was written while a clock was ahead. */
#define FARTHEST_MS (LONGEST_PAUSE_MS + LONGEST_PAUSE_MS / 5 + LEASE_MS)
#define GIVE_UP_MS BA_MS(2 * 86400)

/* Overdue by this long: the site it was written for has gone. */
#define ORPHANED_MS BA_MS(3600)

#define POLL_MS 20

/* One mail on its way; its thread has it until `done`. */
typedef struct delivery {
    struct delivery *next;
    apr_pool_t *pool; /* of its own, also of its allocator */
    apr_thread_t *thread;
    ba_outbox_row row;
    ba_courier_job job;
    ba_courier_result result;
    apr_uint32_t done;
} delivery;

struct ba_outbox {
    const ba_db *db;
    const ba_settings *settings;
    ba_meter *meter;
    ba_outbox_log log;
    void *baton;
    delivery *deliveries;
    int count;
    int more; /* the last look left some behind */
    apr_uint32_t stop;
};

ba_outbox *ba_outbox_create(const ba_db *db, const ba_settings *settings, ba_meter *meter,
                            ba_outbox_log log, void *baton, apr_pool_t *pool)
{
    ba_outbox *o = apr_pcalloc(pool, sizeof(*o));

    o->db = db;
    o->settings = settings;
    o->meter = meter;
    o->log = log;
    o->baton = baton;
    return o;
}

/* ---- sending */

static void *APR_THREAD_FUNC run(apr_thread_t *thread, void *data)
{
    delivery *d = data;

    d->result = ba_courier_send(&d->job, d->pool);
    apr_atomic_set32(&d->done, 1);
    (void)thread;
    return NULL;
}

static void copy_row(delivery *d, const ba_outbox_row *row)
{
    d->row = *row;
    d->row.id = apr_pstrdup(d->pool, row->id);
    d->row.due = apr_pstrdup(d->pool, row->due);
    d->row.sender = apr_pstrdup(d->pool, row->sender);
    d->row.recipient = apr_pstrdup(d->pool, row->recipient);
    d->row.message = apr_pstrdup(d->pool, row->message);
}

/* row has been claimed. Without a thread it is tried again when the lease ends. */
static void start(ba_outbox *o, const ba_outbox_row *row)
{
    apr_pool_t *pool;
    delivery *d;
    apr_status_t rv;

    if (apr_pool_create_unmanaged(&pool) != APR_SUCCESS) {
        return;
    }
    d = apr_pcalloc(pool, sizeof(*d));
    d->pool = pool;
    copy_row(d, row);
    d->job.mailer = &o->settings->mailer;
    d->job.id = d->row.id;
    d->job.sender = d->row.sender;
    d->job.recipient = d->row.recipient;
    d->job.message = d->row.message;
    d->job.stop = &o->stop;
    d->job.error = "";
    rv = apr_thread_create(&d->thread, NULL, run, d, pool);
    if (rv != APR_SUCCESS) {
        o->log(o->baton, BA_LOG_ERROR, "BA0710: no thread to send a mail with");
        apr_pool_destroy(pool);
        return;
    }
    d->next = o->deliveries;
    o->deliveries = d;
    ++o->count;
}

static void look_for_mails(ba_outbox *o, ba_time now, apr_pool_t *temp)
{
    apr_array_header_t *rows;

    if (ba_store_outbox_due(o->db, o->settings->base_url, now, now + FARTHEST_MS,
                            now - ORPHANED_MS, &rows, temp)
        != APR_SUCCESS) {
        o->more = 0;
        return;
    }
    o->more = rows->nelts == BA_OUTBOX_BATCH;
    for (int i = 0; i < rows->nelts; ++i) {
        ba_outbox_row *row = APR_ARRAY_IDX(rows, i, ba_outbox_row *);

        if (o->count >= AT_A_TIME) {
            o->more = 1;
            return;
        }
        if (ba_store_outbox_claim(o->db, row, now + LEASE_MS, temp) == APR_SUCCESS) {
            start(o, row);
        }
    }
}

/* ---- what became of it */

apr_int64_t ba_outbox_pause(int attempts)
{
    apr_int64_t pause = FIRST_PAUSE_MS;

    for (int i = 1; i < attempts && pause < LONGEST_PAUSE_MS; ++i) {
        pause *= 2;
    }
    return pause < LONGEST_PAUSE_MS ? pause : LONGEST_PAUSE_MS;
}

/* A fifth more or less, so that a server that comes back is not stormed. */
static apr_int64_t with_chance(apr_int64_t ms)
{
    unsigned char byte = 128;

    ba_random_bytes(&byte, 1);
    return ms + ms * (byte - 128) / 640;
}

static apr_status_t try_again(ba_outbox *o, const delivery *d, ba_time now, apr_pool_t *temp)
{
    apr_int64_t pause = with_chance(ba_outbox_pause(d->row.attempts));
    apr_status_t rv = ba_store_outbox_later(o->db, &d->row, d->row.attempts, now + pause,
                                            d->job.error, temp);

    if (rv == APR_SUCCESS) {
        ba_meter_add(o->meter, BA_COUNT_MAIL_FAILED, 1);
        o->log(o->baton, BA_LOG_WARN,
               apr_psprintf(temp,
                            "BA0711: mail %s could not be sent (attempt %d), next one in %d s: %s",
                            d->row.id, d->row.attempts, (int)(pause / 1000), d->job.error));
    }
    return rv;
}

static apr_status_t give_up(ba_outbox *o, const delivery *d, apr_pool_t *temp)
{
    apr_status_t rv = ba_store_outbox_give_up(o->db, &d->row, d->job.error, temp);

    if (rv == APR_SUCCESS) {
        ba_meter_add(o->meter, BA_COUNT_MAIL_GIVEN_UP, 1);
        o->log(o->baton, BA_LOG_ERROR,
               apr_psprintf(temp, "BA0712: mail %s will not be sent, after %d attempts: %s",
                            d->row.id, d->row.attempts, d->job.error));
    }
    return rv;
}

static apr_status_t note_sent(ba_outbox *o, const delivery *d, ba_time now, apr_pool_t *temp)
{
    apr_status_t rv = ba_store_outbox_sent(o->db, &d->row, now, temp);

    if (rv == APR_SUCCESS) {
        ba_meter_add(o->meter, BA_COUNT_MAIL_SENT, 1);
        o->log(o->baton, BA_LOG_INFO,
               apr_psprintf(temp, "BA0713: mail %s sent, %d ms after it was written", d->row.id,
                            (int)(now - d->row.created_at)));
    }
    return rv;
}

/* Not APR_SUCCESS: the database is down, and is to be told later. */
static apr_status_t note_result(ba_outbox *o, const delivery *d, ba_time now, apr_pool_t *temp)
{
    switch (d->result) {
    case BA_COURIER_SENT:
        return note_sent(o, d, now, temp);
    case BA_COURIER_STOPPED:
        return ba_store_outbox_later(o->db, &d->row, d->row.attempts - 1, now, NULL, temp);
    case BA_COURIER_NEVER:
        return give_up(o, d, temp);
    default:
        return now - d->row.created_at > GIVE_UP_MS ? give_up(o, d, temp)
                                                    : try_again(o, d, now, temp);
    }
}

static void finish(delivery *d)
{
    apr_status_t ignored;

    apr_thread_join(&ignored, d->thread);
    apr_pool_destroy(d->pool);
}

/* Takes the finished ones off the list; those whose result cannot be noted stay until
 * it can, or the mail would be sent once more when its lease ends. */
static void collect(ba_outbox *o, ba_time now, apr_pool_t *temp)
{
    delivery **link = &o->deliveries;

    while (*link) {
        delivery *d = *link;

        if (apr_atomic_read32(&d->done) && note_result(o, d, now, temp) == APR_SUCCESS) {
            *link = d->next;
            --o->count;
            finish(d);
        }
        else {
            link = &d->next;
        }
    }
}

void ba_outbox_step(ba_outbox *o, ba_time now, int look, apr_pool_t *temp)
{
    collect(o, now, temp);
    if ((look || o->more) && o->count < AT_A_TIME) {
        look_for_mails(o, now, temp);
    }
}

static int all_done(const ba_outbox *o)
{
    for (delivery *d = o->deliveries; d; d = d->next) {
        if (!apr_atomic_read32(&d->done)) {
            return 0;
        }
    }
    return 1;
}

void ba_outbox_stop(ba_outbox *o, ba_time grace, apr_pool_t *temp)
{
    while (!all_done(o)) {
        if (apr_time_as_msec(apr_time_now()) >= grace) {
            apr_atomic_set32(&o->stop, 1);
        }
        apr_sleep(apr_time_from_msec(POLL_MS));
    }
    collect(o, apr_time_as_msec(apr_time_now()), temp);
    /* the database is down: their leases will end */
    while (o->deliveries) {
        delivery *d = o->deliveries;

        o->deliveries = d->next;
        finish(d);
    }
}
