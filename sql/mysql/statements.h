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
    "/*user:u*/ FROM `user` u LEFT JOIN `account` a ON a.`userId` = u.`id`"
    " AND a.`providerId` = 'credential' AND a.`accountId` = u.`id`"
    " WHERE u.`email` = %s",

[BA_SQL_SESSION] =
    "SELECT u.`id`, u.`name`, u.`email`, u.`emailVerified`,"
    " CAST(LEFT(u.`image`, 1024) AS CHAR(1024)), CHAR_LENGTH(u.`image`),"
    " CAST(u.`createdAt` AS CHAR(23)), CAST(u.`updatedAt` AS CHAR(23)),"
    " s.`id`, s.`token`, s.`userId`, CAST(LEFT(s.`ipAddress`, 64) AS CHAR(64)),"
    " CAST(LEFT(s.`userAgent`, 1024) AS CHAR(1024)), CAST(s.`expiresAt` AS CHAR(23)),"
    " CAST(s.`createdAt` AS CHAR(23)), CAST(s.`updatedAt` AS CHAR(23))"
    "/*user:u*//*session:s*/ FROM `session` s JOIN `user` u ON u.`id` = s.`userId` WHERE s.`token` = %s",

[BA_SQL_IMAGE] = "SELECT `image` FROM `user` WHERE `id` = %s",

[BA_SQL_USER_ADD] =
    "INSERT INTO `user` (`id`, `name`, `email`, `emailVerified`, `image`, `createdAt`,"
    " `updatedAt`/*user+*/) VALUES (%s, %s, %s, 0, %s, %s, %s/*user?*/)",

[BA_SQL_ACCOUNT_ADD] =
    "INSERT INTO `account` (`id`, `accountId`, `providerId`, `userId`, `password`, `createdAt`,"
    " `updatedAt`) VALUES (%s, %s, 'credential', %s, %s, %s, %s)",

[BA_SQL_SESSION_ADD] =
    "INSERT INTO `session` (`id`, `expiresAt`, `token`, `createdAt`, `updatedAt`, `ipAddress`,"
    " `userAgent`, `userId`/*session+*/) VALUES (%s, %s, %s, %s, %s, %s, %s, %s/*session?*/)",

[BA_SQL_SESSION_EXTEND] =
    "UPDATE `session` SET `expiresAt` = %s, `updatedAt` = %s"
    " WHERE `token` = %s AND `expiresAt` = %s",

[BA_SQL_SESSION_UPDATE] =
    "UPDATE `session` SET `updatedAt` = %s/*session=*/ WHERE `token` = %s",

[BA_SQL_SESSION_DELETE] = "DELETE FROM `session` WHERE `token` = %s",

[BA_SQL_PASSWORD_RENEW] =
    "UPDATE `account` SET `password` = %s, `updatedAt` = %s"
    " WHERE `userId` = %s AND `providerId` = 'credential' AND `password` = %s",

[BA_SQL_SESSIONS] =
    "SELECT `id`, `token`, `userId`, CAST(LEFT(`ipAddress`, 64) AS CHAR(64)),"
    " CAST(LEFT(`userAgent`, 1024) AS CHAR(1024)), CAST(`expiresAt` AS CHAR(23)),"
    " CAST(`createdAt` AS CHAR(23)), CAST(`updatedAt` AS CHAR(23))"
    "/*session:*/ FROM `session` WHERE `userId` = %s AND `expiresAt` > %s ORDER BY `createdAt` DESC LIMIT 100",

[BA_SQL_SESSIONS_DELETE] = "DELETE FROM `session` WHERE `userId` = %s",

[BA_SQL_SESSIONS_DELETE_OTHER] = "DELETE FROM `session` WHERE `userId` = %s AND `id` <> %s",

/* all of a user's but the new one: those over, and those with too many newer ones */
[BA_SQL_SESSIONS_TRIM] =
    "DELETE FROM `session` WHERE `userId` = %s AND `id` IN (SELECT t.`id` FROM (SELECT o.`id`"
    " FROM `session` o WHERE o.`userId` = %s AND o.`id` <> %s AND (o.`expiresAt` <= %s OR"
    " (SELECT COUNT(n.`id`) FROM `session` n WHERE n.`userId` = o.`userId` AND n.`id` <> %s"
    " AND n.`expiresAt` > %s AND (n.`createdAt` > o.`createdAt`"
    " OR (n.`createdAt` = o.`createdAt` AND n.`id` > o.`id`))) >= CAST(%s AS UNSIGNED))) t)",

[BA_SQL_USER_UPDATE] =
    "UPDATE `user` SET `name` = COALESCE(%s, `name`),"
    " `image` = CASE WHEN %s = 'keep' THEN `image` ELSE %s END, `updatedAt` = %s/*user=*/ WHERE `id` = %s",

