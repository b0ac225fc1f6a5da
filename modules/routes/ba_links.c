/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_links.h"

#include "ba_jwt.h"
#include "ba_mac.h"
#include "ba_schema.h"
#include "ba_settings.h"
#include "ba_store.h"
#include "ba_text.h"

#include <apr_encode.h>
#include <apr_strings.h>
#include <string.h>

/* More than composing a mail and committing it takes, the slow disk included. */
#define HIDDEN_TIME apr_time_from_msec(100)

/* A claim of our own, which Better Auth's readers pass over. */
#define ACCOUNT "ba_account"

const char *ba_link(const ba_call *call, const char *path, const char *callback,
                    const char *fallback)
{
    const ba_settings *s = call->settings;

    if (!callback || !*callback) {
        callback = fallback;
    }
    return apr_pstrcat(call->pool, s->origin, s->base_path, path, "callbackURL=",
                       ba_text_url_encode(callback, call->pool), NULL);
}

const char *ba_link_to_page(const ba_call *call, const char *page, const char *path,
                            const char *callback)
{
    const ba_settings *s = call->settings;

    if (!s->link_pages) {
        return ba_link(call, path, callback, "/");
    }
    return apr_pstrcat(call->pool, s->origin, s->pages_path, page, strchr(path, '?'),
                       "callbackURL=",
                       ba_text_url_encode(callback && *callback ? callback : "/", call->pool), NULL);
}

/* The account as it is, in a way that tells its bearer nothing; NULL: OpenSSL failed. */
static const char *account_now(const ba_call *call, ba_bytes secret, const ba_user *user,
                               const char *hash)
{
    ba_bytes text;
    unsigned char mac[BA_MAC_BYTES];

    /* the first line is in nothing else that a secret signs */
    text.data = apr_psprintf(call->pool, "change-email of\n%s\n%d\n%s%s", user->id,
                             user->email_verified != 0, hash ? "password " : "no password",
                             hash ? hash : "");
    text.len = strlen(text.data);
    return ba_mac_bytes(secret, text, mac) == APR_SUCCESS
               ? apr_pencode_base64_binary(call->pool, mac, sizeof(mac),
                                           APR_ENCODE_URL | APR_ENCODE_NOPADDING, NULL)
               : NULL;
}

static const char *make_token(const ba_call *call, const ba_user *user,
                              const ba_link_change *change)
{
    ba_bytes secret = APR_ARRAY_IDX(call->settings->secrets, 0, ba_bytes);
    json_t *claims = ba_json_object(call->pool);
    apr_int64_t now = call->now / 1000;

    json_object_set_new(claims, "email", json_string(user->email));
    if (change) {
        json_object_set_new(claims, "updateTo", json_string(change->to));
        json_object_set_new(claims, "requestType", json_string(change->type));
        json_object_set_new(claims, ACCOUNT,
                            json_string(account_now(call, secret, user, change->hash)));
    }
    json_object_set_new(claims, "iat", json_integer(now));
    json_object_set_new(claims, "exp", json_integer(now + call->settings->verify_expires_in));
    /* a claim that found no memory would make it a token for something else */
    if (json_object_size(claims) != (change ? 6 : 3)) {
        return NULL;
    }
    return ba_jwt_sign(secret, claims, call->pool);
}

ba_mail *ba_link_mail(ba_call *call, ba_mail_kind kind, const ba_user *user,
                      const ba_link_change *change, const char *callback)
{
    const char *token = make_token(call, user, change);
    const char *path;

    if (!token) {
        ba_call_log(call, BA_LOG_ERROR, 0, "BA0421: signing a token failed");
        return NULL;
    }
    path = apr_pstrcat(call->pool, "/verify-email?token=", token, "&", NULL);
    return ba_mail_compose(call, kind, user,
                           change && kind == BA_MAIL_CHANGE_VERIFY ? change->to : user->email,
                           ba_link_to_page(call, "/verify-email", path, callback),
                           change ? change->to : NULL);
}

