/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* The optional functions of mod_betterauth.h: other modules ask who is signed in. */

#ifndef BA_INTERFACE_H
#define BA_INTERFACE_H

void ba_interface_register(void);

#endif