[BA_SQL_PASSWORD] =
    "SELECT CAST(LEFT(`password`, 512) AS CHAR(512)) FROM `account`"
    " WHERE `userId` = %s AND `providerId` = 'credential' AND `accountId` = `userId`",

[BA_SQL_ACCOUNTS] =
    "SELECT `id`, CAST(LEFT(`accountId`, 255) AS CHAR(255)),"
    " CAST(LEFT(`providerId`, 255) AS CHAR(255)), `userId`,"
    " CAST(LEFT(`scope`, 2048) AS CHAR(2048)), CAST(`createdAt` AS CHAR(23)),"
    " CAST(`updatedAt` AS CHAR(23)) FROM `account` WHERE `userId` = %s LIMIT 100",

[BA_SQL_USER_LOCK] = "SELECT `id` FROM `user` WHERE `id` = %s FOR UPDATE",

[BA_SQL_ACCOUNT_DELETE] = "DELETE FROM `account` WHERE `userId` = %s AND `id` = %s",

[BA_SQL_USER] =
    "SELECT `id`, `name`, `email`, `emailVerified`,"
    " CAST(LEFT(`image`, 1024) AS CHAR(1024)), CHAR_LENGTH(`image`),"
    " CAST(`createdAt` AS CHAR(23)), CAST(`updatedAt` AS CHAR(23))/*user:*/ FROM `user` WHERE `id` = %s",

[BA_SQL_USER_VERIFY] =
    "UPDATE `user` SET `emailVerified` = 1, `updatedAt` = %s WHERE `id` = %s AND `email` = %s",

[BA_SQL_USER_EMAIL] =
    "UPDATE `user` SET `email` = %s, `emailVerified` = %s, `updatedAt` = %s"
    " WHERE `id` = %s AND `email` = %s",

[BA_SQL_USER_DELETE] = "DELETE FROM `user` WHERE `id` = %s",

[BA_SQL_ACCOUNTS_DELETE] = "DELETE FROM `account` WHERE `userId` = %s",

[BA_SQL_PASSWORD_SET] =
    "UPDATE `account` SET `password` = %s, `updatedAt` = %s"
    " WHERE `userId` = %s AND `providerId` = 'credential'"
    " AND `accountId` = `userId`",

[BA_SQL_VERIFICATION_ADD] =
    "INSERT INTO `verification` (`id`, `identifier`, `value`, `expiresAt`, `createdAt`,"
    " `updatedAt`) VALUES (%s, %s, %s, %s, %s, %s)",

[BA_SQL_VERIFICATION] =
    "SELECT `id`, `identifier`, CAST(LEFT(`value`, 255) AS CHAR(255)),"
    " CAST(`expiresAt` AS CHAR(23)), CAST(`createdAt` AS CHAR(23)) FROM `verification`"
    " WHERE `identifier` = %s ORDER BY `createdAt` DESC LIMIT 10",

[BA_SQL_VERIFICATION_CLAIM] = "DELETE FROM `verification` WHERE `id` = %s",

[BA_SQL_MAIL_ADD] =
    "INSERT INTO `ba_mail` (`id`, `site`, `sender`, `recipient`, `message`, `createdAt`, `dueAt`,"
    " `attempts`) SELECT %s, %s, %s, %s, %s, %s, %s, 0 FROM DUAL WHERE"
    " (SELECT COUNT(`id`) FROM `ba_mail` WHERE `recipient` = %s AND `createdAt` > %s)"
    " < CAST(%s AS SIGNED)",

/* ---- the outbox and the sweeper */

[BA_SQL_MAIL_DUE] =
    "SELECT `id`, CAST(`dueAt` AS CHAR(23)), `attempts`, CAST(`createdAt` AS CHAR(23))"
    " FROM `ba_mail` WHERE (`dueAt` <= %s OR `dueAt` > %s) AND (`site` = %s OR `dueAt` <= %s)"
    " ORDER BY `dueAt` LIMIT 8",

[BA_SQL_MAIL_CLAIM] =
    "UPDATE `ba_mail` SET `dueAt` = %s, `attempts` = `attempts` + 1"
    " WHERE `id` = %s AND `dueAt` = %s",

[BA_SQL_MAIL_MESSAGE] = "SELECT `sender`, `recipient`, `message` FROM `ba_mail` WHERE `id` = %s",

[BA_SQL_MAIL_SENT] =
    "UPDATE `ba_mail` SET `sentAt` = %s, `dueAt` = NULL, `message` = '', `lastError` = NULL"
    " WHERE `id` = %s",

