/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Run once on each new connection. WAL lets readers go on while one writes. */

"PRAGMA journal_mode = WAL",
"PRAGMA foreign_keys = ON",
