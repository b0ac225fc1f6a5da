/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* SQLite's statements, one row per id of ba_db.h; included once, by ba_db.c.
 * Dates are ISO text, as Better Auth writes them. */

[BA_SQL_BEGIN] = "BEGIN IMMEDIATE",
[BA_SQL_COMMIT] = "COMMIT",
[BA_SQL_ROLLBACK] = "ROLLBACK",

[BA_SQL_LOGIN] =
    "SELECT u.\"id\", u.\"name\", u.\"email\", u.\"emailVerified\","
    " substr(u.\"image\", 1, 1024), length(u.\"image\"),"
    " u.\"createdAt\", u.\"updatedAt\","
    " substr(a.\"password\", 1, 512)"
    "/*user:u*/ FROM \"user\" u LEFT JOIN \"account\" a ON a.\"userId\" = u.\"id\""
    " AND a.\"providerId\" = 'credential' AND a.\"accountId\" = u.\"id\""
    " WHERE u.\"email\" = %s",

[BA_SQL_SESSION] =
    "SELECT u.\"id\", u.\"name\", u.\"email\", u.\"emailVerified\","
    " substr(u.\"image\", 1, 1024), length(u.\"image\"),"
    " u.\"createdAt\", u.\"updatedAt\","
    " s.\"id\", s.\"token\", s.\"userId\", substr(s.\"ipAddress\", 1, 64),"
    " substr(s.\"userAgent\", 1, 1024), s.\"expiresAt\","
    " s.\"createdAt\", s.\"updatedAt\""
    "/*user:u*//*session:s*/ FROM \"session\" s JOIN \"user\" u ON u.\"id\" = s.\"userId\" WHERE s.\"token\" = %s",

[BA_SQL_IMAGE] = "SELECT \"image\" FROM \"user\" WHERE \"id\" = %s",

[BA_SQL_USER_ADD] =
    "INSERT INTO \"user\" (\"id\", \"name\", \"email\", \"emailVerified\", \"image\", \"createdAt\","
    " \"updatedAt\"/*user+*/) VALUES (%s, %s, %s, 0, %s, %s, %s/*user?*/)",

[BA_SQL_ACCOUNT_ADD] =
    "INSERT INTO \"account\" (\"id\", \"accountId\", \"providerId\", \"userId\", \"password\", \"createdAt\","
    " \"updatedAt\") VALUES (%s, %s, 'credential', %s, %s, %s, %s)",

[BA_SQL_SESSION_ADD] =
    "INSERT INTO \"session\" (\"id\", \"expiresAt\", \"token\", \"createdAt\", \"updatedAt\", \"ipAddress\","
    " \"userAgent\", \"userId\"/*session+*/) VALUES (%s, %s, %s, %s, %s, %s, %s, %s/*session?*/)",

[BA_SQL_SESSION_EXTEND] =
    "UPDATE \"session\" SET \"expiresAt\" = %s, \"updatedAt\" = %s"
    " WHERE \"token\" = %s AND \"expiresAt\" = %s",

[BA_SQL_SESSION_UPDATE] =
    "UPDATE \"session\" SET \"updatedAt\" = %s/*session=*/ WHERE \"token\" = %s",

[BA_SQL_SESSION_DELETE] = "DELETE FROM \"session\" WHERE \"token\" = %s",

[BA_SQL_PASSWORD_RENEW] =
    "UPDATE \"account\" SET \"password\" = %s, \"updatedAt\" = %s"
    " WHERE \"userId\" = %s AND \"providerId\" = 'credential' AND \"password\" = %s",

[BA_SQL_SESSIONS] =
    "SELECT \"id\", \"token\", \"userId\", substr(\"ipAddress\", 1, 64),"
    " substr(\"userAgent\", 1, 1024), \"expiresAt\","
    " \"createdAt\", \"updatedAt\""
    "/*session:*/ FROM \"session\" WHERE \"userId\" = %s AND \"expiresAt\" > %s ORDER BY \"createdAt\" DESC LIMIT 100",

[BA_SQL_SESSIONS_DELETE] = "DELETE FROM \"session\" WHERE \"userId\" = %s",

[BA_SQL_SESSIONS_DELETE_OTHER] = "DELETE FROM \"session\" WHERE \"userId\" = %s AND \"id\" <> %s",

/* all of a user's but the new one: those over, and those with too many newer ones */
[BA_SQL_SESSIONS_TRIM] =
    "DELETE FROM \"session\" WHERE \"userId\" = %s AND \"id\" IN (SELECT t.\"id\" FROM (SELECT o.\"id\""
    " FROM \"session\" o WHERE o.\"userId\" = %s AND o.\"id\" <> %s AND (o.\"expiresAt\" <= %s OR"
    " (SELECT COUNT(n.\"id\") FROM \"session\" n WHERE n.\"userId\" = o.\"userId\" AND n.\"id\" <> %s"
    " AND n.\"expiresAt\" > %s AND (n.\"createdAt\" > o.\"createdAt\""
    " OR (n.\"createdAt\" = o.\"createdAt\" AND n.\"id\" > o.\"id\"))) >= CAST(%s AS INTEGER))) t)",

