/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_hashing.h"

#include "ba_gate.h"
#include "ba_meter.h"
#include "ba_settings.h"
#include "ba_text.h"
#include "ba_words.h"

/* Longest wait for a permit; a browser still waits that long. */
#define WAIT_MS 10000

const ba_error *ba_hashing_check_given(const ba_call *call, ba_bytes password)
{
    apr_size_t length = ba_text_utf16_length(password.data, password.len);

    return length > (apr_size_t)call->settings->password_length.max ? &ba_err_password_long : NULL;
}

const ba_error *ba_hashing_check_new(const ba_call *call, ba_bytes password)
{
    apr_size_t length = ba_text_utf16_length(password.data, password.len);
    const ba_error *error = length < (apr_size_t)call->settings->password_length.min
                                ? &ba_err_password_short
                                : ba_hashing_check_given(call, password);

    if (!error && ba_words_have(call->settings->refused_passwords, password, call->pool)) {
        error = &ba_err_password_listed;
    }
    return error;
}

static void refuse(ba_call *call, const char *why)
{
    ba_call_log(call, BA_LOG_INFO, 0, "BA0602: no place to hash a password (%s), client %s", why,
                call->client);
    ba_call_fail(call, &ba_err_busy);
}

/* 1: go on and leave with the permit. 0: the call has its answer. */
static int enter(ba_call *call, ba_permit *permit)
{
    int lost;
    apr_status_t rv = ba_gate_enter(call->gate, WAIT_MS, permit, &lost);

    if (rv == APR_SUCCESS) {
        ba_meter_time(call->meter, BA_TIMER_HASH_WAIT,
                      (apr_interval_time_t)permit->wait_us);
    }
    if (lost) {
        ba_call_log(call, BA_LOG_WARN, 0,
                    "BA0601: the semaphore of BetterAuthHashConcurrency has been removed; this "
                    "process counts for itself until the next start or restart");
    }
    if (rv == APR_SUCCESS && permit->waited && call->ops->gone && call->ops->gone(call)) {
        ba_gate_abandon(call->gate, permit);
        refuse(call, "the client has gone while it waited");
        return 0;
    }
    if (rv == APR_SUCCESS) {
        return 1;
    }
    if (rv == APR_EAGAIN || rv == APR_TIMEUP) {
        refuse(call, rv == APR_EAGAIN ? "queue full" : "waited too long");
    }
    else {
        ba_call_log(call, BA_LOG_ERROR, rv, "BA0603: the hash gate failed");
        ba_call_fail(call, &ba_err_unavailable);
    }
    return 0;
}

static void leave(ba_call *call, ba_permit *permit)
{
    ba_meter_time(call->meter, BA_TIMER_HASH,
                  (apr_interval_time_t)ba_gate_leave(call->gate, permit));
}

static void fail(ba_call *call)
{
    ba_call_log(call, BA_LOG_ERROR, 0,
                "BA0604: hashing a password failed: no memory, or no random numbers?");
    ba_call_fail(call, &ba_err_unavailable);
}

const char *ba_hashing_hash(ba_call *call, ba_bytes password)
{
    const char *hash;
    ba_permit permit;

    if (!enter(call, &permit)) {
        return NULL;
    }
    hash = ba_password_hash(&call->settings->hash, password, call->pool);
    leave(call, &permit);
    if (!hash) {
        fail(call);
    }
    return hash;
}

int ba_hashing_burn(ba_call *call, ba_bytes password)
{
    return ba_hashing_hash(call, password) != NULL;
}

static ba_password_result compare(ba_call *call, const ba_try *attempt, const char *stored,
                                  ba_bytes password)
{
    ba_password_result result;
    ba_permit permit;

    if (!enter(call, &permit)) {
        return BA_PASSWORD_FAILED;
    }
    result = ba_password_verify(stored, password, call->pool);
    leave(call, &permit);
    if (result == BA_PASSWORD_FAILED) {
        fail(call);
    }
    else if (result == BA_PASSWORD_UNREADABLE) {
        ba_call_log(call, BA_LOG_WARN, 0,
                    "BA0605: the stored password hash of user %s has an unknown form or too high "
                    "a cost; the user needs a new password",
                    attempt->user_id ? attempt->user_id : "-");
    }
    return result;
}

ba_password_result ba_hashing_verify(ba_call *call, ba_try *attempt, const char *stored,
                                     ba_bytes password)
{
    ba_password_result result;
    int unlike;

    if (!ba_limit_try(call, attempt)) {
        return BA_PASSWORD_FAILED;
    }
    if (stored) {
        result = compare(call, attempt, stored, password);
    }
    else {
        result = ba_hashing_burn(call, password) ? BA_PASSWORD_WRONG : BA_PASSWORD_FAILED;
    }
    if (result == BA_PASSWORD_FAILED) {
        ba_limit_give_back(call, attempt);
        return BA_PASSWORD_FAILED;
    }
    unlike = result == BA_PASSWORD_UNREADABLE || (stored && ba_password_imported(stored));
    result = result == BA_PASSWORD_GOOD ? BA_PASSWORD_GOOD : BA_PASSWORD_WRONG;
    /* before there may be no permit for the second hash: this one was a guess all the same */
    if (!ba_limit_tried(call, attempt, result == BA_PASSWORD_GOOD)) {
        result = BA_PASSWORD_FAILED;
    }
    /* most of these are quick, which would tell them from an unknown address */
    if (unlike && result != BA_PASSWORD_GOOD && !ba_hashing_burn(call, password)) {
        result = BA_PASSWORD_FAILED;
    }
    return result;
}
