/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Users from elsewhere, added a batch at a time. Whoever is there already stays as they
 * are, so an import that stopped half-way is run again. */

#ifndef CTL_IMPORT_H
#define CTL_IMPORT_H

#include "ctl.h"

typedef struct ctl_import ctl_import;

/* A user on their way; texts that are NULL are made up. */
typedef struct ctl_incoming {
    const char *id, *email, *name, *image, *hash, *created_at;
    int verified;
    ba_extra *extra; /* NULL: the fallbacks */
} ctl_incoming;

ctl_import *ctl_import_begin(ctl *c);

/* Adds one; line: where it stands, for complaints, 0 for nowhere. CTL_OK also for one that
 * is refused, which has been said. */
int ctl_import_add(ctl_import *i, const ctl_incoming *in, int line);

/* Counts one that is refused, and says why. Answers CTL_OK. */
int ctl_import_refuse(ctl_import *i, int line, const char *why);

/* Adds the rest and says what came of it all. */
int ctl_import_end(ctl_import *i);

#endif
