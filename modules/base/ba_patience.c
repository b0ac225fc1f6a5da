/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_patience.h"

#include <apr_atomic.h>

/* Never 0, which is no pause; wraps after seven weeks. */
static apr_uint32_t end_of_pause(apr_uint32_t now)
{
    return (now + BA_PATIENCE_PAUSE_MS) | 1;
}

static int is_before(apr_uint32_t a, apr_uint32_t b)
{
    return (apr_int32_t)(a - b) < 0;
}

static ba_patience_news lose(ba_patience *p, apr_uint32_t now)
{
    return apr_atomic_cas32(&p->pause, end_of_pause(now), 0) == 0 ? BA_PATIENCE_LOST
                                                                   : BA_PATIENCE_SAME;
}

/* In a pause: one may look, when it is over and nobody waits any more. */
static int may_look(ba_patience *p, apr_uint32_t pause, apr_uint32_t now)
{
    return !is_before(now, pause) && apr_atomic_read32(&p->inside) == 0
           && apr_atomic_cas32(&p->pause, end_of_pause(now), pause) == pause;
}

int ba_patience_enter(ba_patience *p, ba_time time, ba_patience_news *news)
{
    apr_uint32_t now = (apr_uint32_t)time;
    apr_uint32_t pause = apr_atomic_read32(&p->pause);

    *news = BA_PATIENCE_SAME;
    if (pause && !may_look(p, pause, now)) {
        return 0;
    }
    if (!pause && apr_atomic_read32(&p->inside)
        && is_before(apr_atomic_read32(&p->since) + BA_PATIENCE_MS, now)) {
        *news = lose(p, now);
        return 0;
    }
    if (apr_atomic_inc32(&p->inside) == 0) {
        apr_atomic_set32(&p->since, now);
    }
    return 1;
}

ba_patience_news ba_patience_leave(ba_patience *p, ba_time entered, ba_time now)
{
    apr_uint32_t pause = apr_atomic_read32(&p->pause);

    apr_atomic_dec32(&p->inside);
    if (now - entered > BA_PATIENCE_MS) {
        return lose(p, (apr_uint32_t)now);
    }
    apr_atomic_set32(&p->since, (apr_uint32_t)now);
    return pause && apr_atomic_cas32(&p->pause, 0, pause) == pause ? BA_PATIENCE_BACK
                                                                    : BA_PATIENCE_SAME;
}
