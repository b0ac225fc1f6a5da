/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Runs each request again and again: the first call out of the core fails, then the second,
 * until it goes through without a fault. Whatever fails, the process lives, nothing stays
 * lent, locked or allocated, nobody is let in who should not be, and what the answer says
 * is what the database has.
 *
 * Pools are left out: httpd ends a child that finds no memory for them (ap_abort_on_oom).
 * In place of that the process dies at each of these calls (FAULT_DIE), and what others
 * share with it, database, gate and counters, must be as good as before.
 *
 * BA_TORTURE=1 runs all of it, otherwise each 17th call; a name runs that scenario alone. */

#include "fault.h"
#include "torture.h"

#include "ba_admin.h"
#include "ba_limit.h"
#include "ba_password.h"
#include "ba_revoke_store.h"
#include "ba_session_cache.h"

#include <apr_general.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAMPLE 17

/* As long as the process. */
static apr_pool_t *forever;
static struct ba_gate *gate;
static ba_limit limit;
static const char *hash;
static const char *file;
static int points, requests;

static ba_time stopped_clock(void)
{
    return NOW;
}

/* ---- a cache for sessions */

#define ENTRIES 8

static struct { unsigned char key[BA_CACHE_KEY], value[BA_CACHE_MAX]; unsigned len; } entries[ENTRIES];
static int used;

static apr_status_t cache_get(void *baton, const unsigned char *key, unsigned char *value,
                              unsigned *len, apr_pool_t *pool)
{
    (void)baton, (void)pool;
    if (fault_here("get of the cache")) {
        return APR_EGENERAL;
    }
    for (int i = 0; i < used; ++i) {
        if (!memcmp(entries[i].key, key, BA_CACHE_KEY)) {
            memcpy(value, entries[i].value, entries[i].len);
            *len = entries[i].len;
            return APR_SUCCESS;
        }
    }
    return APR_NOTFOUND;
}

static apr_status_t cache_put(void *baton, const unsigned char *key, const unsigned char *value,
                              unsigned len, apr_int64_t seconds, apr_pool_t *pool)
{
    int i = 0;

    (void)baton, (void)seconds, (void)pool;
    if (fault_here("put of the cache")) {
        return APR_EGENERAL;
    }
    while (i < used && memcmp(entries[i].key, key, BA_CACHE_KEY)) {
        ++i;
    }
    assert_true(i < ENTRIES);
    memcpy(entries[i].key, key, BA_CACHE_KEY);
    memcpy(entries[i].value, value, len);
    entries[i].len = len;
    used = i == used ? used + 1 : used;
    return APR_SUCCESS;
}

static const ba_cache_ops cache_ops = {cache_get, cache_put};

static void revoke_session(void *baton, const char *token, const char *user_id, apr_pool_t *pool)
{
    run *r = baton;

    ba_revoke_tell((ba_revocations *)(apr_uintptr_t)r->f->revocations, ba_revoke_slot(token), NOW);
    if (user_id) {
        ba_session_cache_mark(r->f->session_cache, user_id, pool);
    }
}

static void revoke_user(void *baton, const char *user_id, apr_pool_t *pool)
{
    revoke_session(baton, user_id, user_id, pool);
}

/* Kept on this machine in one half of the runs, shared with others in the other. */
static void make_cache(run *r, int shared)
{
    static const unsigned char scope[BA_CACHE_KEY];
    ba_session_cache *cache = apr_pcalloc(r->f->pool, sizeof(*cache));

    cache->ops = &cache_ops;
    cache->lifetime = 300;
    cache->shared = shared;
    cache->scope = scope;
    cache->revocations = r->f->revocations;
    r->f->session_cache = cache;
}

/* ---- a run */

static void connect_store(run *r)
{
    ba_revoker *revoker = apr_pcalloc(r->f->pool, sizeof(*revoker));

    r->db = sqlite_open(r->f, file, &r->f->settings.columns);
    sqlite_run(r->db, "PRAGMA synchronous = OFF"); /* processes die here, machines do not */
    revoker->session = revoke_session;
    revoker->user = revoke_user;
    revoker->baton = r;
    revoker->wants_user = r->f->session_cache->shared;
    ba_revoke_store(r->f->database, revoker, r->f->pool);
}

