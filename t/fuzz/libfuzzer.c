/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* BA_FUZZ_TARGET says which target libFuzzer searches. */

#include "fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const fuzz_target *target;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *name = getenv("BA_FUZZ_TARGET");

    (void)argc, (void)argv;
    target = name ? fuzz_find(name) : NULL;
    if (!target) {
        for (int g = 0; fuzz_groups[g]; ++g) {
            for (const fuzz_target *t = fuzz_groups[g]; t->name; ++t) {
                puts(t->name);
            }
        }
        exit(name != NULL);
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_run(target, data, size);
    return 0;
}
