/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Lets one call out of the core fail: of the database, OpenSSL, argon2, libunistring,
 * libcurl, the kernel (ld's --wrap), and each allocation of jansson, OpenSSL and libcurl. */

#ifndef FAULT_H
#define FAULT_H

typedef enum {
    FAULT_ONCE,  /* that call fails */
    FAULT_ON,    /* and each later one */
    FAULT_AFTER, /* that call does its work and its answer is lost; the database's, a mail's */
    FAULT_DIE,   /* the process ends there, as httpd's child where a pool finds no memory */
    FAULT_MODES
} fault_mode;

extern const char *const fault_modes[FAULT_MODES];

/* Exit status of FAULT_DIE. */
#define FAULT_DEAD 77

/* Before anybody else allocates. */
void fault_init(void);

/* The n-th call from now on, counted from 1. */
void fault_arm(fault_mode mode, int n);

/* The name of the call that failed; NULL: there were fewer. */
const char *fault_disarm(void);

/* For what is no wrapped function, such as a cache of the test's own: is it now? */
int fault_here(const char *name);

/* Blocks of jansson's that are not freed; of libcurl's. */
int fault_json_blocks(void);
int fault_curl_blocks(void);

#endif
