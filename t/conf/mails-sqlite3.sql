-- SPDX-License-Identifier: Apache-2.0
-- Copyright the mod_betterauth authors

-- As mails-mysql.sql.
CREATE TABLE test_mail (n integer PRIMARY KEY, recipient text NOT NULL, message text NOT NULL);
CREATE TRIGGER test_mail AFTER INSERT ON ba_mail BEGIN INSERT INTO test_mail (recipient, message) VALUES (NEW.recipient, NEW.message); END;
