/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Run once on each new connection. WAL, which lets readers go on while one writes, is a
 * property of the file that step 001 has set; to say it again here fails while another
 * connection recovers the file after a crash. */

"PRAGMA foreign_keys = ON",