static void configure(run *r, int shared)
{
    static const ba_columns none;
    ba_settings *s = &r->f->settings;
    void *memory = apr_pcalloc(r->f->pool, ba_revocations_size());

    s->mailer.kind = BA_MAILER_DIR;
    s->change_email = 1;
    s->reset_revokes_sessions = 1;
    s->verify_on_sign_up = BA_ON;
    s->unlink_all = 0;
    s->admin = 1;
    s->columns = ba_admin_columns(&none, r->f->pool);
    s->cookie_cache.form = shared ? BA_CACHE_JWE : BA_CACHE_COMPACT;
    s->hash_identifiers = shared;
    s->max_sessions = shared ? 0 : 5;
    s->rate_limit = 1;
    s->rate_default = (ba_rate){1000000, 10};
    s->rate_rules = apr_array_make(r->f->pool, 1, sizeof(ba_rate_rule));
    APR_ARRAY_PUSH(s->rate_rules, ba_rate_rule)
        = (ba_rate_rule){.path = "/sign-in/*", .rate = {10, 1000000}}; /* one client, many runs */
    r->f->gate = gate;
    r->f->limit = &limit;
    r->f->revocations = ba_revocations_create(memory, NOW - DAY);
    make_cache(r, shared);
}

static void begin(run *r, int shared)
{
    void *state;

    used = 0;
    unlink(file);
    assert_int_equal(fixture_setup(&state), 0);
    r->f = state;
    r->token = r->hit = NULL;
    configure(r, shared);
    connect_store(r);
    sqlite_run(r->db, "INSERT INTO user (id, name, email, emailVerified, createdAt, updatedAt, banned)"
                      " VALUES ('u1', 'Zoe', '" ZOE "', 0, '2029-12-31T12:00:00.000Z',"
                      " '2029-12-31T12:00:00.000Z', 0), ('u2', 'Bob', '" BOB "', 0,"
                      " '2029-12-31T12:00:00.000Z', '2029-12-31T12:00:00.000Z', 1)");
    sqlite_run(r->db, apr_psprintf(r->f->pool,
                                   "INSERT INTO account (id, accountId, providerId, userId, password,"
                                   " createdAt, updatedAt) SELECT 'a' || id, id, 'credential', id,"
                                   " '%s', createdAt, updatedAt FROM user", hash));
    /* TOKEN is due for a refresh */
    sqlite_run(r->db, "INSERT INTO session (id, expiresAt, token, createdAt, updatedAt, userId) VALUES"
                      " ('s1', '2030-01-03T00:00:00.000Z', '" TOKEN "', '2029-12-31T12:00:00.000Z',"
                      " '2029-12-31T12:00:00.000Z', 'u1'), ('s2', '2030-01-07T23:00:00.000Z',"
                      " '" OTHER_TOKEN "', '2029-12-31T12:00:00.000Z', '2029-12-31T12:00:00.000Z',"
                      " 'u1')");
    r->f->call->limit = &limit;
    ba_limit_clear(r->f->call, ZOE);
    ba_limit_clear(r->f->call, BOB);
    r->cookies[0] = cookie_of(r->f, TOKEN);
    r->cookies[1] = cookie_of(r->f, OTHER_TOKEN);
}

static void end(run *r)
{
    void *state = r->f;

    sqlite_close(r->db);
    assert_int_equal(fixture_teardown(&state), 0);
    unlink(file);
}

void torture_as(run *r, int other, const char *method, const char *path, const char *body)
{
    fixture_call(r->f, method, path);
    fixture_header(r->f, "Cookie", r->cookies[other]);
    fixture_header(r->f, "Origin", ORIGIN);
    serve_with(r->f, method, path, body ? "application/json" : NULL, body);
}

int torture_count(run *r, const char *what)
{
    return atoi(sqlite_value(r->db, apr_pstrcat(r->f->pool, "SELECT count(*) FROM ", what, NULL)));
}

int torture_password_is(run *r, const char *password)
{
    ba_bytes text = {password, strlen(password)};

    return ba_password_verify(sqlite_value(r->db, "SELECT password FROM account WHERE userId = 'u1'"),
                              text, r->f->pool)
           == BA_PASSWORD_GOOD;
}

/* ---- what must hold */

/* The names of an answer's members, which a fault may not make fewer. */
static const char *keys_of(const ba_answer *a, apr_pool_t *pool)
{
    const char *keys = "", *p = a->body ? a->body : "";

    while ((p = strchr(p, '"')) != NULL) {
        apr_size_t len = strcspn(p + 1, "\"");

        keys = p[len + 1] && p[len + 2] == ':'
                   ? apr_pstrcat(pool, keys, apr_pstrmemdup(pool, p, len + 2), NULL)
                   : keys;
        p += len + 2;
    }
    return keys;
}

static int is_success(const ba_answer *a)
{
    return a->status == 200 || (a->status == 302 && !strstr(a->location, "error="));
}

/* The token, if the browser has got a new session. */
static const char *granted(run *r)
{
    const char *cookie = fixture_cookie(r->f, NAME);
    char *token;

    if (!cookie || !strncmp(cookie, NAME "=;", strlen(NAME "=;"))) {
        return NULL;
    }
    token = apr_pstrdup(r->f->pool, strchr(cookie, '=') + 1);
    token[strcspn(token, ".;")] = '\0';
    /* one that is refreshed is no news */
    return strcmp(token, TOKEN) && strcmp(token, OTHER_TOKEN) ? token : NULL;
}

