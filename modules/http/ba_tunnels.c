/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_tunnels.h"

#include "ba_check.h"
#include "ba_httpd.h"
#include "ba_module.h"
#include "ba_own_db.h"
#include "ba_store.h"
#include "ba_watch.h"

#include <apr_hash.h>
#include <apr_portable.h>
#include <apr_ring.h>
#include <apr_signal.h>
#include <apr_strings.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>
#include <apr_time.h>
#include <fcntl.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Between two looks at the counters. */
#define LOOK_MS 400

/* The database is asked so often, or for so long, in one look; the rest waits for the
 * next. The urgent ones come first. */
#define QUESTIONS_MAX 200
#define ASKING_MS 1000

/* A database, once for all sites that share it. */
typedef struct database {
    struct database *next;
    ba_own_db own;
    ba_store *store;
    apr_hash_t *asked; /* token -> question, during a look */
} database;

/* About one session, for all its tunnels. */
typedef struct question {
    database *db;
    const char *token;
    int asked; /* there is an answer */
    apr_status_t rv;
    ba_session *session;
} question;

typedef struct tunnel {
    APR_RING_ENTRY(tunnel) link;
    struct watcher *watcher;
    ba_watch watch;
    server_rec *server;
    database *db;
    question *question; /* NULL: none, but during a look */
    int fd;             /* a duplicate, so that it is this connection's for sure */
    int over;           /* has been ended, and waits for its request to see it */
} tunnel;

typedef struct watcher {
    database *databases;
    /* made before fork(), since requests may outlive the child's pool */
    apr_thread_mutex_t *lock; /* for the next three; never held while asking */
    APR_RING_HEAD(tunnels, tunnel) tunnels; /* those not asked about for longest first */
    int count;
    int stopped;
    apr_thread_cond_t *wake; /* the first has come, or it is time to stop */
    apr_thread_t *thread; /* NULL: it could not be started */
    int told; /* the last count that was logged */
} watcher;

/* Of the configuration now in force; NULL: no site. */
static watcher *the_watcher;

static ba_time clock_now(void)
{
    return apr_time_as_msec(apr_time_now());
}

/* ---- the requests' side */

static apr_status_t forget(void *data)
{
    tunnel *t = data;
    watcher *w = t->watcher;

    apr_thread_mutex_lock(w->lock);
    APR_RING_REMOVE(t, link);
    --w->count;
    apr_thread_mutex_unlock(w->lock);
    close(t->fd);
    return APR_SUCCESS;
}

/* Whether it really will, its answer shows too late. */
static int may_stay_open(request_rec *r)
{
    const char *upgrade = apr_table_get(r->headers_in, "Upgrade");
    const char *accept = apr_table_get(r->headers_in, "Accept");

    return (upgrade && !ap_find_token(r->pool, upgrade, "h2c"))
           || (r->filename && !strncmp(r->filename, "proxy:ws", 8))
           || (accept && ap_strcasestr(accept, "text/event-stream"));
}

static database *database_of(const watcher *w, server_rec *s)
{
    const ba_dbd_source *source = ba_check_database(s);
    database *d = source->driver ? w->databases : NULL;

    while (d && !ba_dbd_same_source(d->own.source, source)) {
        d = d->next;
    }
    return d;
}

static int duplicate(conn_rec *c)
{
    apr_socket_t *socket = ap_get_conn_socket(c);
    apr_os_sock_t fd;

    return socket && apr_os_sock_get(&fd, socket) == APR_SUCCESS
               ? fcntl(fd, F_DUPFD_CLOEXEC, 0)
               : -1;
}

