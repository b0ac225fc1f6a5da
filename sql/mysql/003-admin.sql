-- SPDX-License-Identifier: Apache-2.0
-- Copyright the mod_betterauth authors

-- mod_betterauth, step 003: roles and bans, for MySQL and MariaDB. Read where
-- BetterAuthAdmin is on; all may be NULL, so nobody else minds them.
-- May be run again: existing columns stay as they are, also those that a Better
-- Auth server with its admin plugin has made. MySQL has no ADD COLUMN IF NOT
-- EXISTS, so each statement is made where its column is missing, and DO 0 where
-- it is not. A server that cannot PREPARE from a variable takes the five ALTER
-- TABLE statements by hand.

SET @alter = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE()
  AND table_name = 'user' AND column_name = 'role') = 0,
  'ALTER TABLE `user` ADD COLUMN `role` text DEFAULT NULL', 'DO 0');
PREPARE step FROM @alter;
EXECUTE step;

SET @alter = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE()
  AND table_name = 'user' AND column_name = 'banned') = 0,
  'ALTER TABLE `user` ADD COLUMN `banned` tinyint(1) DEFAULT NULL', 'DO 0');
PREPARE step FROM @alter;
EXECUTE step;

SET @alter = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE()
  AND table_name = 'user' AND column_name = 'banReason') = 0,
  'ALTER TABLE `user` ADD COLUMN `banReason` text DEFAULT NULL', 'DO 0');
PREPARE step FROM @alter;
EXECUTE step;

SET @alter = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE()
  AND table_name = 'user' AND column_name = 'banExpires') = 0,
  'ALTER TABLE `user` ADD COLUMN `banExpires` timestamp(3) NULL DEFAULT NULL', 'DO 0');
PREPARE step FROM @alter;
EXECUTE step;

SET @alter = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE()
  AND table_name = 'session' AND column_name = 'impersonatedBy') = 0,
  'ALTER TABLE `session` ADD COLUMN `impersonatedBy` text DEFAULT NULL', 'DO 0');
PREPARE step FROM @alter;
EXECUTE step;
DEALLOCATE PREPARE step;
