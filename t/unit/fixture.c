/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "fixture.h"

#include "ba_jwe.h"
#include "ba_routes.h"

#include <apr_general.h>

/* ---- the store */

static fake_store *fake(ba_store *store)
{
    return (fake_store *)store;
}

static apr_status_t ask(ba_store *store, fake_op op)
{
    fake_store *s = fake(store);

    ++s->asked[op];
    if (s->before[op]) {
        s->before[op](s);
    }
    return s->answer[op];
}

static fake_user *user_by(fake_store *s, const char *id, const char *email)
{
    for (int i = 0; i < s->users->nelts; ++i) {
        fake_user *u = APR_ARRAY_IDX(s->users, i, fake_user *);

        if ((id && !strcmp(u->user.id, id)) || (email && !strcmp(u->user.email, email))) {
            return u;
        }
    }
    return NULL;
}

static ba_session *session_by(fake_store *s, const char *token)
{
    for (int i = 0; i < s->sessions->nelts; ++i) {
        ba_session *row = APR_ARRAY_IDX(s->sessions, i, ba_session *);

        if (row->token && !strcmp(row->token, token)) {
            return row;
        }
    }
    return NULL;
}

static apr_status_t login(ba_store *store, const char *email, ba_user **user, const char **hash,
                          apr_pool_t *pool)
{
    apr_status_t rv = ask(store, OP_LOGIN);
    fake_user *found = user_by(fake(store), NULL, email);

    if (rv == APR_SUCCESS && !found) {
        rv = APR_NOTFOUND;
    }
    if (rv == APR_SUCCESS) {
        *user = apr_pmemdup(pool, &found->user, sizeof(**user));
        *hash = found->hash;
    }
    return rv;
}

static apr_status_t session(ba_store *store, const char *token, ba_session **out, ba_user **user,
                            apr_pool_t *pool)
{
    apr_status_t rv = ask(store, OP_SESSION);
    ba_session *found = session_by(fake(store), token);
    fake_user *whose = found ? user_by(fake(store), found->user_id, NULL) : NULL;

    if (rv == APR_SUCCESS && !whose) {
        rv = APR_NOTFOUND;
    }
    if (rv == APR_SUCCESS) {
        *out = apr_pmemdup(pool, found, sizeof(**out));
        *user = apr_pmemdup(pool, &whose->user, sizeof(**user));
    }
    return rv;
}

static void add_session(fake_store *s, const ba_session *row)
{
    APR_ARRAY_PUSH(s->sessions, ba_session *) = apr_pmemdup(s->pool, row, sizeof(*row));
}

static void add_mail(fake_store *s, ba_mail *mail)
{
    int earlier = 0;

    if (!mail) {
        return;
    }
    for (int i = 0; i < s->mails->nelts; ++i) {
        const ba_mail *m = APR_ARRAY_IDX(s->mails, i, ba_mail *);

        earlier += !strcmp(m->recipient, mail->recipient) && m->created_at > mail->cap_since;
    }
    mail->queued = earlier < mail->cap;
    if (mail->queued) {
        APR_ARRAY_PUSH(s->mails, ba_mail *) = apr_pmemdup(s->pool, mail, sizeof(*mail));
    }
}

