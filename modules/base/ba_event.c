/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_event.h"

const ba_event_row ba_events[BA_EVENT_COUNT] = {
    [BA_EVENT_SIGN_UP] = {"sign-up", "success", "BA0401: sign-up"},
    [BA_EVENT_SIGN_UP_TAKEN] = {"sign-up-taken", "failure", "BA0402: sign-up for a taken address"},
    [BA_EVENT_SIGN_IN] = {"sign-in", "success", "BA0404: sign-in"},
    [BA_EVENT_SIGN_IN_FAILED] = {"sign-in-failed", "failure", "BA0405: sign-in failed"},
    [BA_EVENT_SIGN_IN_BANNED] = {"sign-in-banned", "denied", "BA0464: sign-in refused"},
    [BA_EVENT_SIGN_IN_REFUSED]
    = {"sign-in-refused", "denied", "BA0350: another module refuses the sign-in"},
    [BA_EVENT_SIGN_IN_UNVERIFIED]
    = {"sign-in-unverified", "denied", "BA0450: sign-in refused, the address is not verified"},
    [BA_EVENT_ACCOUNT_LOCKED] = {"account-locked", "denied", "BA0803: too many wrong passwords"},
    [BA_EVENT_LIMITED] = {"limited", "denied", "BA0802: too many requests"},
    [BA_EVENT_SIGN_OUT] = {"sign-out", "success", "BA0406: sign-out"},
    [BA_EVENT_SESSION_REVOKED] = {"session-revoked", "success", "BA0407: session revoked"},
    [BA_EVENT_SESSIONS_REVOKED] = {"sessions-revoked", "success", "BA0408: sessions revoked"},
    [BA_EVENT_PASSWORD_WRONG]
    = {"password-wrong", "failure", "BA0409: wrong password of a signed-in user"},
    [BA_EVENT_PASSWORD_CHANGED] = {"password-changed", "success", "BA0410: password changed"},
    [BA_EVENT_RESET_REQUESTED]
    = {"reset-requested", "success", "BA0423: password reset requested"},
    [BA_EVENT_RESET_DONE] = {"reset-done", "success", "BA0424: password reset"},
    [BA_EVENT_EMAIL_VERIFIED] = {"email-verified", "success", "BA0442: address verified"},
    [BA_EVENT_EMAIL_CHANGE_REQUESTED]
    = {"email-change-requested", "success", "BA0451: change of address requested"},
    [BA_EVENT_EMAIL_CHANGED] = {"email-changed", "success", "BA0441: address changed"},
    [BA_EVENT_EMAIL_CHANGED_AT_ONCE]
    = {"email-changed-at-once", "success", "BA0443: address changed, the old one was not verified"},
    [BA_EVENT_ACCOUNT_UNLINKED] = {"account-unlinked", "success", "BA0452: account unlinked"},
    [BA_EVENT_USER_DELETED] = {"user-deleted", "success", "BA0431: account deleted"},
    [BA_EVENT_BAN_LIFTED] = {"ban-lifted", "success", "BA0465: ban lifted, its time has passed"},
    [BA_EVENT_MAIL_REFUSED]
    = {"mail-refused", "denied", "BA0701: a mail to somebody who had too many lately is not sent"},
    [BA_EVENT_URL_REFUSED] = {"url-refused", "denied", "BA0501: untrusted URL refused"},
    [BA_EVENT_ORIGIN_REFUSED] = {"origin-refused", "denied", "BA0502: origin refused"},
    [BA_EVENT_STEP_UP] = {"step-up", "denied", "BA0503: the session is not fresh enough"},
};

const char *const ba_failures[BA_FAILURE_COUNT] = {
    [BA_FAILURE_PASSWORD] = "wrong password",
    [BA_FAILURE_ADDRESS] = "unknown address",
    [BA_FAILURE_NO_PASSWORD] = "no password",
};