[BA_SQL_USER_UPDATE] =
    "UPDATE \"user\" SET \"name\" = COALESCE(%s, \"name\"),"
    " \"image\" = CASE WHEN %s = 'keep' THEN \"image\" ELSE %s END, \"updatedAt\" = %s/*user=*/ WHERE \"id\" = %s",

[BA_SQL_PASSWORD] =
    "SELECT substr(\"password\", 1, 512) FROM \"account\""
    " WHERE \"userId\" = %s AND \"providerId\" = 'credential' AND \"accountId\" = \"userId\"",

[BA_SQL_ACCOUNTS] =
    "SELECT \"id\", substr(\"accountId\", 1, 255),"
    " substr(\"providerId\", 1, 255), \"userId\","
    " substr(\"scope\", 1, 2048), \"createdAt\","
    " \"updatedAt\" FROM \"account\" WHERE \"userId\" = %s LIMIT 100",

/* BEGIN IMMEDIATE has locked the database already */
[BA_SQL_USER_LOCK] = "SELECT \"id\" FROM \"user\" WHERE \"id\" = %s",

[BA_SQL_ACCOUNT_DELETE] = "DELETE FROM \"account\" WHERE \"userId\" = %s AND \"id\" = %s",

[BA_SQL_USER] =
    "SELECT \"id\", \"name\", \"email\", \"emailVerified\","
    " substr(\"image\", 1, 1024), length(\"image\"),"
    " \"createdAt\", \"updatedAt\"/*user:*/ FROM \"user\" WHERE \"id\" = %s",

[BA_SQL_USER_VERIFY] =
    "UPDATE \"user\" SET \"emailVerified\" = 1, \"updatedAt\" = %s WHERE \"id\" = %s AND \"email\" = %s",

[BA_SQL_USER_EMAIL] =
    "UPDATE \"user\" SET \"email\" = %s, \"emailVerified\" = %s, \"updatedAt\" = %s"
    " WHERE \"id\" = %s AND \"email\" = %s",

[BA_SQL_USER_DELETE] = "DELETE FROM \"user\" WHERE \"id\" = %s",

[BA_SQL_ACCOUNTS_DELETE] = "DELETE FROM \"account\" WHERE \"userId\" = %s",

[BA_SQL_PASSWORD_SET] =
    "UPDATE \"account\" SET \"password\" = %s, \"updatedAt\" = %s"
    " WHERE \"userId\" = %s AND \"providerId\" = 'credential'"
    " AND \"accountId\" = \"userId\"",

[BA_SQL_VERIFICATION_ADD] =
    "INSERT INTO \"verification\" (\"id\", \"identifier\", \"value\", \"expiresAt\", \"createdAt\","
    " \"updatedAt\") VALUES (%s, %s, %s, %s, %s, %s)",

[BA_SQL_VERIFICATION] =
    "SELECT \"id\", \"identifier\", substr(\"value\", 1, 255),"
    " \"expiresAt\", \"createdAt\" FROM \"verification\""
    " WHERE \"identifier\" = %s ORDER BY \"createdAt\" DESC LIMIT 10",

[BA_SQL_VERIFICATION_CLAIM] = "DELETE FROM \"verification\" WHERE \"id\" = %s",

[BA_SQL_MAIL_ADD] =
    "INSERT INTO \"ba_mail\" (\"id\", \"site\", \"sender\", \"recipient\", \"message\", \"createdAt\","
    " \"dueAt\", \"attempts\") SELECT %s, %s, %s, %s, %s, %s, %s, 0 WHERE"
    " (SELECT COUNT(\"id\") FROM \"ba_mail\" WHERE \"recipient\" = %s AND \"createdAt\" > %s)"
    " < CAST(%s AS INTEGER)",

/* ---- the outbox and the sweeper */

[BA_SQL_MAIL_DUE] =
    "SELECT \"id\", \"dueAt\", \"attempts\", \"createdAt\""
    " FROM \"ba_mail\" WHERE (\"dueAt\" <= %s OR \"dueAt\" > %s)"
    " AND (\"site\" = %s OR \"dueAt\" <= %s)"
    " ORDER BY \"dueAt\" LIMIT 8",

[BA_SQL_MAIL_CLAIM] =
    "UPDATE \"ba_mail\" SET \"dueAt\" = %s, \"attempts\" = \"attempts\" + 1"
    " WHERE \"id\" = %s AND \"dueAt\" = %s",

[BA_SQL_MAIL_MESSAGE] = "SELECT \"sender\", \"recipient\", \"message\" FROM \"ba_mail\" WHERE \"id\" = %s",