[BA_SQL_MAIL_LATER] =
    "UPDATE `ba_mail` SET `dueAt` = %s, `attempts` = %s, `lastError` = %s"
    " WHERE `id` = %s AND `dueAt` = %s",

[BA_SQL_MAIL_GIVE_UP] =
    "UPDATE `ba_mail` SET `dueAt` = NULL, `message` = '', `lastError` = %s"
    " WHERE `id` = %s AND `dueAt` = %s",

[BA_SQL_MAIL_QUEUE] =
    "SELECT COUNT(`id`), CAST(MIN(`createdAt`) AS CHAR(23)) FROM `ba_mail`"
    " WHERE `dueAt` IS NOT NULL",

/* The next 500 rows after a key: the last key of them, and the oldest date. Better
 * Auth's tables have no index by date, and get none from us. */
[BA_SQL_SESSION_SWEEP_LOOK] =
    "SELECT MAX(x.`id`), CAST(MIN(x.`expiresAt`) AS CHAR(23)) FROM (SELECT `id`, `expiresAt`"
    " FROM `session` WHERE `id` > %s ORDER BY `id` LIMIT 500) x",

[BA_SQL_SESSION_SWEEP] =
    "DELETE FROM `session` WHERE `id` > %s AND `id` <= %s AND `expiresAt` < %s",

[BA_SQL_VERIFICATION_SWEEP_LOOK] =
    "SELECT MAX(x.`id`), CAST(MIN(x.`expiresAt`) AS CHAR(23)) FROM (SELECT `id`, `expiresAt`"
    " FROM `verification` WHERE `id` > %s ORDER BY `id` LIMIT 500) x",

[BA_SQL_VERIFICATION_SWEEP] =
    "DELETE FROM `verification` WHERE `id` > %s AND `id` <= %s AND `expiresAt` < %s",

[BA_SQL_MAIL_SWEEP_LOOK] =
    "SELECT MAX(x.`id`), CAST(MIN(x.`createdAt`) AS CHAR(23)) FROM (SELECT `id`, `createdAt`"
    " FROM `ba_mail` WHERE `id` > %s ORDER BY `id` LIMIT 500) x",

/* sent, or given up and kept a while longer for the operator */
[BA_SQL_MAIL_SWEEP] =
    "DELETE FROM `ba_mail` WHERE `id` > %s AND `id` <= %s AND `dueAt` IS NULL"
    " AND (`sentAt` < %s OR `createdAt` < %s)",

/* ---- what betterauthctl asks */

[BA_SQL_USERS] =
    "SELECT u.`id`, u.`name`, u.`email`, u.`emailVerified`,"
    " CAST(LEFT(u.`image`, 1024) AS CHAR(1024)), CHAR_LENGTH(u.`image`),"
    " CAST(u.`createdAt` AS CHAR(23)), CAST(u.`updatedAt` AS CHAR(23)),"
    " CAST(LEFT(a.`password`, 512) AS CHAR(512))"
    "/*user:u*/ FROM `user` u LEFT JOIN `account` a ON a.`userId` = u.`id`"
    " AND a.`providerId` = 'credential' AND a.`accountId` = u.`id`"
    " WHERE u.`email` > %s ORDER BY u.`email` LIMIT 200",

[BA_SQL_SESSION_OF] = "SELECT `token`, `userId` FROM `session` WHERE `id` = %s",

[BA_SQL_SESSIONS_ALL] =
    "SELECT s.`id`, s.`token`, s.`userId`, CAST(LEFT(s.`ipAddress`, 64) AS CHAR(64)),"
    " CAST(LEFT(s.`userAgent`, 1024) AS CHAR(1024)), CAST(s.`expiresAt` AS CHAR(23)),"
    " CAST(s.`createdAt` AS CHAR(23)), CAST(s.`updatedAt` AS CHAR(23)), u.`email`"
    " FROM `session` s JOIN `user` u ON u.`id` = s.`userId`"
    " WHERE s.`id` > %s ORDER BY s.`id` LIMIT 200",

[BA_SQL_MAILS_WAITING] =
    "SELECT `id`, `site`, `recipient`, CAST(`createdAt` AS CHAR(23)), CAST(`dueAt` AS CHAR(23)),"
    " `attempts`, `lastError` FROM `ba_mail` WHERE `id` > %s AND `sentAt` IS NULL"
    " ORDER BY `id` LIMIT 200",

/* not those that have not failed yet: somebody may be sending them just now */
[BA_SQL_MAIL_RETRY] =
    "UPDATE `ba_mail` SET `dueAt` = %s WHERE `id` = %s AND `dueAt` IS NOT NULL"
    " AND `lastError` IS NOT NULL",
