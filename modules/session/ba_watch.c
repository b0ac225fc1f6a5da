/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_watch.h"

#include "ba_session.h"
#include "ba_settings.h"

void ba_watch_begin(ba_watch *watch, const ba_call *call)
{
    const ba_session *session = call->session;

    watch->token = session->token;
    watch->session_id = session->id;
    watch->user_id = session->user_id;
    watch->session_slot = ba_revoke_slot(session->token);
    watch->user_slot = ba_revoke_slot(session->user_id);
    watch->ends_at = ba_session_ends(call->settings, session);
    watch->ask_at = 0;
    ba_watch_note(watch, call->revocations);
}

ba_watch_due ba_watch_look(const ba_watch *watch, const ba_revocations *all, ba_time now)
{
    if (watch->ask_at == 0 || watch->ends_at < now
        || watch->session_count != ba_revoke_count(all, watch->session_slot)
        || watch->user_count != ba_revoke_count(all, watch->user_slot)) {
        return BA_WATCH_URGENT;
    }
    return watch->ask_at <= now || watch->heard_at > now ? BA_WATCH_LOOK : BA_WATCH_IDLE;
}

void ba_watch_note(ba_watch *watch, const ba_revocations *all)
{
    watch->session_count = ba_revoke_count(all, watch->session_slot);
    watch->user_count = ba_revoke_count(all, watch->user_slot);
    watch->ask_at = 0; /* until there is an answer */
}

int ba_watch_heard(ba_watch *watch, const ba_settings *settings, apr_status_t rv,
                   const ba_session *session, ba_time now)
{
    if (rv == APR_NOTFOUND) {
        return 1;
    }
    if (rv == APR_SUCCESS) {
        watch->ends_at = ba_session_ends(settings, session);
        watch->heard_at = now;
        watch->ask_at = now + BA_MS(settings->session_cache.lifetime);
    }
    return watch->ends_at < now;
}
