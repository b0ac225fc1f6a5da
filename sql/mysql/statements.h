/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* MySQL's statements, one row per id of ba_db.h; included once, by ba_db.c.
 *
 * apr_dbd_mysql sizes its result buffers by the columns' declared length, and a
 * TEXT column counts 262 KB: so each is cut to what we need. Dates come as text
 * and no clock function is used (http-api 1.3). */

[BA_SQL_BEGIN] = "START TRANSACTION",
[BA_SQL_COMMIT] = "COMMIT",
[BA_SQL_ROLLBACK] = "ROLLBACK",

[BA_SQL_LOGIN] =
    "SELECT u.`id`, u.`name`, u.`email`, u.`emailVerified`,"
    " CAST(LEFT(u.`image`, 1024) AS CHAR(1024)), CHAR_LENGTH(u.`image`),"
    " CAST(u.`createdAt` AS CHAR(23)), CAST(u.`updatedAt` AS CHAR(23)),"
    " CAST(LEFT(a.`password`, 512) AS CHAR(512))"
    " FROM `user` u LEFT JOIN `account` a ON a.`userId` = u.`id`"
    " AND a.`providerId` = 'credential' AND a.`accountId` = u.`id`"
    " WHERE u.`email` = %s",

[BA_SQL_SESSION] =
    "SELECT u.`id`, u.`name`, u.`email`, u.`emailVerified`,"
    " CAST(LEFT(u.`image`, 1024) AS CHAR(1024)), CHAR_LENGTH(u.`image`),"
    " CAST(u.`createdAt` AS CHAR(23)), CAST(u.`updatedAt` AS CHAR(23)),"
    " s.`id`, s.`token`, s.`userId`, CAST(LEFT(s.`ipAddress`, 64) AS CHAR(64)),"
    " CAST(LEFT(s.`userAgent`, 1024) AS CHAR(1024)), CAST(s.`expiresAt` AS CHAR(23)),"
    " CAST(s.`createdAt` AS CHAR(23)), CAST(s.`updatedAt` AS CHAR(23))"
    " FROM `session` s JOIN `user` u ON u.`id` = s.`userId` WHERE s.`token` = %s",

[BA_SQL_IMAGE] = "SELECT `image` FROM `user` WHERE `id` = %s",

[BA_SQL_USER_ADD] =
    "INSERT INTO `user` (`id`, `name`, `email`, `emailVerified`, `image`, `createdAt`,"
    " `updatedAt`) VALUES (%s, %s, %s, 0, %s, %s, %s)",

[BA_SQL_ACCOUNT_ADD] =
    "INSERT INTO `account` (`id`, `accountId`, `providerId`, `userId`, `password`, `createdAt`,"
    " `updatedAt`) VALUES (%s, %s, 'credential', %s, %s, %s, %s)",

[BA_SQL_SESSION_ADD] =
    "INSERT INTO `session` (`id`, `expiresAt`, `token`, `createdAt`, `updatedAt`, `ipAddress`,"
    " `userAgent`, `userId`) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",

[BA_SQL_SESSION_EXTEND] =
    "UPDATE `session` SET `expiresAt` = %s, `updatedAt` = %s"
    " WHERE `token` = %s AND `expiresAt` = %s",

[BA_SQL_SESSION_DELETE] = "DELETE FROM `session` WHERE `token` = %s",

[BA_SQL_PASSWORD_RENEW] =
    "UPDATE `account` SET `password` = %s, `updatedAt` = %s"
    " WHERE `userId` = %s AND `providerId` = 'credential' AND `password` = %s",
