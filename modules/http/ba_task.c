/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_task.h"

#include "ba_check.h"
#include "ba_courier.h"
#include "ba_httpd.h"
#include "ba_kept.h"
#include "ba_meter_site.h"
#include "ba_module.h"
#include "ba_outbox.h"
#include "ba_own_db.h"
#include "ba_settings.h"
#include "ba_steady.h"
#include "ba_store_outbox.h"

#include <apr_atomic.h>
#include <apr_optional.h>
#include <apr_strings.h>
#include <apr_time.h>
#include <http_core.h>
#include <http_log.h>
#include <mod_watchdog.h>
#include <string.h>

/* Lives as long as the server, through restarts, so that every generation of children
 * counts on the same. */
#define POKE_KEY "mod_betterauth:poke:1"

/* How often to look for mails without a poke: those to be tried again, and those of
 * other machines. */
#define LOOK_MS 2000

/* A stop lets mails on their way finish for this long. */
#define GRACE_MS 500

/* One batch of 500 rows a second while there are any, then a rest. */
#define SWEEP_PAUSE_MS 1000
#define SWEEP_REST_MS 60000

/* A database, once for all sites that share it. */
typedef struct database {
    struct database *next;
    ba_own_db own;
    apr_array_header_t *sites; /* of const ba_settings *: whose mail is delivered */
    ba_time sent_kept;         /* at least the longest window of BetterAuthMailLimit */
    /* made anew by each task */
    apr_array_header_t *outboxes; /* of ba_outbox * */
    ba_sweep sweep;
    char cursor[256];
    ba_time sweep_at; /* ba_steady_ms() */
} database;

typedef struct task {
    database *databases;
    apr_uint32_t *pokes; /* how many mails were put into the outbox, by all children */
    /* of the child that does the work */
    apr_pool_t *pool; /* NULL: it has not begun */
    apr_uint32_t seen; /* of pokes */
    ba_time look_at;   /* ba_steady_ms() */
    apr_uint32_t busy; /* a thread is at work */
    int ended;
} task;

/* Of the configuration now in force; NULL: no site. */
static task *the_task;

void ba_task_poke(void)
{
    if (the_task) {
        apr_atomic_inc32(the_task->pokes);
    }
}

/* ---- its work */

static void log_line(void *baton, ba_log_level level, const char *message)
{
    static const int levels[] = {APLOG_ERR, APLOG_WARNING, APLOG_INFO, APLOG_DEBUG};
    const database *d = baton;

    ap_log_error(APLOG_MARK, levels[level], 0, d->own.server, "%s", message);
}

static void sweep(database *d, ba_time now, apr_pool_t *temp)
{
    ba_time before = d->sweep == BA_SWEEP_MAILS ? now - d->sent_kept : now - BA_SWEEP_MARGIN;
    const char *cursor = d->cursor;
    int rows = 0;

    d->sweep_at = ba_steady_ms() + SWEEP_PAUSE_MS;
    if (ba_store_sweep(&d->own.db, d->sweep, before, now - BA_SWEEP_GIVEN_UP, &cursor, &rows, temp)
        != APR_SUCCESS) {
        return;
    }
    if (rows) {
        static const char *const names[] = {"sessions", "verifications", "mails"};

        ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, d->own.server, "BA0715: %d %s swept", rows,
                     names[d->sweep]);
        if (d->sweep == BA_SWEEP_SESSIONS) {
            ba_meter_add(ba_meter_site(), BA_COUNT_SESSION_SWEPT, (apr_uint32_t)rows);
        }
    }
    apr_cpystrn(d->cursor, cursor ? cursor : "", sizeof(d->cursor));
    if (!cursor && ++d->sweep == BA_SWEEPS) {
        d->sweep = BA_SWEEP_SESSIONS;
        d->sweep_at = ba_steady_ms() + SWEEP_REST_MS;
    }
}

static void begin(task *t, apr_pool_t *pool)
{
    t->look_at = 0;
    for (database *d = t->databases; d; d = d->next) {
        d->outboxes = apr_array_make(pool, d->sites->nelts, sizeof(ba_outbox *));
        d->sweep_at = ba_steady_ms() + SWEEP_PAUSE_MS;
        for (int i = 0; i < d->sites->nelts; ++i) {
            APR_ARRAY_PUSH(d->outboxes, ba_outbox *)
                = ba_outbox_create(&d->own.db, APR_ARRAY_IDX(d->sites, i, const ba_settings *),
                                   ba_meter_site(), log_line, d, pool);
        }
    }
}

static void step(task *t, apr_pool_t *temp)
{
    apr_uint32_t poked = apr_atomic_read32(t->pokes);
    ba_time now = apr_time_as_msec(apr_time_now()), steady = ba_steady_ms();
    int look = poked != t->seen || steady >= t->look_at;

    t->seen = poked;
    if (look) {
        t->look_at = steady + LOOK_MS;
    }
    for (database *d = t->databases; d; d = d->next) {
        for (int i = 0; i < d->outboxes->nelts; ++i) {
            ba_outbox_step(APR_ARRAY_IDX(d->outboxes, i, ba_outbox *), now, look, temp);
        }
        if (steady >= d->sweep_at) {
            sweep(d, now, temp);
        }
    }
}

static void end(task *t, apr_pool_t *temp)
{
    ba_time grace = apr_time_as_msec(apr_time_now()) + GRACE_MS;

    for (database *d = t->databases; d; d = d->next) {
        for (int i = 0; i < d->outboxes->nelts; ++i) {
            ba_outbox_stop(APR_ARRAY_IDX(d->outboxes, i, ba_outbox *), grace, temp);
        }
        ba_own_db_disconnect(&d->own);
    }
    /* what was given back is for the next generation, which may be there already */
    apr_atomic_inc32(t->pokes);
}