static apr_status_t sign_up(ba_store *store, const ba_user *user, const char *account_id,
                            const char *hash, const ba_session *row, ba_mail *mail,
                            apr_pool_t *pool)
{
    apr_status_t rv = ask(store, OP_SIGN_UP);
    fake_store *s = fake(store);
    fake_user *u;

    (void)pool;
    assert_non_null(account_id);
    if (rv == APR_SUCCESS && user_by(s, NULL, user->email)) {
        rv = APR_EEXIST;
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    u = apr_pcalloc(s->pool, sizeof(*u));
    u->user = *user;
    u->hash = hash;
    APR_ARRAY_PUSH(s->users, fake_user *) = u;
    if (row) {
        add_session(s, row);
    }
    add_mail(s, mail);
    return APR_SUCCESS;
}

static apr_status_t session_add(ba_store *store, const ba_session *row, apr_pool_t *pool)
{
    apr_status_t rv = ask(store, OP_SESSION_ADD);

    (void)pool;
    if (rv == APR_SUCCESS) {
        add_session(fake(store), row);
    }
    return rv;
}

static apr_status_t session_extend(ba_store *store, const ba_session *row, ba_time expires_at,
                                   ba_time now, apr_pool_t *pool)
{
    apr_status_t rv = ask(store, OP_SESSION_EXTEND);
    ba_session *found = session_by(fake(store), row->token);

    (void)pool;
    if (rv == APR_SUCCESS && (!found || found->expires_at != row->expires_at)) {
        rv = APR_NOTFOUND;
    }
    if (rv == APR_SUCCESS) {
        found->expires_at = expires_at;
        found->updated_at = now;
    }
    return rv;
}

static apr_status_t session_update(ba_store *store, const ba_session *row, const ba_extra *extra,
                                   ba_time now, apr_pool_t *pool)
{
    apr_status_t rv = ask(store, OP_SESSION_UPDATE);
    ba_session *found = session_by(fake(store), row->token);

    (void)pool;
    if (rv == APR_SUCCESS && !found) {
        rv = APR_NOTFOUND;
    }
    if (rv == APR_SUCCESS) {
        found->extra = ba_extra_merge(found->extra, extra, fake(store)->pool);
        found->updated_at = now;
    }
    return rv;
}

static apr_status_t session_delete(ba_store *store, const char *token, apr_pool_t *pool)
{
    apr_status_t rv = ask(store, OP_SESSION_DELETE);
    ba_session *found = session_by(fake(store), token);

    (void)pool;
    if (rv == APR_SUCCESS && found) {
        found->token = NULL; /* no question finds it any more */
    }
    return rv;
}

static apr_status_t password_renew(ba_store *store, const char *user_id, const char *old_hash,
                                   const char *new_hash, ba_time now, apr_pool_t *pool)
{
    apr_status_t rv = ask(store, OP_PASSWORD_RENEW);
    fake_user *u = user_by(fake(store), user_id, NULL);

    (void)pool, (void)now;
    if (rv == APR_SUCCESS && u && !strcmp(u->hash, old_hash)) {
        u->hash = new_hash;
    }
    return rv;
}

static apr_status_t sessions(ba_store *store, const char *user_id, ba_time now,
                             apr_array_header_t **out, apr_pool_t *pool)
{
    apr_status_t rv = ask(store, OP_SESSIONS);
    fake_store *s = fake(store);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    *out = apr_array_make(pool, s->sessions->nelts + 1, sizeof(ba_session *));
    for (int i = s->sessions->nelts - 1; i >= 0; --i) {
        ba_session *row = APR_ARRAY_IDX(s->sessions, i, ba_session *);

        if (row->token && !strcmp(row->user_id, user_id) && row->expires_at > now) {
            APR_ARRAY_PUSH(*out, ba_session *) = row;
        }
    }
    return APR_SUCCESS;
}

static void drop_sessions(fake_store *s, const char *user_id, const char *but_id)
{
    for (int i = 0; i < s->sessions->nelts; ++i) {
        ba_session *row = APR_ARRAY_IDX(s->sessions, i, ba_session *);

        if (!strcmp(row->user_id, user_id) && !(but_id && !strcmp(row->id, but_id))) {
            row->token = NULL;
        }
    }
}

static apr_status_t sessions_delete(ba_store *store, const char *user_id, const char *but_id,
                                    apr_pool_t *pool)
{
    apr_status_t rv = ask(store, OP_SESSIONS_DELETE);

    (void)pool;
    if (rv == APR_SUCCESS) {
        drop_sessions(fake(store), user_id, but_id);
    }
    return rv;
}

static apr_status_t user_update(ba_store *store, const char *user_id, const char *name,
                                int set_image, const char *image, const ba_extra *extra,
                                ba_time now, apr_pool_t *pool)
{
    apr_status_t rv = ask(store, OP_USER_UPDATE);
    fake_user *u = user_by(fake(store), user_id, NULL);

    (void)pool;
    if (rv == APR_SUCCESS) {
        u->user.name = name ? name : u->user.name;
        u->user.image = set_image ? image : u->user.image;
        u->user.extra = ba_extra_merge(u->user.extra, extra, fake(store)->pool);
        u->user.updated_at = now;
    }
    return rv;
}

static apr_status_t password(ba_store *store, const char *user_id, const char **hash,
                             apr_pool_t *pool)
{
    apr_status_t rv = ask(store, OP_PASSWORD);

    (void)pool;
    *hash = user_by(fake(store), user_id, NULL)->hash;
    return rv == APR_SUCCESS && !*hash ? APR_NOTFOUND : rv;
}

static apr_status_t password_change(ba_store *store, const char *user_id, const char *old_hash,
                                    const char *new_hash, const ba_session *only, ba_time now,
                                    apr_pool_t *pool)
{
    apr_status_t rv = ask(store, OP_PASSWORD_CHANGE);
    fake_user *u = user_by(fake(store), user_id, NULL);

    (void)pool, (void)now;
    if (rv == APR_SUCCESS && strcmp(u->hash, old_hash)) {
        rv = APR_NOTFOUND;
    }
    if (rv == APR_SUCCESS) {
        u->hash = new_hash;
    }
    if (rv == APR_SUCCESS && only) {
        drop_sessions(fake(store), user_id, NULL);
        add_session(fake(store), only);
    }
    return rv;
}

static apr_status_t accounts(ba_store *store, const char *user_id, apr_array_header_t **out,
                             apr_pool_t *pool)
{
    apr_status_t rv = ask(store, OP_ACCOUNTS);
    fake_store *s = fake(store);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    *out = apr_array_make(pool, s->accounts->nelts + 1, sizeof(ba_account *));
    for (int i = 0; i < s->accounts->nelts; ++i) {
        ba_account *row = APR_ARRAY_IDX(s->accounts, i, ba_account *);

        if (row->id && !strcmp(row->user_id, user_id)) {
            APR_ARRAY_PUSH(*out, ba_account *) = row;
        }
    }
    return APR_SUCCESS;
}

static apr_status_t account_delete(ba_store *store, const char *user_id, const char *id,
                                   int last_too, apr_pool_t *pool)
{
    apr_status_t rv = ask(store, OP_ACCOUNT_DELETE);
    apr_array_header_t *own;

    if (rv != APR_SUCCESS || (rv = accounts(store, user_id, &own, pool)) != APR_SUCCESS) {
        return rv;
    }
    if (own->nelts == 1 && !last_too) {
        return APR_EEXIST;
    }
    for (int i = 0; i < own->nelts; ++i) {
        ba_account *row = APR_ARRAY_IDX(own, i, ba_account *);

        if (!strcmp(row->id, id)) {
            row->id = NULL; /* gone */
            return APR_SUCCESS;
        }
    }
    return APR_NOTFOUND;
}

static apr_status_t user(ba_store *store, const char *id, ba_user **out, apr_pool_t *pool)
{
    apr_status_t rv = ask(store, OP_USER);
    fake_user *found = user_by(fake(store), id, NULL);

    if (rv == APR_SUCCESS && !found) {
        rv = APR_NOTFOUND;
    }
    if (rv == APR_SUCCESS) {
        *out = apr_pmemdup(pool, &found->user, sizeof(**out));
    }
    return rv;
}

/* Changes the user if the address is still what row says. */
static apr_status_t change_user(fake_store *s, fake_op op, const ba_user *row, const char *email,
                                int verified)
{
    apr_status_t rv = ask(&s->base, op);
    fake_user *u = user_by(s, row->id, NULL);

    if (rv == APR_SUCCESS && (!u || strcmp(u->user.email, row->email))) {
        rv = APR_NOTFOUND;
    }
    if (rv == APR_SUCCESS && email && user_by(s, NULL, email)) {
        rv = APR_EEXIST;
    }
    if (rv == APR_SUCCESS) {
        u->user.email = email ? email : u->user.email;
        u->user.email_verified = verified;
    }
    return rv;
}

static apr_status_t user_verify(ba_store *store, const ba_user *row, const ba_session *added,
                                ba_time now, apr_pool_t *pool)
{
    apr_status_t rv = change_user(fake(store), OP_USER_VERIFY, row, NULL, 1);

    (void)now, (void)pool;
    if (rv == APR_SUCCESS && added) {
        add_session(fake(store), added);
    }
    return rv;
}

static apr_status_t email_change(ba_store *store, const ba_user *row, const char *email,
                                 int verified, const ba_session *added, ba_mail *first,
                                 ba_mail *second, ba_time now, apr_pool_t *pool)
{
    apr_status_t rv = change_user(fake(store), OP_EMAIL_CHANGE, row, email, verified);

    (void)now, (void)pool;
    if (rv == APR_SUCCESS && added) {
        add_session(fake(store), added);
    }
    if (rv == APR_SUCCESS) {
        add_mail(fake(store), first);
        add_mail(fake(store), second);
    }
    return rv;
}

static apr_status_t claim(fake_store *s, const char *id)
{
    for (int i = 0; i < s->tokens->nelts; ++i) {
        ba_verification *row = APR_ARRAY_IDX(s->tokens, i, ba_verification *);

        if (row->identifier && !strcmp(row->id, id)) {
            row->identifier = NULL; /* gone */
            return APR_SUCCESS;
        }
    }
    return APR_NOTFOUND;
}

static apr_status_t user_delete(ba_store *store, const char *user_id, const char *token_id,
                                apr_pool_t *pool)
{
    apr_status_t rv = ask(store, OP_USER_DELETE);
    fake_user *u = user_by(fake(store), user_id, NULL);

    (void)pool;
    if (rv == APR_SUCCESS && token_id) {
        rv = claim(fake(store), token_id);
    }
    if (rv == APR_SUCCESS) {
        drop_sessions(fake(store), user_id, NULL);
        u->user.id = u->user.email = ""; /* no question finds it any more */
    }
    return rv;
}

static apr_status_t verification_add(ba_store *store, const ba_verification *token, ba_mail *mail,
                                     apr_pool_t *pool)
{
    apr_status_t rv = ask(store, OP_VERIFICATION_ADD);
    fake_store *s = fake(store);

    (void)pool;
    if (rv == APR_SUCCESS) {
        APR_ARRAY_PUSH(s->tokens, ba_verification *)
            = apr_pmemdup(s->pool, token, sizeof(*token));
        add_mail(s, mail);
    }
    return rv;
}

static apr_status_t verification(ba_store *store, const char *identifier, ba_verification **token,
                                 apr_pool_t *pool)
{
    apr_status_t rv = ask(store, OP_VERIFICATION);
    fake_store *s = fake(store);

    for (int i = s->tokens->nelts - 1; i >= 0 && rv == APR_SUCCESS; --i) {
        ba_verification *row = APR_ARRAY_IDX(s->tokens, i, ba_verification *);

        if (row->identifier && !strcmp(row->identifier, identifier)) {
            *token = apr_pmemdup(pool, row, sizeof(*row));
            return APR_SUCCESS;
        }
    }
    return rv == APR_SUCCESS ? APR_NOTFOUND : rv;
}

static apr_status_t verification_claim(ba_store *store, const char *id, apr_pool_t *pool)
{
    apr_status_t rv = ask(store, OP_VERIFICATION_CLAIM);

    (void)pool;
    return rv == APR_SUCCESS ? claim(fake(store), id) : rv;
}

static apr_status_t password_reset(ba_store *store, const ba_verification *token,
                                   const char *hash, const char *account_id, int revoke,
                                   ba_mail *mail, ba_time now, apr_pool_t *pool)
{
    apr_status_t rv = ask(store, OP_PASSWORD_RESET);
    fake_store *s = fake(store);

    (void)now, (void)pool;
    assert_non_null(account_id);
    if (rv == APR_SUCCESS) {
        rv = claim(s, token->id);
    }
    if (rv == APR_SUCCESS) {
        user_by(s, token->value, NULL)->hash = hash;
        add_mail(s, mail);
        if (revoke) {
            drop_sessions(s, token->value, NULL);
        }
    }
    return rv;
}

static apr_status_t mail_add(ba_store *store, ba_mail *mail, apr_pool_t *pool)
{
    apr_status_t rv = ask(store, OP_MAIL_ADD);

    (void)pool;
    if (rv == APR_SUCCESS) {
        add_mail(fake(store), mail);
    }
    return rv;
}

static const ba_store_ops store_ops = {
    .login = login,
    .session = session,
    .sign_up = sign_up,
    .session_add = session_add,
    .session_extend = session_extend,
    .session_update = session_update,
    .session_delete = session_delete,
    .password_renew = password_renew,
    .sessions = sessions,
    .sessions_delete = sessions_delete,
    .user_update = user_update,
    .password = password,
    .password_change = password_change,
    .accounts = accounts,
    .account_delete = account_delete,
    .user = user,
    .user_verify = user_verify,
    .email_change = email_change,
    .user_delete = user_delete,
    .verification_add = verification_add,
    .verification = verification,
    .verification_claim = verification_claim,
    .password_reset = password_reset,
    .mail_add = mail_add,
};

/* ---- the call */

static const char *header(const ba_call *call, const char *name)
{
    const fixture *f = call->baton;

    return apr_table_get(f->headers, name);
}

static void log_line(const ba_call *call, ba_log_level level, apr_status_t rv, const char *message)
{
    const fixture *f = call->baton;

    (void)level, (void)rv;
    APR_ARRAY_PUSH(f->log, const char *) = message;
}

/* Every value of a mail in a line of its own, in any document. */
static const char *render(const ba_call *call, const char *document, const apr_table_t *values)
{
    const apr_array_header_t *rows = apr_table_elts(values);
    const apr_table_entry_t *row = (const apr_table_entry_t *)rows->elts;
    const fixture *f = call->baton;
    const char *out = apr_pstrcat(call->pool, "Subject: ", f->subject ? f->subject : document,
                                  "\n\n", NULL);

    for (int i = 0; i < rows->nelts; ++i) {
        out = apr_pstrcat(call->pool, out, row[i].key, ": ", row[i].val, "\n", NULL);
    }
    return out;
}

static const ba_error *veto(const ba_call *call, const ba_user *user, int remember)
{
    fixture *f = call->baton;

    (void)user, (void)remember;
    ++f->vetoes_asked;
    return f->veto;
}

static int gone(const ba_call *call)
{
    const fixture *f = call->baton;

    return f->gone;
}

static void audit(const ba_call *call, ba_event event, const ba_fact *fact)
{
    fixture *f = call->baton;

    APR_ARRAY_PUSH(f->events, fixture_event) = (fixture_event){event, *fact};
}

static const char *origin(const ba_call *call)
{
    const char *host = ba_call_header(call, "Host");

    return host ? apr_pstrcat(call->pool, "http://", host, NULL) : ORIGIN;
}

static const ba_call_ops call_ops = {header, origin, log_line, render, veto, gone, audit};

ba_call *fixture_call(fixture *f, const char *method, const char *path)
{
    ba_call *call = ba_call_create(NOW, f->pool);

    call->settings = &f->settings;
    call->store = f->database ? f->database : &f->store.base;
    call->session_cache = f->session_cache;
    call->revocations = f->revocations;
    call->features = ba_route_features();
    call->ops = &call_ops;
    call->baton = f;
    call->method = method;
    call->path = path;
    call->client = "192.0.2.7";
    f->call = call;
    f->headers = apr_table_make(f->pool, 4);
    return call;
}

void fixture_header(fixture *f, const char *name, const char *value)
{
    apr_table_set(f->headers, name, value);
}

/* ---- the rest */

static void add_secret(fixture *f, const char *text)
{
    ba_bytes *secret = apr_array_push(f->settings.secrets);

    secret->data = text;
    secret->len = strlen(text);
}

int fixture_setup(void **state)
{
    apr_pool_t *pool;
    fixture *f;

    if (apr_initialize() != APR_SUCCESS || apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        return -1;
    }
    f = apr_pcalloc(pool, sizeof(*f));
    f->pool = pool;
    f->settings.secrets = apr_array_make(pool, 1, sizeof(ba_bytes));
    f->settings.trusted_origins = apr_array_make(pool, 1, sizeof(const char *));
    f->settings.base_url = ORIGIN;
    f->settings.base_path = "/api/auth";
    f->settings.pages_path = "/auth";
    f->settings.cookie_prefix = "better-auth";
    f->settings.secure_cookies = BA_AUTO;
    f->settings.email_password = 1;
    f->settings.cookie_attributes.path = "/";
    f->settings.ip_tracking = 1;
    f->settings.sign_up = 1;
    f->settings.auto_sign_in = 1;
    f->settings.password_length.min = 8;
    f->settings.password_length.max = 128;
    /* the cheapest there is: these tests are not about strength */
    f->settings.hash.scheme = BA_HASH_ARGON2ID;
    f->settings.hash.memory_kib = 8;
    f->settings.hash.passes = 1;
    f->settings.hash.lanes = 1;
    f->settings.session_expires_in = 604800;
    f->settings.session_update_age = 86400;
    f->settings.session_fresh_age = 86400;
    f->settings.mail_limit.min = 5;
    f->settings.mail_limit.max = 3600;
    f->settings.verify_expires_in = 3600;
    f->settings.reset_expires_in = 3600;
    f->settings.delete_expires_in = 86400;
    f->settings.change_email_confirm = 1;
    add_secret(f, SECRET);
    f->settings.cookie_cache.max_age = 300;
    f->settings.cookie_cache_version = "1";
    f->settings.cache_keys = ba_jwe_keys(f->settings.secrets, "better-auth-session", pool);
    f->settings.cookie_room = 6142;
    ba_settings_finish(&f->settings, pool);

    f->store.base.ops = &store_ops;
    f->store.pool = pool;
    f->store.users = apr_array_make(pool, 1, sizeof(fake_user *));
    f->store.sessions = apr_array_make(pool, 1, sizeof(ba_session *));
    f->store.accounts = apr_array_make(pool, 1, sizeof(ba_account *));
    f->store.tokens = apr_array_make(pool, 1, sizeof(ba_verification *));
    f->store.mails = apr_array_make(pool, 1, sizeof(ba_mail *));
    f->log = apr_array_make(pool, 4, sizeof(const char *));
    f->events = apr_array_make(pool, 4, sizeof(fixture_event));
    fixture_call(f, "GET", "/");
    *state = f;
    return 0;
}

int fixture_teardown(void **state)
{
    fixture *f = *state;

    apr_pool_destroy(f->pool);
    apr_terminate();
    return 0;
}

fake_user *fixture_add_user(fixture *f, const char *email, const char *hash)
{
    fake_user *u = apr_pcalloc(f->pool, sizeof(*u));

    u->user.id = apr_psprintf(f->pool, "user%d", f->store.users->nelts + 1);
    u->user.name = "Zoe";
    u->user.email = email;
    u->user.created_at = u->user.updated_at = NOW - DAY;
    u->hash = hash;
    APR_ARRAY_PUSH(f->store.users, fake_user *) = u;
    return u;
}

ba_session *fixture_add_session(fixture *f, const char *user_id, const char *token,
                                ba_time expires_at)
{
    ba_session *s = apr_pcalloc(f->pool, sizeof(*s));

    s->id = apr_psprintf(f->pool, "session%d", f->store.sessions->nelts + 1);
    s->token = token;
    s->user_id = user_id;
    s->ip_address = "";
    s->user_agent = "";
    s->expires_at = expires_at;
    s->created_at = s->updated_at = NOW - DAY;
    APR_ARRAY_PUSH(f->store.sessions, ba_session *) = s;
    return s;
}

ba_account *fixture_add_account(fixture *f, const char *user_id, const char *id)
{
    ba_account *a = apr_pcalloc(f->pool, sizeof(*a));

    a->id = id;
    a->account_id = "4711";
    a->provider_id = "github";
    a->user_id = user_id;
    a->created_at = a->updated_at = NOW - DAY;
    APR_ARRAY_PUSH(f->store.accounts, ba_account *) = a;
    return a;
}

ba_session *fixture_find_session(fixture *f, const char *token)
{
    return session_by(&f->store, token);
}

const ba_mail *fixture_mail(const fixture *f)
{
    int n = f->store.mails->nelts;

    return n ? APR_ARRAY_IDX(f->store.mails, n - 1, ba_mail *) : NULL;
}

int fixture_logged(const fixture *f, const char *tag)
{
    for (int i = 0; i < f->log->nelts; ++i) {
        if (!strncmp(APR_ARRAY_IDX(f->log, i, const char *), tag, strlen(tag))) {
            return 1;
        }
    }
    return 0;
}

const char *fixture_cookie(const fixture *f, const char *name)
{
    return apr_table_get(f->call->answer.cookies, name);
}