static const char *check_answer(const scenario *s, run *r, fault_mode mode)
{
    const ba_answer *a = &r->f->call->answer;
    const char *token = granted(r);

    if (a->status >= 400 && (!a->error || a->body)) {
        return "no proper error";
    }
    if (a->status == 200 && (!a->body || !*a->body)) {
        return "200 with nothing in it";
    }
    if (token
        && torture_count(r, apr_pstrcat(r->f->pool, "session WHERE token = '", token, "'", NULL)) != 1) {
        return "a cookie without a session";
    }
    if (s->closed && (token || (a->status == 200 && strstr(a->body, "\"user\":")
                                && !strstr(a->body, "\"user\":null")))) {
        return "an open door";
    }
    if (is_success(a)) {
        return s->done ? s->done(r) : NULL;
    }
    /* of a COMMIT whose answer is lost nobody knows */
    return s->undone && mode != FAULT_AFTER ? s->undone(r) : NULL;
}

/* Whether what others share is as good as before, once nothing fails any more. */
static const char *check_rest(run *r)
{
    static const char sign_in[] = "{\"email\":\"" BOB "\",\"password\":\"" PASSWORD "\"}";
    ba_gate_state state;

    if (r->db->lent) {
        return "a connection that is not given back";
    }
    ba_gate_look(gate, &state);
    if (state.in_use || state.waiting || state.lost) {
        return "a permit that is not given back";
    }
    r->f->veto = NULL;
    r->f->settings.require_email_verification = 0;
    sqlite_run(r->db, "UPDATE user SET banned = 0 WHERE id = 'u2'");
    if (serve(r->f, "POST", "/sign-in/email", sign_in)->status != 200) {
        return "the next sign-in fails";
    }
    return torture_count(r, "user u WHERE 1 <> (SELECT count(*) FROM account a WHERE a.userId = u.id)")
                   || torture_count(r, "session WHERE userId NOT IN (SELECT id FROM user)")
               ? "rows that do not belong together"
               : NULL;
}

/* What the request changed must be there for others, too: a transaction that was left open
 * would show it to this connection alone. */
static const char *check_open(run *r)
{
    ba_user *user;

    /* what could not be undone then is undone before the next question */
    return r->f->database->ops->user(r->f->database, "", &user, r->f->pool) != APR_NOTFOUND
                   || ba_db_run(&r->db->conn, "BEGIN IMMEDIATE", r->f->pool)
                   || ba_db_run(&r->db->conn, "ROLLBACK", r->f->pool)
               ? "a transaction that is left open"
               : NULL;
}

/* Where jansson finds no memory a member may be missing, or all of them; null is nobody. */
static const char *check_body(run *r, const char *keys)
{
    const ba_answer *a = &r->f->call->answer;

    return a->status != 200 || !strcmp(a->body, "null") || (r->hit && strstr(r->hit, "jansson"))
                   || !strcmp(keys, keys_of(a, r->f->pool))
               ? NULL
               : apr_pstrcat(r->f->pool, "another body: ", a->body, NULL);
}

/* ---- one call fails */

/* False: it was the last. */
static int one(const scenario *s, int shared, fault_mode mode, int n, const char *keys)
{
    int blocks = fault_json_blocks(), curl_blocks = fault_curl_blocks();
    const char *wrong;
    run r;

    begin(&r, shared);
    if (s->prepare) {
        s->prepare(&r);
    }
    fault_arm(mode, n);
    s->request(&r);
    r.hit = fault_disarm();
    ++requests;
    wrong = check_open(&r);
    wrong = wrong ? wrong : check_answer(s, &r, mode);
    wrong = wrong ? wrong : check_body(&r, keys);
    wrong = wrong ? wrong : check_rest(&r);
    if (wrong) {
        fail_msg("%s (%s), call %d (%s), %s: %s; answer %d", s->name, shared ? "shared" : "local", n,
                 r.hit ? r.hit : "none", fault_modes[mode], wrong, r.f->call->answer.status);
    }
    end(&r);
    if (fault_json_blocks() != blocks) {
        fail_msg("%s, call %d (%s), %s: %d blocks of JSON not freed", s->name, n, r.hit ? r.hit : "none",
                 fault_modes[mode], fault_json_blocks() - blocks);
    }
    if (fault_curl_blocks() != curl_blocks) {
        fail_msg("%s, call %d (%s), %s: %d blocks of libcurl not freed", s->name, n,
                 r.hit ? r.hit : "none", fault_modes[mode], fault_curl_blocks() - curl_blocks);
    }
    points += r.hit != NULL;
    return r.hit != NULL;
}

