/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* The one table of answers that are not a success. Codes and messages are
 * Better Auth's (http-api 5.3): its client switches on them. */

#ifndef BA_ERROR_H
#define BA_ERROR_H

typedef struct ba_error {
    int status;          /* HTTP status */
    const char *code;    /* NULL: the body has no "code" */
    const char *message; /* NULL: the answer has no body */
} ba_error;

extern const ba_error ba_err_not_found;
extern const ba_error ba_err_unauthorized;
extern const ba_error ba_err_bad_json;
extern const ba_error ba_err_validation; /* message comes from the schema */
extern const ba_error ba_err_media_type; /* message names the type sent */
extern const ba_error ba_err_too_large;
extern const ba_error ba_err_internal;
extern const ba_error ba_err_unavailable; /* a dependency is down: Retry-After */
extern const ba_error ba_err_busy;        /* the hash queue is full: Retry-After */
extern const ba_error ba_err_too_many;    /* rate limit: Retry-After and X-Retry-After */

extern const ba_error ba_err_missing_origin;
extern const ba_error ba_err_invalid_origin;
extern const ba_error ba_err_cross_site;
extern const ba_error ba_err_url_type; /* message names the field */
extern const ba_error ba_err_callback_url;
extern const ba_error ba_err_redirect_url;
extern const ba_error ba_err_error_callback_url;
extern const ba_error ba_err_new_user_callback_url;

extern const ba_error ba_err_password_disabled;
extern const ba_error ba_err_sign_up_disabled;
extern const ba_error ba_err_password_short;
extern const ba_error ba_err_password_long;
extern const ba_error ba_err_password_listed;
extern const ba_error ba_err_user_exists;
extern const ba_error ba_err_create_user;
extern const ba_error ba_err_create_session;
extern const ba_error ba_err_invalid_email;
extern const ba_error ba_err_credentials;
extern const ba_error ba_err_not_verified;
extern const ba_error ba_err_banned;
extern const ba_error ba_err_get_session;
extern const ba_error ba_err_post_get_session;
extern const ba_error ba_err_not_fresh;
extern const ba_error ba_err_email_update;
extern const ba_error ba_err_missing_field;     /* message names the field */
extern const ba_error ba_err_field_not_allowed; /* the same */
extern const ba_error ba_err_no_fields;
extern const ba_error ba_err_no_credential;
extern const ba_error ba_err_invalid_password;
extern const ba_error ba_err_last_account;
extern const ba_error ba_err_no_account;

extern const ba_error ba_err_sign_in_refused; /* by another module, with reasons of its own */
extern const ba_error ba_err_forbidden; /* of the guard */
extern const ba_error ba_err_reset_disabled;
extern const ba_error ba_err_invalid_token; /* 400; of a link: 401 or a redirect */
extern const ba_error ba_err_link_token;
extern const ba_error ba_err_link_expired;
extern const ba_error ba_err_link_no_user;
extern const ba_error ba_err_link_other_user;
extern const ba_error ba_err_no_user;
extern const ba_error ba_err_verify_disabled;
extern const ba_error ba_err_email_mismatch;
extern const ba_error ba_err_already_verified;
extern const ba_error ba_err_change_email_disabled;
extern const ba_error ba_err_same_email;
extern const ba_error ba_err_change_email_no_mail;
extern const ba_error ba_err_delete_disabled; /* of the link */
extern const ba_error ba_err_delete_no_user;
extern const ba_error ba_err_delete_token;
extern const ba_error ba_err_session_expired;

#endif
