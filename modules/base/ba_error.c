/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_error.h"

#include <stddef.h>

const ba_error ba_err_not_found = {404, NULL, NULL};
const ba_error ba_err_unauthorized = {401, "UNAUTHORIZED", "Unauthorized"};
const ba_error ba_err_bad_json = {400, "BAD_REQUEST", "Invalid JSON in request body"};
const ba_error ba_err_validation = {400, "VALIDATION_ERROR", "Invalid input"};
const ba_error ba_err_media_type = {415, "UNSUPPORTED_MEDIA_TYPE", "Unsupported Content-Type"};
const ba_error ba_err_too_large = {413, "PAYLOAD_TOO_LARGE", "Request body too large"};
const ba_error ba_err_internal = {500, NULL, NULL};
const ba_error ba_err_unavailable = {503, "SERVICE_UNAVAILABLE",
                                     "Service temporarily unavailable. Please try again later."};
const ba_error ba_err_busy = {503, "SERVER_BUSY",
                              "Too many sign-ins at the moment. Please try again later."};
const ba_error ba_err_too_many = {429, NULL, "Too many requests. Please try again later."};

const ba_error ba_err_missing_origin = {403, "MISSING_OR_NULL_ORIGIN", "Missing or null Origin"};
const ba_error ba_err_invalid_origin = {403, "INVALID_ORIGIN", "Invalid origin"};
const ba_error ba_err_cross_site = {
    403, "CROSS_SITE_NAVIGATION_LOGIN_BLOCKED",
    "Cross-site navigation login blocked. This request appears to be a CSRF attack."};
const ba_error ba_err_url_type = {400, NULL, "Invalid URL: expected a string"};
const ba_error ba_err_callback_url = {403, "INVALID_CALLBACK_URL", "Invalid callbackURL"};
const ba_error ba_err_redirect_url = {403, "INVALID_REDIRECT_URL", "Invalid redirectURL"};
const ba_error ba_err_error_callback_url = {403, "INVALID_ERROR_CALLBACK_URL",
                                            "Invalid errorCallbackURL"};
const ba_error ba_err_new_user_callback_url = {403, "INVALID_NEW_USER_CALLBACK_URL",
                                               "Invalid newUserCallbackURL"};

const ba_error ba_err_password_disabled = {400, "EMAIL_PASSWORD_DISABLED",
                                           "Email and password is not enabled"};
const ba_error ba_err_sign_up_disabled = {400, "EMAIL_PASSWORD_SIGN_UP_DISABLED",
                                          "Email and password sign up is not enabled"};
const ba_error ba_err_password_short = {400, "PASSWORD_TOO_SHORT", "Password too short"};
const ba_error ba_err_password_long = {400, "PASSWORD_TOO_LONG", "Password too long"};
/* as Better Auth's plugin says it that asks haveibeenpwned.com */
const ba_error ba_err_password_listed = {
    400, "PASSWORD_COMPROMISED",
    "The password you entered has been compromised. Please choose a different password."};
const ba_error ba_err_user_exists = {422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL",
                                     "User already exists. Use another email."};
const ba_error ba_err_create_user = {422, "FAILED_TO_CREATE_USER", "Failed to create user"};
const ba_error ba_err_create_session = {401, "FAILED_TO_CREATE_SESSION",
                                        "Failed to create session"};
const ba_error ba_err_invalid_email = {400, "INVALID_EMAIL", "Invalid email"};
const ba_error ba_err_credentials = {401, "INVALID_EMAIL_OR_PASSWORD",
                                     "Invalid email or password"};
const ba_error ba_err_not_verified = {403, "EMAIL_NOT_VERIFIED", "Email not verified"};
const ba_error ba_err_banned = {403, "BANNED_USER",
                                "You have been banned from this application. Please contact "
                                "support if you believe this is an error."};
const ba_error ba_err_get_session = {401, "FAILED_TO_GET_SESSION", "Failed to get session"};
const ba_error ba_err_post_get_session = {
    405, "METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED",
    "POST method requires deferSessionRefresh to be enabled in session config"};

const ba_error ba_err_not_fresh = {403, "SESSION_NOT_FRESH", "Session is not fresh"};
const ba_error ba_err_email_update = {400, "EMAIL_CAN_NOT_BE_UPDATED", "Email can not be updated"};
const ba_error ba_err_missing_field = {400, "MISSING_FIELD", "A field is required"};
const ba_error ba_err_field_not_allowed = {400, "FIELD_NOT_ALLOWED",
                                           "A field is not allowed to be set"};
const ba_error ba_err_no_fields = {400, NULL, "No fields to update"};
const ba_error ba_err_no_credential = {400, "CREDENTIAL_ACCOUNT_NOT_FOUND",
                                       "Credential account not found"};
const ba_error ba_err_invalid_password = {400, "INVALID_PASSWORD", "Invalid password"};
const ba_error ba_err_last_account = {400, "FAILED_TO_UNLINK_LAST_ACCOUNT",
                                      "You can't unlink your last account"};
const ba_error ba_err_no_account = {400, "ACCOUNT_NOT_FOUND", "Account not found"};

const ba_error ba_err_reset_disabled = {400, "RESET_PASSWORD_DISABLED",
                                        "Reset password isn't enabled"};
const ba_error ba_err_invalid_token = {400, "INVALID_TOKEN", "Invalid token"};
const ba_error ba_err_link_token = {401, "INVALID_TOKEN", "Invalid token"};
const ba_error ba_err_link_expired = {401, "TOKEN_EXPIRED", "Token expired"};
const ba_error ba_err_link_no_user = {401, "USER_NOT_FOUND", "User not found"};
const ba_error ba_err_link_other_user = {401, "INVALID_USER", "Invalid user"};
const ba_error ba_err_no_user = {400, "USER_NOT_FOUND", "User not found"};
const ba_error ba_err_verify_disabled = {400, "VERIFICATION_EMAIL_NOT_ENABLED",
                                         "Verification email isn't enabled"};
const ba_error ba_err_email_mismatch = {400, "EMAIL_MISMATCH", "Email mismatch"};
const ba_error ba_err_already_verified = {400, "EMAIL_ALREADY_VERIFIED",
                                          "Email is already verified"};
const ba_error ba_err_change_email_disabled = {400, "CHANGE_EMAIL_DISABLED",
                                               "Change email is disabled"};
const ba_error ba_err_same_email = {400, NULL, "Email is the same"};
const ba_error ba_err_change_email_no_mail = {400, NULL, "Verification email isn't enabled"};
const ba_error ba_err_delete_disabled = {404, "NOT_FOUND", "Not found"};
const ba_error ba_err_delete_no_user = {404, "FAILED_TO_GET_USER_INFO", "Failed to get user info"};
const ba_error ba_err_delete_token = {404, "INVALID_TOKEN", "Invalid token"};
const ba_error ba_err_session_expired = {
    400, "SESSION_EXPIRED", "Session expired. Re-authenticate to perform this action."};

const ba_error ba_err_sign_in_refused = {403, "SIGN_IN_REFUSED", "You may not sign in."};
const ba_error ba_err_forbidden = {403, "FORBIDDEN", "You are not allowed to do this"};
