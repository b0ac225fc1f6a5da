/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* What a signed-in user does with the own row, password and accounts
 * (http-api 5.12, 5.14, 5.18). */

#include "ba_audit.h"
#include "ba_hashing.h"
#include "ba_input.h"
#include "ba_routes_int.h"
#include "ba_session.h"
#include "ba_settings.h"
#include "ba_store.h"
#include "ba_text.h"

#include <apr_strings.h>
#include <string.h>

/* ---- update-user */

typedef struct update_body {
    const json_t *email;
    const json_t *name;
    const json_t *image;
    const json_t *whole;
} update_body;

static const ba_field update_fields[] = {
    {"email", BA_FIELD_ANY, BA_OPTIONAL, offsetof(update_body, email)},
    {"name", BA_FIELD_ANY, BA_OPTIONAL, offsetof(update_body, name)},
    {"image", BA_FIELD_ANY, BA_OPTIONAL, offsetof(update_body, image)},
    {"", BA_FIELD_WHOLE, BA_OPTIONAL, offsetof(update_body, whole)},
    {0},
};

static const ba_schema update_schema = {update_fields, sizeof(update_body), 0, BA_RECORD};

static int is_text(const json_t *json)
{
    return json_is_string(json) && strlen(json_string_value(json)) == json_string_length(json);
}

/* Upstream stores whatever type comes; NULL if the types are right (http-api 11.2). */
static const char *wrong_type(const update_body *body)
{
    if (body->name && !is_text(body->name)) {
        return "[body.name] Invalid input: expected string";
    }
    if (body->image && !json_is_null(body->image) && !is_text(body->image)) {
        return "[body.image] Invalid input: expected string";
    }
    return NULL;
}

/* What the row holds now, for cookies that repeat it. */
static void take_over(ba_call *call, const update_body *body)
{
    ba_user *user = apr_pmemdup(call->pool, call->user, sizeof(*user));

    if (body->name) {
        user->name = json_string_value(body->name);
    }
    if (body->image) {
        user->image = json_string_value(body->image);
    }
    user->updated_at = call->now;
    call->user = user;
}

static void update_user(ba_call *call, const void *input)
{
    const update_body *body = input;
    const char *name = json_string_value(body->name);
    const char *problem = wrong_type(body);
    const ba_extra *extra;
    apr_status_t rv;

    if (!ba_json_falsy(body->email)) {
        ba_call_fail(call, &ba_err_email_update);
        return;
    }
    if (!ba_input_update(call, call->settings->columns.user, body->whole, &extra)) {
        return;
    }
    if (!body->name && !body->image && !ba_extra_any(extra)) {
        ba_call_fail(call, &ba_err_no_fields);
        return;
    }
    if (!problem && name && ba_text_length(name) > BA_NAME_MAX) {
        problem = "[body.name] Too big: expected string to have <=255 characters";
    }
    if (problem) {
        ba_call_fail_with(call, &ba_err_validation, problem);
        return;
    }
    rv = call->store->ops->user_update(call->store, call->user->id, name, body->image != NULL,
                                       json_string_value(body->image), extra, call->now,
                                       call->pool);
    if (rv == APR_EINVAL) {
        ba_call_fail_with(call, &ba_err_validation, "[body] Invalid input");
        return;
    }
    if (rv != APR_SUCCESS) {
        ba_call_fail(call, &ba_err_unavailable);
        return;
    }
    take_over(call, body);
    if (ba_session_send_again(call) == APR_SUCCESS) {
        ba_route_answer_status(call);
    }
    else {
        ba_call_fail(call, &ba_err_internal);
    }
}

/* ---- passwords */

/* The hash of the user's credential account; else the call is answered with this. */
static const char *own_hash(ba_call *call, const ba_error *none)
{
    const char *hash = NULL;
    apr_status_t rv
        = call->store->ops->password(call->store, call->user->id, &hash, call->pool);

    if (rv != APR_SUCCESS) {
        ba_call_fail(call, rv == APR_NOTFOUND ? none : &ba_err_unavailable);
        return NULL;
    }
    return hash;
}

/* 1 if the password is the user's; else the call has its answer. */
static int verified(ba_call *call, const char *hash, ba_bytes password)
{
    ba_try attempt = {.address = call->user->email, .user_id = call->user->id};

    switch (ba_hashing_verify(call, &attempt, hash, password)) {
    case BA_PASSWORD_GOOD:
        return 1;
    case BA_PASSWORD_FAILED:
        return 0;
    default:
        ba_audit(call, BA_EVENT_PASSWORD_WRONG,
                 (ba_fact){.user = call->user->id, .session = call->session->id});
        ba_call_fail(call, &ba_err_invalid_password);
        return 0;
    }
}

int ba_account_password_good(ba_call *call, ba_bytes password, const ba_error *none)
{
    const ba_error *error = ba_hashing_check_given(call, password);
    const char *hash;

    if (error) {
        ba_call_fail(call, error);
        return 0;
    }
    hash = own_hash(call, none);
    return hash && verified(call, hash, password);
}

typedef struct change_body {
    ba_bytes new_password;
    ba_bytes current_password;
    int revoke_others;
} change_body;

static const ba_field change_fields[] = {
    {"newPassword", BA_FIELD_BYTES, BA_REQUIRED, offsetof(change_body, new_password)},
    {"currentPassword", BA_FIELD_BYTES, BA_REQUIRED, offsetof(change_body, current_password)},
    {"revokeOtherSessions", BA_FIELD_BOOL, BA_OPTIONAL, offsetof(change_body, revoke_others)},
    {0},
};

