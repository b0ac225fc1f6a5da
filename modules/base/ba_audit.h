/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Tells what somebody has done: to the error log, at level info, to the audit log and to
 * the meter. */

#ifndef BA_AUDIT_H
#define BA_AUDIT_H

#include "ba_event.h"

struct ba_call;

void ba_audit(const struct ba_call *call, ba_event event, ba_fact fact);

#endif
