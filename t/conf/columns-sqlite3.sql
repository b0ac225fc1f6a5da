-- SPDX-License-Identifier: Apache-2.0
-- Copyright the mod_betterauth authors
-- Columns of an operator's own, for the sites that have BetterAuthField.
ALTER TABLE "user" ADD COLUMN company_name text;
ALTER TABLE "user" ADD COLUMN age integer;
ALTER TABLE "user" ADD COLUMN beta integer;
ALTER TABLE "user" ADD COLUMN birthday date;
ALTER TABLE "user" ADD COLUMN plan text;
ALTER TABLE "user" ADD COLUMN secretNote text;
ALTER TABLE "user" ADD COLUMN note text;
ALTER TABLE "session" ADD COLUMN theme text;
ALTER TABLE "session" ADD COLUMN level integer;
ALTER TABLE "session" ADD COLUMN seen date;