static const ba_schema change_schema = {change_fields, sizeof(change_body), 0, BA_OBJECT};

static const ba_error *check_lengths(const ba_call *call, const change_body *body)
{
    const ba_error *error = ba_hashing_check_new(call, body->new_password);

    return error ? error : ba_hashing_check_given(call, body->current_password);
}

static void answer_changed(ba_call *call, const ba_session *session)
{
    json_t *json = ba_json_object(call->pool);

    json_object_set_new(json, "token", session ? json_string(session->token) : json_null());
    json_object_set(json, "user", ba_json_user(call->user, call->pool));
    ba_call_ok(call, ba_json_text(json, call->pool));
}

/* Stores the new hash and, if asked, makes this the user's only session: at once, or
 * not at all. */
static void store_password(ba_call *call, const change_body *body, const char *old)
{
    const ba_session *session = NULL;
    const char *hash = ba_hashing_hash(call, body->new_password);
    apr_status_t rv;

    if (!hash) {
        return;
    }
    if (body->revoke_others == 1 && !(session = ba_session_begin(call, call->user, 1))) {
        return;
    }
    rv = call->store->ops->password_change(call->store, call->user->id, old, hash, session,
                                           call->now, call->pool);
    if (rv == APR_NOTFOUND) {
        ba_call_fail(call, &ba_err_invalid_password); /* changed elsewhere meanwhile */
        return;
    }
    if (rv != APR_SUCCESS) {
        ba_call_fail(call, &ba_err_unavailable);
        return;
    }
    if (session) {
        call->session = session;
        if (ba_session_send_again(call) != APR_SUCCESS) {
            ba_call_fail(call, &ba_err_internal);
            return;
        }
    }
    ba_audit(call, BA_EVENT_PASSWORD_CHANGED,
             (ba_fact){.user = call->user->id, .session = call->session->id});
    answer_changed(call, session);
}

static void change_password(ba_call *call, const void *input)
{
    const change_body *body = input;
    const ba_error *error = check_lengths(call, body);
    const char *hash;

    if (error) {
        ba_call_fail(call, error);
        return;
    }
    hash = own_hash(call, &ba_err_no_credential);
    if (hash && verified(call, hash, body->current_password)) {
        store_password(call, body, hash);
    }
}

typedef struct verify_body {
    ba_bytes password;
} verify_body;

static const ba_field verify_fields[] = {
    {"password", BA_FIELD_BYTES, BA_REQUIRED, offsetof(verify_body, password)},
    {0},
};

static const ba_schema verify_schema = {verify_fields, sizeof(verify_body), 0, BA_OBJECT};

static void verify_password(ba_call *call, const void *input)
{
    const verify_body *body = input;

    if (ba_account_password_good(call, body->password, &ba_err_invalid_password)) {
        ba_route_answer_status(call);
    }
}

/* ---- accounts */

static void list_accounts(ba_call *call, const void *body)
{
    apr_array_header_t *accounts;
    json_t *list;

    (void)body;
    if (call->store->ops->accounts(call->store, call->user->id, &accounts, call->pool)
        != APR_SUCCESS) {
        ba_call_fail(call, &ba_err_unavailable);
        return;
    }
    list = ba_json_array(call->pool);
    for (int i = 0; i < accounts->nelts; ++i) {
        json_array_append(list, ba_json_account(APR_ARRAY_IDX(accounts, i, ba_account *),
                                                call->pool));
    }
    ba_call_ok(call, ba_json_text(list, call->pool));
}

typedef struct unlink_body {
    const char *account_id; /* the row's id, not the provider's */
} unlink_body;

static const ba_field unlink_fields[] = {
    {"accountId", BA_FIELD_TEXT, BA_REQUIRED, offsetof(unlink_body, account_id)},
    {0},
};

static const ba_schema unlink_schema = {unlink_fields, sizeof(unlink_body), 0, BA_OBJECT};

static void unlink_account(ba_call *call, const void *input)
{
    const unlink_body *body = input;

    switch (call->store->ops->account_delete(call->store, call->user->id, body->account_id,
                                             call->settings->unlink_all, call->pool)) {
    case APR_SUCCESS:
        ba_audit(call, BA_EVENT_ACCOUNT_UNLINKED,
                 (ba_fact){.user = call->user->id, .session = call->session->id});
        ba_route_answer_status(call);
        break;
    case APR_EEXIST:
        ba_call_fail(call, &ba_err_last_account);
        break;
    case APR_NOTFOUND:
        ba_call_fail(call, &ba_err_no_account);
        break;
    default:
        ba_call_fail(call, &ba_err_unavailable);
        break;
    }
}

static const ba_route routes[] = {
    {"POST", "/update-user", BA_SIGNED_IN, 0, &update_schema, update_user, NULL},
    {"POST", "/change-password", BA_SIGNED_IN, 0, &change_schema, change_password, NULL},
    {"POST", "/verify-password", BA_SIGNED_IN, 0, &verify_schema, verify_password, NULL},
    {"GET", "/list-accounts", BA_KNOWN, 0, NULL, list_accounts, NULL},
    {"POST", "/unlink-account", BA_FRESH, 0, &unlink_schema, unlink_account, NULL},
    {0},
};

const ba_feature ba_account_routes = {.name = "account", .routes = routes};
