/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_audit.h"

#include "ba_call.h"
#include "ba_meter.h"

void ba_audit(const ba_call *call, ba_event event, ba_fact fact)
{
    const char *line = ba_events[event].line;
    const char *user = fact.user ? fact.user : "-";

    ba_meter_add(call->meter, BA_COUNT_EVENTS + (int)event, 1);
    if (fact.failure) {
        ba_meter_add(call->meter, BA_COUNT_FAILURES + (int)fact.failure, 1);
        fact.reason = ba_failures[fact.failure];
    }
    if (fact.reason) {
        ba_call_log(call, BA_LOG_INFO, 0, "%s (%s), user %s, client %s", line, fact.reason, user,
                    call->client);
    }
    else {
        ba_call_log(call, BA_LOG_INFO, 0, "%s, user %s, client %s", line, user, call->client);
    }
    if (call->ops->audit) {
        call->ops->audit(call, event, &fact);
    }
}
