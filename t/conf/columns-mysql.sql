-- SPDX-License-Identifier: Apache-2.0
-- Copyright the mod_betterauth authors
-- Columns of an operator's own, for the sites that have BetterAuthField.
ALTER TABLE `user` ADD COLUMN company_name text, ADD COLUMN age integer, ADD COLUMN beta boolean,
  ADD COLUMN birthday timestamp(3) NULL, ADD COLUMN plan text, ADD COLUMN secretNote text, ADD COLUMN note text;
ALTER TABLE `session` ADD COLUMN theme text, ADD COLUMN level integer, ADD COLUMN seen timestamp(3) NULL;