int ba_tunnels_watch(request_rec *r, const ba_call *call)
{
    watcher *w = the_watcher;
    ba_request *ours = ba_httpd_request(r);
    tunnel *t;

    if (!w || r->main || r->connection->master || ours->watched || !may_stay_open(r)) {
        return OK;
    }
    t = apr_pcalloc(r->pool, sizeof(*t));
    t->watcher = w;
    t->server = r->server;
    t->db = database_of(w, r->server);
    t->fd = w->thread && t->db ? duplicate(r->connection) : -1;
    if (t->fd < 0) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, apr_get_os_error(), r,
                      "BA0175: cannot watch this connection, so it is not opened");
        return HTTP_SERVICE_UNAVAILABLE;
    }
    ba_watch_begin(&t->watch, call);
    apr_thread_mutex_lock(w->lock);
    APR_RING_INSERT_HEAD(&w->tunnels, t, tunnel, link);
    if (w->count++ == 0) {
        apr_thread_cond_signal(w->wake);
    }
    apr_thread_mutex_unlock(w->lock);
    apr_pool_cleanup_register(r->pool, t, forget, apr_pool_cleanup_null);
    ours->watched = 1;
    return OK;
}

/* ---- the thread's side: what to ask, asking, what follows from it */

static const ba_revocations *revocations_of(const tunnel *t)
{
    return ba_httpd_site(t->server)->revocations;
}

static question *question_about(const tunnel *t, apr_array_header_t *questions, apr_pool_t *pool)
{
    question *q = apr_hash_get(t->db->asked, t->watch.token, APR_HASH_KEY_STRING);

    if (!q && questions->nelts < QUESTIONS_MAX) {
        q = apr_pcalloc(pool, sizeof(*q));
        q->db = t->db;
        q->token = apr_pstrdup(pool, t->watch.token);
        apr_hash_set(t->db->asked, q->token, APR_HASH_KEY_STRING, q);
        APR_ARRAY_PUSH(questions, question *) = q;
    }
    return q;
}

static void collect(watcher *w, ba_watch_due due, ba_time now, apr_array_header_t *questions,
                    apr_pool_t *pool)
{
    tunnel *t;

    APR_RING_FOREACH(t, &w->tunnels, tunnel, link) {
        if (!t->over && !t->question && ba_watch_look(&t->watch, revocations_of(t), now) == due) {
            t->question = question_about(t, questions, pool);
            if (t->question) {
                ba_watch_note(&t->watch, revocations_of(t));
            }
        }
    }
}

static void ask(const apr_array_header_t *questions, apr_pool_t *pool)
{
    ba_time until = clock_now() + ASKING_MS;
    const database *down = NULL;
    ba_user *user;

    for (int i = 0; i < questions->nelts && clock_now() < until; ++i) {
        question *q = APR_ARRAY_IDX(questions, i, question *);

        q->rv = q->db == down ? APR_EGENERAL
                              : q->db->store->ops->session(q->db->store, q->token, &q->session,
                                                           &user, pool);
        q->asked = 1;
        if (q->rv != APR_SUCCESS && q->rv != APR_NOTFOUND) {
            down = q->db;
        }
    }
}

/* The request's thread finds its connection closed and cleans up. */
static void end_tunnel(tunnel *t)
{
    t->over = 1;
    shutdown(t->fd, SHUT_RDWR);
    ap_log_error(APLOG_MARK, APLOG_INFO, 0, t->server,
                 "BA0176: session %s of user %s is over: ended a connection that it had open",
                 t->watch.session_id, t->watch.user_id);
}

static void conclude(watcher *w, ba_time now)
{
    tunnel *t = APR_RING_FIRST(&w->tunnels);
    tunnel *next;

    for (int left = w->count; left > 0; --left, t = next) {
        question *q = t->question;

        next = APR_RING_NEXT(t, link);
        if (!q) {
            continue;
        }
        t->question = NULL;
        if (!q->asked) {
            continue;
        }
        if (ba_watch_heard(&t->watch, ba_httpd_site(t->server)->settings, q->rv, q->session,
                           now)) {
            end_tunnel(t);
        }
        APR_RING_REMOVE(t, link);
        APR_RING_INSERT_TAIL(&w->tunnels, t, tunnel, link);
    }
}

static void look(watcher *w, apr_pool_t *pool)
{
    apr_array_header_t *questions = apr_array_make(pool, 16, sizeof(question *));
    ba_time now = clock_now();

    for (database *d = w->databases; d; d = d->next) {
        d->asked = apr_hash_make(pool);
    }
    apr_thread_mutex_lock(w->lock);
    collect(w, BA_WATCH_URGENT, now, questions, pool);
    collect(w, BA_WATCH_LOOK, now, questions, pool);
    apr_thread_mutex_unlock(w->lock);
    ask(questions, pool);
    apr_thread_mutex_lock(w->lock);
    conclude(w, now);
    apr_thread_mutex_unlock(w->lock);
}

