/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_credentials.h"

#include "ba_audit.h"
#include "ba_hashing.h"
#include "ba_mac.h"
#include "ba_schema.h"
#include "ba_session.h"
#include "ba_session_cache.h"
#include "ba_settings.h"
#include "ba_store.h"
#include "ba_text.h"

#include <apr_escape.h>
#include <apr_strings.h>
#include <string.h>

/* Wrong passwords of a client count together, whichever way they come. */
#define ENDPOINT "/sign-in/email"

static void refuse(ba_call *call, ba_failure why, const char *user_id)
{
    ba_audit(call, BA_EVENT_SIGN_IN_FAILED, (ba_fact){.user = user_id, .failure = why});
    ba_call_fail(call, &ba_err_credentials);
}

int ba_credentials_match(ba_call *call, ba_try *attempt, ba_bytes password, ba_user **user,
                         const char **hash)
{
    apr_status_t rv;

    *user = NULL;
    *hash = NULL;
    rv = call->store->ops->login(call->store, attempt->address, user, hash, call->pool);
    if (rv != APR_SUCCESS && rv != APR_NOTFOUND) {
        ba_call_fail(call, &ba_err_unavailable);
        return 0;
    }
    if (rv == APR_NOTFOUND) {
        *user = NULL;
        *hash = NULL;
    }
    attempt->user_id = *user ? (*user)->id : NULL;
    switch (ba_hashing_verify(call, attempt, *hash, password)) {
    case BA_PASSWORD_GOOD:
        return 1;
    case BA_PASSWORD_FAILED:
        return 0;
    default:
        refuse(call,
               !*user  ? BA_FAILURE_ADDRESS
               : *hash ? BA_FAILURE_PASSWORD
                       : BA_FAILURE_NO_PASSWORD,
               attempt->user_id);
        return 0;
    }
}

void ba_credentials_renew(ba_call *call, const ba_user *user, const char *old, ba_bytes password)
{
    ba_answer before = call->answer;
    const char *hash = ba_password_outdated(&call->settings->hash, old)
                           ? ba_hashing_hash(call, password)
                           : NULL;

    if (hash) {
        call->store->ops->password_renew(call->store, user->id, old, hash, call->now, call->pool);
    }
    call->answer = before;
}

/* ---- many times */

/* The name that the cache has for what this client sent, and its MAC, which no token's can
 * be, since tokens have no NUL: whoever can read the cache cannot guess passwords with it,
 * without the secret. Nor can those who ask: what is found here is found before anything
 * wrong is counted, so only the client finds it that was right. No session has such a
 * token. NULL: no cache, or OpenSSL failed. */
static const char *cached_name(const ba_call *call, const char *email, ba_bytes password,
                               unsigned char mac[BA_MAC_BYTES])
{
    const ba_bytes *secret = &APR_ARRAY_IDX(call->settings->secrets, 0, ba_bytes);
    apr_size_t client = strlen(call->client) + 1, address = strlen(email) + 1;
    apr_status_t rv;
    ba_bytes bytes;
    char *text;

    if (!call->session_cache) {
        return NULL;
    }
    bytes.len = client + address + password.len;
    bytes.data = text = apr_palloc(call->pool, bytes.len);
    memcpy(text, call->client, client);
    memcpy(text + client, email, address);
    memcpy(text + client + address, password.data, password.len);
    rv = ba_mac_bytes(*secret, bytes, mac);
    ba_mac_wipe(text, bytes.len);
    if (rv != APR_SUCCESS) {
        return NULL;
    }
    return apr_pstrcat(call->pool, "basic:",
                       apr_pescape_hex(call->pool, mac, BA_MAC_BYTES, 0), NULL);
}

static const ba_session *no_session(const ba_call *call, const char *name, const ba_user *user)
{
    ba_session *session = apr_pcalloc(call->pool, sizeof(*session));

    session->id = "";
    session->token = name ? name : "";
    session->user_id = user->id;
    session->created_at = session->updated_at = session->expires_at = call->now;
    session->extra = ba_extra_create(call->settings->columns.session, call->pool);
    return session;
}

static int may_ask(ba_call *call, const ba_try *attempt, ba_bytes password)
{
    const ba_error *error = ba_hashing_check_given(call, password);

    if (!call->settings->email_password) {
        error = &ba_err_password_disabled;
    }
    else if (!ba_schema_email(attempt->address)) {
        error = &ba_err_credentials;
    }
    if (error) {
        ba_call_fail(call, error);
        return 0;
    }
    return ba_limit_allows(call, attempt);
}

/* What sign-in asks after the password. */
static int may_sign_in(ba_call *call, const ba_user *user)
{
    if (call->settings->require_email_verification && !user->email_verified) {
        ba_audit(call, BA_EVENT_SIGN_IN_UNVERIFIED, (ba_fact){.user = user->id});
        ba_call_fail(call, &ba_err_not_verified);
        return 0;
    }
    return ba_session_may_begin(call, user, 0);
}

int ba_credentials_check(ba_call *call, const char *address, ba_bytes password)
{
    /* only those that are wrong count, since a program may ask often */
    ba_try attempt = {.address = ba_text_lower(address, call->pool), .endpoint = ENDPOINT};
    unsigned char mac[BA_MAC_BYTES];
    const char *name, *hash;
    ba_cache_look look;
    ba_session *session;
    ba_user *user;

    /* before the cache, which would say of a guess that it is right */
    if (!may_ask(call, &attempt, password)) {
        return 0;
    }
    name = cached_name(call, attempt.address, password, mac);
    if (name && ba_session_cache_get(call, name, mac, &look, &session, &user) == APR_SUCCESS) {
        call->session = session;
        call->user = user;
        return 1;
    }
    if (!ba_credentials_match(call, &attempt, password, &user, &hash)) {
        call->user = user;
        return 0;
    }
    call->user = user;
    if (!may_sign_in(call, user)) {
        return 0;
    }
    ba_credentials_renew(call, user, hash, password);
    call->session = no_session(call, name, user);
    if (name) {
        ba_session_cache_put(call, &look, call->session, user);
    }
    return 1;
}
