/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Run once on each new connection. WAL, which lets readers go on while one writes, is a
 * property of the file that step 001 has set; to say it again here fails while another
 * connection recovers the file after a crash. */

"PRAGMA foreign_keys = ON",
/* Milliseconds. The driver waits for a lock when it runs a statement, not when it prepares
 * one; and then for 100 ms at a time, while SQLite itself looks again after one. It does both,
 * so this is for each of the driver's 16 attempts. Whoever opens the file after a crash, or is
 * the last to close it, locks it for a moment. */
"PRAGMA busy_timeout = 300",
