-- SPDX-License-Identifier: Apache-2.0
-- Copyright the mod_betterauth authors

-- mod_betterauth, step 003: roles and bans, for SQLite. Read where BetterAuthAdmin
-- is on; all may be NULL, so nobody else minds them.
-- SQLite adds no column IF NOT EXISTS: run again, or on tables of a Better Auth
-- server with its admin plugin, sqlite3 says "duplicate column name" for each that
-- is there, leaves it as it is and goes on with the next. That is no harm, but do
-- not use -bail, and the exit status is 1.

ALTER TABLE "user" ADD COLUMN "role" text;
ALTER TABLE "user" ADD COLUMN "banned" integer;
ALTER TABLE "user" ADD COLUMN "banReason" text;
ALTER TABLE "user" ADD COLUMN "banExpires" date;
ALTER TABLE "session" ADD COLUMN "impersonatedBy" text;
