/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* The background task: a watchdog of mod_watchdog in one of the children, which
 * delivers mail and sweeps expired rows. A convenience, not a lock: at times there are
 * two of them or none, on each of several machines, and all comes right in the end. */

#ifndef BA_TASK_H
#define BA_TASK_H

#include <httpd.h>

/* After the sites have been made. */
int ba_task_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s);

void ba_task_child_init(apr_pool_t *pchild, server_rec *s);

/* Tells the task, in whichever child it runs, that a mail is waiting. */
void ba_task_poke(void);

#endif
