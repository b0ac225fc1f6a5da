/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Run once on each new connection. Strict mode refuses what it would cut
 * (security.md IN-6); time_zone stays alone: a Better Auth server on the same
 * tables does not change it either (http-api 1.3). */

"SET NAMES utf8mb4",
"SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO'",
"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
