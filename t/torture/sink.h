/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* An SMTP server in a thread of this process. It takes mails from SINK_SENDER for
 * "<n>@sink.test" by SINK_USER with SINK_PASSWORD; it has no TLS to offer. */

#ifndef SINK_H
#define SINK_H

#define SINK_SENDER "noreply@auth.test"
#define SINK_USER "courier"
#define SINK_PASSWORD "letters"
#define SINK_LINE "What the mail says."

/* Starts it if need be; its port. */
int sink_port(void);

/* How many mails for this n it has taken, all since the start; -1: one of them was not as
 * above, or had no SINK_LINE. */
int sink_taken(int n);

#endif