[BA_SQL_MAIL_SENT] =
    "UPDATE \"ba_mail\" SET \"sentAt\" = %s, \"dueAt\" = NULL, \"message\" = '', \"lastError\" = NULL"
    " WHERE \"id\" = %s",

[BA_SQL_MAIL_LATER] =
    "UPDATE \"ba_mail\" SET \"dueAt\" = %s, \"attempts\" = %s, \"lastError\" = %s"
    " WHERE \"id\" = %s AND \"dueAt\" = %s",

[BA_SQL_MAIL_GIVE_UP] =
    "UPDATE \"ba_mail\" SET \"dueAt\" = NULL, \"message\" = '', \"lastError\" = %s"
    " WHERE \"id\" = %s AND \"dueAt\" = %s",

[BA_SQL_MAIL_QUEUE] =
    "SELECT COUNT(\"id\"), MIN(\"createdAt\") FROM \"ba_mail\" WHERE \"dueAt\" IS NOT NULL",

/* The next 500 rows after a key: the last key of them, and the oldest date. Better
 * Auth's tables have no index by date, and get none from us. A date that is not text
 * is another program's, and "older" than any text. */
[BA_SQL_SESSION_SWEEP_LOOK] =
    "SELECT MAX(x.\"id\"), MIN(x.\"expiresAt\") FROM (SELECT \"id\", \"expiresAt\""
    " FROM \"session\" WHERE \"id\" > %s ORDER BY \"id\" LIMIT 500) x",

[BA_SQL_SESSION_SWEEP] =
    "DELETE FROM \"session\" WHERE \"id\" > %s AND \"id\" <= %s AND \"expiresAt\" < %s"
    " AND typeof(\"expiresAt\") = 'text'",

[BA_SQL_VERIFICATION_SWEEP_LOOK] =
    "SELECT MAX(x.\"id\"), MIN(x.\"expiresAt\") FROM (SELECT \"id\", \"expiresAt\""
    " FROM \"verification\" WHERE \"id\" > %s ORDER BY \"id\" LIMIT 500) x",

[BA_SQL_VERIFICATION_SWEEP] =
    "DELETE FROM \"verification\" WHERE \"id\" > %s AND \"id\" <= %s AND \"expiresAt\" < %s"
    " AND typeof(\"expiresAt\") = 'text'",

[BA_SQL_MAIL_SWEEP_LOOK] =
    "SELECT MAX(x.\"id\"), MIN(x.\"createdAt\") FROM (SELECT \"id\", \"createdAt\""
    " FROM \"ba_mail\" WHERE \"id\" > %s ORDER BY \"id\" LIMIT 500) x",

/* sent, or given up and kept a while longer for the operator */
[BA_SQL_MAIL_SWEEP] =
    "DELETE FROM \"ba_mail\" WHERE \"id\" > %s AND \"id\" <= %s AND \"dueAt\" IS NULL"
    " AND (\"sentAt\" < %s OR \"createdAt\" < %s)",

/* ---- what betterauthctl asks */

[BA_SQL_USERS] =
    "SELECT u.\"id\", u.\"name\", u.\"email\", u.\"emailVerified\","
    " substr(u.\"image\", 1, 1024), length(u.\"image\"),"
    " u.\"createdAt\", u.\"updatedAt\","
    " substr(a.\"password\", 1, 512)"
    "/*user:u*/ FROM \"user\" u LEFT JOIN \"account\" a ON a.\"userId\" = u.\"id\""
    " AND a.\"providerId\" = 'credential' AND a.\"accountId\" = u.\"id\""
    " WHERE u.\"email\" > %s ORDER BY u.\"email\" LIMIT 200",

[BA_SQL_SESSION_OF] = "SELECT \"token\", \"userId\" FROM \"session\" WHERE \"id\" = %s",

[BA_SQL_SESSIONS_ALL] =
    "SELECT s.\"id\", s.\"token\", s.\"userId\", substr(s.\"ipAddress\", 1, 64),"
    " substr(s.\"userAgent\", 1, 1024), s.\"expiresAt\","
    " s.\"createdAt\", s.\"updatedAt\", u.\"email\""
    " FROM \"session\" s JOIN \"user\" u ON u.\"id\" = s.\"userId\""
    " WHERE s.\"id\" > %s ORDER BY s.\"id\" LIMIT 200",

[BA_SQL_MAILS_WAITING] =
    "SELECT \"id\", \"site\", \"recipient\", \"createdAt\", \"dueAt\","
    " \"attempts\", \"lastError\" FROM \"ba_mail\" WHERE \"id\" > %s AND \"sentAt\" IS NULL"
    " ORDER BY \"id\" LIMIT 200",

/* not those that have not failed yet: somebody may be sending them just now */
[BA_SQL_MAIL_RETRY] =
    "UPDATE \"ba_mail\" SET \"dueAt\" = %s WHERE \"id\" = %s AND \"dueAt\" IS NOT NULL"
    " AND \"lastError\" IS NOT NULL",