/* The same in a process that dies there. */
static int one_dies(const scenario *s, int shared, int n)
{
    const char *wrong = NULL;
    int status = 0;
    pid_t pid;
    run r;

    begin(&r, shared);
    if (s->prepare) {
        s->prepare(&r);
    }
    sqlite_close(r.db);
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        connect_store(&r);
        fault_arm(FAULT_DIE, n);
        s->request(&r);
        _exit(0);
    }
    assert_true(pid > 0);
    assert_true(waitpid(pid, &status, 0) == pid);
    assert_true(WIFEXITED(status));
    ++requests;
    connect_store(&r);
    if (WEXITSTATUS(status) == FAULT_DEAD && s->done && s->undone && s->done(&r) && s->undone(&r)) {
        wrong = "neither done nor undone";
    }
    wrong = wrong ? wrong : check_rest(&r);
    if (wrong || (WEXITSTATUS(status) && WEXITSTATUS(status) != FAULT_DEAD)) {
        fail_msg("%s, dies at call %d: %s; exit %d", s->name, n, wrong ? wrong : "crash",
                 WEXITSTATUS(status));
    }
    end(&r);
    points += WEXITSTATUS(status) == FAULT_DEAD;
    return WEXITSTATUS(status) == FAULT_DEAD;
}

/* ---- all of them */

static int step(void)
{
    return getenv("BA_TORTURE") ? 1 : SAMPLE;
}

/* Nothing fails; leaves what OpenSSL keeps for the next time. The answer must be the
 * expected one, or the rest would prove nothing. */
static const char *rehearse(const scenario *s, int shared)
{
    const char *keys, *wrong;
    run r;

    begin(&r, shared);
    if (s->prepare) {
        s->prepare(&r);
    }
    s->request(&r);
    wrong = check_answer(s, &r, FAULT_ONCE);
    if (!wrong && !s->closed && r.f->call->answer.status >= 400
        && s->request != scenarios[0].request && !strstr(s->name, "wrong") && !strstr(s->name, "unlink")) {
        wrong = "it fails by itself";
    }
    if (wrong) {
        fail_msg("%s: %s; answer %d", s->name, wrong, r.f->call->answer.status);
    }
    keys = apr_pstrdup(forever, keys_of(&r.f->call->answer, r.f->pool));
    end(&r);
    return keys;
}

static void calls_fail(void **state)
{
    const scenario *s = *state;

    file = ":memory:";
    for (int shared = 0; shared < 2; ++shared) {
        const char *keys = rehearse(s, shared);

        for (int mode = 0; mode < FAULT_DIE; ++mode) {
            int n = 1 + (shared + 2 * mode) % step();

            while (one(s, shared, mode, n, keys)) {
                n += step();
            }
        }
    }
}

static void process_dies(void **state)
{
    const scenario *s = *state;

    file = apr_psprintf(forever, "%s/ba-torture-%d.db", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp",
                        (int)getpid());
    for (int n = 1; one_dies(s, 0, n);) {
        n += 2 * step();
    }
}

static void prepare_all(void)
{
    ba_hash_params cheap = {BA_HASH_ARGON2ID, 8, 1, 1};
    ba_bytes password = {PASSWORD, strlen(PASSWORD)};
    void *memory = mmap(NULL, ba_counters_size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                        -1, 0);

    apr_initialize();
    apr_pool_create(&forever, NULL);
    hash = ba_password_hash(&cheap, password, forever);
    if (memory == MAP_FAILED || ba_counters_create(memory, &limit.counters) != APR_SUCCESS
        || ba_gate_create(2, 4, (uid_t)-1, &gate, forever) != APR_SUCCESS || !hash) {
        printf("Bail out! cannot prepare\n");
        exit(1);
    }
    limit.clock = stopped_clock;
    limit.scope = "here";
}

int main(int argc, char **argv)
{
    struct CMUnitTest tests[256];
    size_t n = 0;
    int failed;

    fault_init();
    prepare_all();
    memset(tests, 0, sizeof(tests));
    for (const scenario *s = scenarios; s->name; ++s) {
        if (argc < 2 || !strcmp(argv[1], s->name)) {
            tests[n++] = (struct CMUnitTest){s->name, calls_fail, NULL, NULL, (void *)(apr_uintptr_t)s};
            tests[n++] = (struct CMUnitTest){apr_pstrcat(forever, s->name, ", process dies", NULL),
                                             process_dies, NULL, NULL, (void *)(apr_uintptr_t)s};
        }
    }
    failed = _cmocka_run_group_tests("torture", tests, n, NULL, NULL);
    printf("# %d calls failed in %d requests\n", points, requests);
    ba_gate_destroy(gate);
    return failed;
}
