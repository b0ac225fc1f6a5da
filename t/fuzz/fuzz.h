/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Readers of what strangers send and of what is stored, each with what must hold whatever
 * the bytes are. replay.c runs them in `make check`, libfuzzer.c and ./run search for more. */

#ifndef FUZZ_H
#define FUZZ_H

#include "ba_call.h"
#include "ba_settings.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUZZ_NOW 1893456000000 /* 2030-01-01 */
#define FUZZ_TOKEN "abcdefghijklmnopqrstuvwxyzABCDEF"
#define FUZZ_HEADERS 8

typedef struct fuzz {
    apr_pool_t *pool;      /* emptied after each input */
    ba_call *call;         /* a new one; it finds its headers below */
    ba_settings *settings; /* as if new */
    ba_bytes data;         /* the input */
    char *text;            /* the same, in a block of its own that ends with a NUL */
    char *rest;            /* for fuzz_line() */
    struct {
        const char *name, *value;
    } headers[FUZZ_HEADERS];
    int header_count;
} fuzz;

typedef struct fuzz_target {
    const char *name; /* of its folder in corpus/, too */
    void (*read)(fuzz *f);
} fuzz_target;

/* All of them, in groups that end with a row without name; the groups end with NULL. */
extern const fuzz_target *const fuzz_groups[];
extern const fuzz_target fuzz_cookies[], fuzz_texts[], fuzz_urls[], fuzz_hashes[], fuzz_tokens[],
    fuzz_mails[], fuzz_imports[];

/* NULL: no target has that name. */
const fuzz_target *fuzz_find(const char *name);

void fuzz_run(const fuzz_target *target, const uint8_t *data, size_t size);

/* Ends the program unless it is true. */
void fuzz_must(int truth, const char *what);

/* The next line of the text, without its end; "" when there is no other. */
char *fuzz_line(fuzz *f);

void fuzz_header(fuzz *f, const char *name, const char *value);

#endif
