/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "sink.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAILS 100000

static atomic_int taken[MAILS];
static int listener, port;

/* One conversation; what came of the mail so far. */
typedef struct visit {
    FILE *in, *out;
    int to, known, from, line;
} visit;

static void say(visit *v, const char *words)
{
    fprintf(v->out, "%s\r\n", words);
    fflush(v->out);
}

/* The message up to its last line; counted before that is answered. */
static void take(visit *v)
{
    char text[1024];

    while (fgets(text, sizeof(text), v->in)) {
        v->line |= !strncmp(text, SINK_LINE, strlen(SINK_LINE));
        if (!strcmp(text, ".\r\n")) {
            atomic_int *t = &taken[v->to];

            *t = v->known && v->from && v->line && *t >= 0 ? *t + 1 : -1;
            say(v, "250 taken");
            return;
        }
    }
}

static void answer(visit *v, const char *line)
{
    if (!strncmp(line, "EHLO", 4)) {
        say(v, "250-sink.test\r\n250 AUTH PLAIN");
    }
    else if (!strncmp(line, "AUTH PLAIN", 10)) {
        /* base64 of \0courier\0letters */
        v->known = strstr(line, "AGNvdXJpZXIAbGV0dGVycw==") != NULL;
        say(v, v->known ? "235 known" : "334 ");
    }
    else if (!strcmp(line, "AGNvdXJpZXIAbGV0dGVycw==\r\n")) {
        v->known = 1;
        say(v, "235 known");
    }
    else if (!strncmp(line, "MAIL FROM:", 10)) {
        v->from = strstr(line, "<" SINK_SENDER ">") != NULL;
        say(v, "250 fine");
    }
    else if (!strncmp(line, "RCPT TO:<", 9)) {
        v->to = abs(atoi(line + 9)) % MAILS;
        say(v, "250 fine");
    }
    else if (!strcmp(line, "DATA\r\n")) {
        say(v, "354 go on");
        take(v);
    }
    else {
        say(v, !strcmp(line, "QUIT\r\n") ? "221 bye" : "502 what?");
    }
}

static void *serve(void *data)
{
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        visit v = {.in = fd < 0 ? NULL : fdopen(fd, "r"), .out = fd < 0 ? NULL : fdopen(dup(fd), "w")};
        char line[1024];

        if (!v.in || !v.out) {
            return data;
        }
        say(&v, "220 sink.test");
        while (fgets(line, sizeof(line), v.in)) {
            answer(&v, line);
        }
        fclose(v.in);
        fclose(v.out);
    }
}

int sink_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);
    pthread_t thread;

    if (port) {
        return port;
    }
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, len) || listen(listener, 16)
        || getsockname(listener, (struct sockaddr *)&address, &len)
        || pthread_create(&thread, NULL, serve, NULL) || pthread_detach(thread)) {
        printf("Bail out! no server for mails\n");
        exit(1);
    }
    return port = ntohs(address.sin_port);
}

int sink_taken(int n)
{
    return taken[n % MAILS];
}
