/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Can be prepared where a table has a column. The marks stand for table, column and
 * table, since no database takes names as arguments. */

"SELECT `?`.`?` FROM `?` WHERE 1 = 0"
