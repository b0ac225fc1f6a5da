/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* With a server over the network that one can do without, and that may hang: as soon as
 * it keeps somebody waiting, everybody else goes without it for a while; then one looks
 * whether it is back. For threads of one process; times are those of ba_steady_ms(). */

#ifndef BA_PATIENCE_H
#define BA_PATIENCE_H

#include "ba_types.h"

/* Longer than it may take. */
#define BA_PATIENCE_MS 500

/* How long nobody asks. */
#define BA_PATIENCE_PAUSE_MS 5000

/* All zero to begin with. */
typedef struct ba_patience {
    apr_uint32_t inside; /* who are asking just now */
    apr_uint32_t since;  /* when it last answered in time, or was first asked */
    apr_uint32_t pause;  /* nobody asks until then; 0: it is well */
} ba_patience;

/* What has changed, for the log. */
typedef enum { BA_PATIENCE_SAME, BA_PATIENCE_LOST, BA_PATIENCE_BACK } ba_patience_news;

/* True: ask, and call ba_patience_leave() then. */
int ba_patience_enter(ba_patience *p, ba_time now, ba_patience_news *news);

ba_patience_news ba_patience_leave(ba_patience *p, ba_time entered, ba_time now);

#endif