/* A claim that must be text if it is there. 0: it is not text. */
static int read_claim(const json_t *claims, const char *name, const char **text)
{
    const json_t *value = json_object_get(claims, name);

    *text = json_string_value(value);
    return !value || (*text && strlen(*text) == json_string_length(value));
}

static int read_claims(const json_t *claims, ba_link_claims *c)
{
    return read_claim(claims, "email", &c->email) && c->email && ba_schema_email(c->email)
           && read_claim(claims, "updateTo", &c->change_to)
           && read_claim(claims, "requestType", &c->type)
           && read_claim(claims, ACCOUNT, &c->account);
}

const ba_error *ba_link_read(ba_call *call, const char *token, ba_link_claims *c)
{
    json_t *claims;

    switch (ba_jwt_verify(call->settings->secrets, token, call->now, &claims, call->pool)) {
    case APR_SUCCESS:
        break;
    case APR_TIMEUP:
        return &ba_err_link_expired;
    default:
        return &ba_err_link_token;
    }
    if (!read_claims(claims, c)) {
        return &ba_err_link_token;
    }
    c->change_to = c->change_to && *c->change_to ? ba_text_lower(c->change_to, call->pool) : NULL;
    /* Without a type, servers before 1.4 changed the address before it was proved; those
     * tokens have long expired. A new address that is none was never ours. */
    if (c->change_to
        && (!c->type || (strcmp(c->type, BA_LINK_CONFIRM) && strcmp(c->type, BA_LINK_CHANGE))
            || !ba_schema_email(c->change_to) || strlen(c->change_to) > BA_EMAIL_MAX)) {
        return &ba_err_link_token;
    }
    return NULL;
}

int ba_link_is_for(ba_call *call, const ba_link_claims *claims, const ba_user *user,
                   const char *hash)
{
    const apr_array_header_t *secrets = call->settings->secrets;

    if (!claims->change_to || !claims->account) {
        return 1;
    }
    for (int i = 0; i < secrets->nelts; ++i) {
        const char *expected
            = account_now(call, APR_ARRAY_IDX(secrets, i, ba_bytes), user, hash);

        if (expected && ba_mac_equal(expected, claims->account)) {
            return 1;
        }
    }
    return 0;
}

const char *ba_link_identifier(const ba_call *call, const char *prefix, const char *token)
{
    const char *plain = apr_pstrcat(call->pool, prefix, token, NULL);

    return call->settings->hash_identifiers ? ba_mac_digest(plain, call->pool) : plain;
}

apr_status_t ba_link_find(ba_call *call, const char *prefix, const char *token,
                          ba_verification **row)
{
    const char *stored = ba_link_identifier(call, prefix, token);
    apr_status_t rv;

    /* longer ones are in no row, and not worth a question */
    if (!stored || strlen(token) > BA_TOKEN_MAX - strlen(prefix)) {
        return APR_NOTFOUND;
    }
    rv = call->store->ops->verification(call->store, stored, row, call->pool);
    if (rv == APR_NOTFOUND && call->settings->hash_identifiers) {
        rv = call->store->ops->verification(call->store,
                                            apr_pstrcat(call->pool, prefix, token, NULL), row,
                                            call->pool);
    }
    return rv;
}

void ba_link_hide_work(apr_time_t begun)
{
    apr_time_t spent = apr_time_now() - begun;

    /* a clock that was set meanwhile must not make anybody wait for long */
    if (spent < 0) {
        spent = 0;
    }
    if (spent < HIDDEN_TIME) {
        apr_sleep(HIDDEN_TIME - spent);
    }
}

void ba_link_redirect(ba_call *call, const char *url)
{
    call->answer.status = 302;
    call->answer.error = NULL;
    call->answer.type = "application/json";
    call->answer.body = NULL;
    call->answer.location = url;
}

int ba_link_send(ba_call *call, ba_mail *mail)
{
    if (mail && call->store->ops->mail_add(call->store, mail, call->pool) != APR_SUCCESS) {
        ba_call_fail(call, &ba_err_unavailable);
        return 0;
    }
    ba_mail_stored(call, mail);
    return 1;
}