/* mod_watchdog may call from two threads at once, and again after the end; a child
 * that exits does not wait for it. So whoever works holds `busy`, and the child's
 * pool waits for the end. */
static void enter(task *t)
{
    while (apr_atomic_cas32(&t->busy, 1, 0) != 0) {
        apr_sleep(apr_time_from_msec(10));
    }
}

static void leave(task *t)
{
    apr_atomic_set32(&t->busy, 0);
}

/* In a pool of its own allocator: in prefork, httpd's have no lock. */
static void work(task *t, void (*part)(task *, apr_pool_t *))
{
    apr_pool_t *temp;

    if (apr_pool_create_unmanaged(&temp) == APR_SUCCESS) {
        part(t, temp);
        apr_pool_destroy(temp);
    }
}

static void finish(task *t)
{
    enter(t);
    if (t->pool) {
        work(t, end);
        apr_pool_destroy(t->pool);
        t->pool = NULL;
    }
    t->ended = 1;
    leave(t);
}

static apr_status_t run(int state, void *data, apr_pool_t *pool)
{
    task *t = data;

    (void)pool;
    if (state == AP_WATCHDOG_STATE_STOPPING) {
        finish(t);
        return APR_SUCCESS;
    }
    enter(t);
    if (state == AP_WATCHDOG_STATE_STARTING && !t->ended
        && apr_pool_create_unmanaged(&t->pool) == APR_SUCCESS) {
        begin(t, t->pool);
    }
    else if (state == AP_WATCHDOG_STATE_RUNNING && t->pool) {
        work(t, step);
    }
    leave(t);
    return APR_SUCCESS;
}

static apr_status_t child_exits(void *data)
{
    finish(data);
    return APR_SUCCESS;
}

void ba_task_child_init(apr_pool_t *pchild, server_rec *s)
{
    (void)s;
    if (the_task) {
        apr_pool_pre_cleanup_register(pchild, the_task, child_exits);
    }
}

/* ---- start */

static database *database_of(task *t, server_rec *s, apr_pool_t *pconf)
{
    const ba_dbd_source *source = ba_check_database(s);
    database **link = &t->databases;

    if (!source->driver) {
        return NULL;
    }
    while (*link && !ba_dbd_same_source((*link)->own.source, source)) {
        link = &(*link)->next;
    }
    if (!*link) {
        *link = apr_pcalloc(pconf, sizeof(**link));
        ba_own_db_init(&(*link)->own, s, source,
                       "BA0714: mail and expired rows wait for the database");
        (*link)->sites = apr_array_make(pconf, 2, sizeof(const ba_settings *));
        (*link)->sent_kept = BA_SWEEP_SENT;
    }
    return *link;
}

/* Two virtual hosts of one base URL are one site: http and https, say. */
static void add_site(database *d, const ba_settings *settings)
{
    if (BA_MS(settings->mail_limit.max) > d->sent_kept) {
        d->sent_kept = BA_MS(settings->mail_limit.max);
    }
    if (settings->mailer.kind == BA_MAILER_OFF) {
        return;
    }
    for (int i = 0; i < d->sites->nelts; ++i) {
        if (!strcmp(APR_ARRAY_IDX(d->sites, i, const ba_settings *)->base_url,
                    settings->base_url)) {
            return;
        }
    }
    APR_ARRAY_PUSH(d->sites, const ba_settings *) = settings;
}

static apr_status_t make_pokes(task *t, server_rec *s)
{
    void *memory;
    int made;
    apr_status_t rv = ba_kept_memory(POKE_KEY, sizeof(*t->pokes), s, &memory, &made);

    if (rv == APR_SUCCESS) {
        t->pokes = memory;
    }
    return rv;
}

static apr_status_t end_couriers(void *data)
{
    (void)data;
    ba_courier_end();
    return APR_SUCCESS;
}

static apr_status_t start_watchdog(task *t, apr_pool_t *pconf)
{
    APR_OPTIONAL_FN_TYPE(ap_watchdog_get_instance) *get
        = APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_get_instance);
    APR_OPTIONAL_FN_TYPE(ap_watchdog_register_callback) *add
        = APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_register_callback);
    ap_watchdog_t *watchdog;
    apr_status_t rv;

    if (!get || !add) {
        return APR_SUCCESS; /* ba_check has said what is missing */
    }
    rv = get(&watchdog, "betterauth", 0, 1, pconf);
    return rv == APR_SUCCESS ? add(watchdog, AP_WD_TM_SLICE, t, run) : rv;
}

int ba_task_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *main)
{
    task *t = apr_pcalloc(pconf, sizeof(*t));
    apr_status_t rv;

    (void)plog, (void)ptemp;
    /* the first of two rounds at start only looks at the configuration */
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    for (server_rec *s = main; s; s = s->next) {
        const ba_site *site = ba_httpd_site(s);
        database *d = site ? database_of(t, s, pconf) : NULL;

        if (d) {
            add_site(d, site->settings);
        }
    }
    the_task = t->databases ? t : NULL;
    if (!the_task) {
        return OK;
    }
    /* before fork() and threads, as libcurl wants it */
    ba_courier_begin();
    apr_pool_cleanup_register(pconf, NULL, end_couriers, apr_pool_cleanup_null);
    rv = make_pokes(t, main);
    if (rv == APR_SUCCESS) {
        rv = start_watchdog(t, pconf);
    }
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, rv, main,
                     "BA0717: cannot set up the task that delivers mail");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}
