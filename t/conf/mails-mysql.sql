-- SPDX-License-Identifier: Apache-2.0
-- Copyright the mod_betterauth authors

-- What was mailed, for tests to read: the outbox lets go of a message once it has been delivered. The senders of the npm
-- server write here themselves.
CREATE TABLE test_mail (n int NOT NULL AUTO_INCREMENT PRIMARY KEY, recipient varchar(320) NOT NULL, message text NOT NULL);
CREATE TRIGGER test_mail AFTER INSERT ON ba_mail FOR EACH ROW INSERT INTO test_mail (recipient, message) VALUES (NEW.recipient, NEW.message);
