-- SPDX-License-Identifier: Apache-2.0
-- Copyright the mod_betterauth authors

-- mod_betterauth, step 002: the outbox of mails, for SQLite.
-- May be run again: an existing table stays as it is.
--
-- dueAt is when to try next. Whoever delivers moves it forward first, which is
-- its lease; NULL: done with it, sentAt says how.

CREATE TABLE IF NOT EXISTS "ba_mail" (
  "id" text NOT NULL PRIMARY KEY,
  "sender" text NOT NULL,
  "recipient" text NOT NULL,
  "message" text NOT NULL,
  "createdAt" date NOT NULL,
  "dueAt" date,
  "sentAt" date,
  "attempts" integer NOT NULL,
  "lastError" text
);
CREATE INDEX IF NOT EXISTS "ba_mail_dueAt_idx" ON "ba_mail" ("dueAt");
CREATE INDEX IF NOT EXISTS "ba_mail_recipient_idx" ON "ba_mail" ("recipient", "createdAt");
