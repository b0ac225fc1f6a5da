/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* A machine with a few control groups in a folder; processors as they are. */

#include "ba_cpus.h"
#include "fixture.h"

#include <apr_file_io.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#define GROUPS "/sys/fs/cgroup"

typedef struct machine {
    apr_pool_t *pool;
    char *root;
    int processors; /* that this process may run on */
} machine;

static int setup(void **state)
{
    static char template[] = "/tmp/ba-cpus-XXXXXX";
    apr_pool_t *pool;
    machine *m;
    cpu_set_t set;

    if (apr_initialize() != APR_SUCCESS || apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        return -1;
    }
    m = apr_pcalloc(pool, sizeof(*m));
    m->pool = pool;
    m->root = mkdtemp(apr_pstrdup(pool, template));
    if (!m->root || sched_getaffinity(0, sizeof(set), &set) != 0) {
        return -1;
    }
    m->processors = CPU_COUNT(&set);
    *state = m;
    return 0;
}

static int teardown(void **state)
{
    machine *m = *state;
    int left = system(apr_pstrcat(m->pool, "rm -r '", m->root, "'", NULL));

    apr_pool_destroy(m->pool);
    apr_terminate();
    return left;
}

static void put(machine *m, const char *path, const char *text)
{
    char *file = apr_pstrcat(m->pool, m->root, path, NULL);
    char *folder = apr_pstrndup(m->pool, file, (apr_size_t)(strrchr(file, '/') - file));
    apr_file_t *out;

    assert_int_equal(apr_dir_make_recursive(folder, APR_FPROT_OS_DEFAULT, m->pool), APR_SUCCESS);
    assert_int_equal(apr_file_open(&out, file,
                                   APR_FOPEN_WRITE | APR_FOPEN_CREATE | APR_FOPEN_TRUNCATE,
                                   APR_FPROT_OS_DEFAULT, m->pool),
                     APR_SUCCESS);
    assert_true(apr_file_puts(text, out) >= 0);
    apr_file_close(out);
}

/* With so many by quota; affinity may say less. */
static void assert_cpus(machine *m, int quota)
{
    assert_int_equal(ba_cpus_usable(m->root, m->pool),
                     quota < m->processors ? quota : m->processors);
}

#define UNBOUND 1000000

static void without_groups(void **state)
{
    assert_cpus(*state, UNBOUND);
}

static void affinity_counts(void **state)
{
    machine *m = *state;
    cpu_set_t all, one;

    assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && !CPU_COUNT(&one); ++i) {
        if (CPU_ISSET(i, &all)) {
            CPU_SET(i, &one);
        }
    }
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    assert_int_equal(ba_cpus_usable(m->root, m->pool), 1);
    assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
    assert_int_equal(ba_cpus_usable(m->root, m->pool), m->processors);
}

static void version_2(void **state)
{
    machine *m = *state;

    put(m, "/proc/self/cgroup", "0::/system.slice/apache2.service\n");
    put(m, GROUPS "/system.slice/apache2.service/cpu.max", "max 100000\n");
    assert_cpus(m, UNBOUND);
    put(m, GROUPS "/system.slice/apache2.service/cpu.max", "50000 100000\n");
    assert_cpus(m, 1);
    put(m, GROUPS "/system.slice/apache2.service/cpu.max", "110000 100000\n");
    assert_cpus(m, 2);
    put(m, GROUPS "/system.slice/apache2.service/cpu.max", "200000 100000\n");
    assert_cpus(m, 2);
}

/* The group above may have less. */
static void the_smallest_of_all_levels(void **state)
{
    machine *m = *state;

    put(m, "/proc/self/cgroup", "0::/a/b/c\n");
    put(m, GROUPS "/a/b/c/cpu.max", "900000 100000\n");
    put(m, GROUPS "/a/cpu.max", "100000 100000\n");
    assert_cpus(m, 1);
    put(m, GROUPS "/a/cpu.max", "max 100000\n");
    assert_cpus(m, 9);
}

/* The path is that of the machine outside; what is mounted is the container's own. */
static void in_a_container(void **state)
{
    machine *m = *state;

    put(m, "/proc/self/cgroup", "0::/docker/0123456789abcdef\n");
    put(m, GROUPS "/cpu.max", "20000 10000\n");
    assert_cpus(m, 2);
    put(m, GROUPS "/cpu.max", "10000 10000\n");
    assert_cpus(m, 1);
    put(m, "/proc/self/cgroup", "0::/\n");
    assert_cpus(m, 1);
}

static void version_1(void **state)
{
    machine *m = *state;

    put(m, "/proc/self/cgroup",
        "5:cpuset:/x\n4:cpu,cpuacct:/docker/abc\n3:memory:/x\n1:name=systemd:/x\n0::/\n");
    put(m, GROUPS "/cpuset/x/cpu.cfs_quota_us", "1000\n"); /* is not asked */
    put(m, GROUPS "/cpuset/x/cpu.cfs_period_us", "100000\n");
    put(m, GROUPS "/cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "-1\n");
    put(m, GROUPS "/cpu,cpuacct/docker/abc/cpu.cfs_period_us", "100000\n");
    assert_cpus(m, UNBOUND);
    put(m, GROUPS "/cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "99999\n");
    assert_cpus(m, 1);
    put(m, GROUPS "/cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "100001\n");
    assert_cpus(m, 2);
    put(m, GROUPS "/cpu,cpuacct/cpu.cfs_quota_us", "5000\n");
    put(m, GROUPS "/cpu,cpuacct/cpu.cfs_period_us", "5000\n");
    assert_cpus(m, 1);
}

static void nonsense_bounds_nothing(void **state)
{
    static const char *const texts[] = {"", "\n", "x", "0 0\n", "-5 100000\n", "1 0\n",
                                        "9223372036854775807 1\n"};
    machine *m = *state;

    put(m, "/proc/self/cgroup", "0::/../../../../../..\nno colon\n:\n::\n\n");
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); ++i) {
        put(m, GROUPS "/cpu.max", texts[i]);
        assert_cpus(m, UNBOUND);
    }
}

#define MACHINE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        MACHINE_TEST(without_groups),
        MACHINE_TEST(affinity_counts),
        MACHINE_TEST(version_2),
        MACHINE_TEST(the_smallest_of_all_levels),
        MACHINE_TEST(in_a_container),
        MACHINE_TEST(version_1),
        MACHINE_TEST(nonsense_bounds_nothing),
    };

    return cmocka_run_group_tests_name("cpus", tests, NULL, NULL);
}
