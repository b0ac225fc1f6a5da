/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* The handler betterauth-forward: nginx, Traefik, Caddy and Envoy ask here whether a
 * request may pass, and who sends it. 200 lets it through. Require lines of the location
 * have been asked by the guard before. */

#ifndef BA_FORWARD_H
#define BA_FORWARD_H

#include <httpd.h>

int ba_forward_handler(request_rec *r);

#endif
