/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Preloaded into httpd by t/faults/run. While the file that BA_NO_ENTROPY names is there, there is no chance: it says
 * "library", and OpenSSL refuses, or "kernel", and its sources do. Each refusal is a byte in a file beside it. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static int real_open(const char *path, int flags, int mode)
{
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static int refuses(const char *who)
{
    const char *path = getenv("BA_NO_ENTROPY");
    char said[16] = "", count[512];
    int fd = path ? real_open(path, O_RDONLY | O_CLOEXEC, 0) : -1;
    ssize_t n;

    if (fd < 0) {
        return 0;
    }
    n = read(fd, said, sizeof(said) - 1);
    close(fd);
    if (n <= 0 || strcmp(said, who)) {
        return 0;
    }
    snprintf(count, sizeof(count), "%s.%s", path, who);
    fd = real_open(count, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) {
        n = write(fd, ".", 1);
        close(fd);
    }
    return 1;
}

int RAND_bytes(unsigned char *out, int n);
int RAND_bytes(unsigned char *out, int n)
{
    int (*next)(unsigned char *, int);

    if (refuses("library")) {
        return 0;
    }
    *(void **)&next = dlsym(RTLD_NEXT, "RAND_bytes");
    return next ? next(out, n) : 0;
}

int getentropy(void *out, size_t n);
int getentropy(void *out, size_t n)
{
    int (*next)(void *, size_t);

    if (refuses("kernel")) {
        errno = EIO;
        return -1;
    }
    *(void **)&next = dlsym(RTLD_NEXT, "getentropy");
    return next(out, n);
}

ssize_t getrandom(void *out, size_t n, unsigned flags);
ssize_t getrandom(void *out, size_t n, unsigned flags)
{
    if (refuses("kernel")) {
        errno = EIO;
        return -1;
    }
    return syscall(SYS_getrandom, out, n, flags);
}

static int open_it(const char *path, int flags, int mode)
{
    if ((!strcmp(path, "/dev/urandom") || !strcmp(path, "/dev/random")) && refuses("kernel")) {
        errno = EIO;
        return -1;
    }
    return real_open(path, flags, mode);
}

#define OPEN(name, more)                                                                          \
    int name(const char *path, int flags, ...);                                                   \
    int name(const char *path, int flags, ...)                                                    \
    {                                                                                             \
        va_list args;                                                                             \
        int mode;                                                                                 \
                                                                                                  \
        va_start(args, flags);                                                                    \
        mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, int) : 0;                             \
        va_end(args);                                                                             \
        return open_it(path, flags | (more), mode);                                               \
    }

OPEN(open, 0)
OPEN(open64, O_LARGEFILE)