static void disconnect(watcher *w)
{
    for (database *d = w->databases; d; d = d->next) {
        ba_own_db_disconnect(&d->own);
    }
}

static void tell(watcher *w, int count)
{
    if (count != w->told) {
        ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, w->databases->own.server,
                     "BA0177: watching %d open connections", count);
        w->told = count;
    }
}

/* In a pool of its own allocator: in prefork, httpd's have no lock. */
static void step(watcher *w)
{
    apr_pool_t *temp;

    if (apr_pool_create_unmanaged(&temp) == APR_SUCCESS) {
        look(w, temp);
        apr_pool_destroy(temp);
    }
}

/* With the lock. Where nothing is open, nothing is done until something is. */
static void rest(watcher *w)
{
    if (w->stopped) {
        return;
    }
    if (w->count || w->told) {
        apr_thread_cond_timedwait(w->wake, w->lock, apr_time_from_msec(LOOK_MS));
    }
    else {
        apr_thread_cond_wait(w->wake, w->lock);
    }
}

static void *APR_THREAD_FUNC watch(apr_thread_t *thread, void *data)
{
    watcher *w = data;

    (void)thread;
    apr_setup_signal_thread(); /* signals are the main thread's */
    apr_thread_mutex_lock(w->lock);
    while (!w->stopped) {
        int count = w->count;

        apr_thread_mutex_unlock(w->lock);
        tell(w, count);
        if (count) {
            step(w);
        }
        else {
            disconnect(w);
        }
        apr_thread_mutex_lock(w->lock);
        rest(w);
    }
    apr_thread_mutex_unlock(w->lock);
    disconnect(w);
    return NULL;
}

static apr_status_t child_exits(void *data)
{
    watcher *w = data;
    apr_status_t rv;

    apr_thread_mutex_lock(w->lock);
    w->stopped = 1;
    apr_thread_cond_signal(w->wake);
    apr_thread_mutex_unlock(w->lock);
    apr_thread_join(&rv, w->thread);
    return APR_SUCCESS;
}

void ba_tunnels_child_init(apr_pool_t *pchild, server_rec *s)
{
    watcher *w = the_watcher;
    apr_status_t rv = w ? apr_thread_create(&w->thread, NULL, watch, w, pchild) : APR_SUCCESS;

    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s,
                     "BA0174: cannot start the thread that watches open connections");
        w->thread = NULL;
    }
    else if (w) {
        apr_pool_pre_cleanup_register(pchild, w, child_exits);
    }
}

/* ---- start */

static void add_database(watcher *w, server_rec *s, apr_pool_t *pconf)
{
    const ba_dbd_source *source = ba_check_database(s);
    database *d;

    if (!source->driver || database_of(w, s)) {
        return;
    }
    d = apr_pcalloc(pconf, sizeof(*d));
    ba_own_db_init(&d->own, s, source,
                   "BA0178: sessions of open connections cannot be looked up; they stay open "
                   "until their known end");
    d->store = ba_store_create(&d->own.db, pconf);
    d->next = w->databases;
    w->databases = d;
}

int ba_tunnels_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                           server_rec *main)
{
    watcher *w = apr_pcalloc(pconf, sizeof(*w));
    apr_status_t rv;

    (void)plog, (void)ptemp;
    the_watcher = NULL;
    /* the first of two rounds at start only looks at the configuration */
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    for (server_rec *s = main; s; s = s->next) {
        if (ba_httpd_site(s)) {
            add_database(w, s, pconf);
        }
    }
    if (!w->databases) {
        return OK;
    }
    APR_RING_INIT(&w->tunnels, tunnel, link);
    rv = apr_thread_mutex_create(&w->lock, APR_THREAD_MUTEX_DEFAULT, pconf);
    if (rv == APR_SUCCESS) {
        rv = apr_thread_cond_create(&w->wake, pconf);
    }
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, rv, main,
                     "BA0179: cannot set up the watch over open connections");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    the_watcher = w;
    return OK;
}
