/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* The numbers of the whole server as OpenMetrics text. */

#ifndef BA_METRICS_H
#define BA_METRICS_H

#include <httpd.h>

#define BA_METRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* Writes every metric, from the first comment to # EOF. Asks the databases how much mail
 * there is; while one does not answer, those metrics have no value. The server must have
 * a site and a meter. */
void ba_metrics_write(request_rec *r);

#endif
