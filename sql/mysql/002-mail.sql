-- SPDX-License-Identifier: Apache-2.0
-- Copyright the mod_betterauth authors

-- mod_betterauth, step 002: the outbox of mails, for MySQL and MariaDB.
-- May be run again: an existing table stays as it is.
--
-- dueAt is when to try next. Whoever delivers moves it forward first, which is
-- its lease, so that several servers can share one outbox; NULL: done with it,
-- sentAt says how. message is ASCII, which keeps the driver's buffers small.

CREATE TABLE IF NOT EXISTS `ba_mail` (
  `id` varchar(36) NOT NULL,
  `sender` varchar(320) NOT NULL,
  `recipient` varchar(255) NOT NULL,
  `message` text CHARACTER SET ascii NOT NULL,
  `createdAt` timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  `dueAt` timestamp(3) NULL DEFAULT NULL,
  `sentAt` timestamp(3) NULL DEFAULT NULL,
  `attempts` int NOT NULL DEFAULT 0,
  `lastError` varchar(255) DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `ba_mail_dueAt_idx` (`dueAt`),
  KEY `ba_mail_recipient_idx` (`recipient`, `createdAt`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
