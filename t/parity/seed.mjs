// SPDX-License-Identifier: Apache-2.0
// Copyright the mod_betterauth authors
//
// The rows both databases begin with, and the cookies that belong to them.
import { createHash, createHmac } from 'node:crypto';

export const SECRET = '0123456789abcdef0123456789abcdef';
export const ORIGIN = 'http://auth.test';
export const PASSWORD = 'correct horse battery';

// Hashes of PASSWORD and of a password with composed letters, as better-auth writes them.
const HASH = '000102030405060708090a0b0c0d0e0f:70cc7d605f9fd0bfd324b3978bd79ee81076d98810046ed91604c3cb8aa6957761a2b0b97abf1e7c417ec4a9baa7bd1ce53449880d90dc1117c88d69b4f0b72e';
const NFKC = '000102030405060708090a0b0c0d0e0f:fd9a20c27290defb9f7a5ad86b4a065e309f5bb17ac66b35f11e311948baf7ceb67405500b57a30282f85edaf56a41c3313713dd2111faf2ca0ecf6bee2316bc';

const key = (letter) => letter.repeat(31) + '0';
export const TOKENS = { ada: key('a'), due: key('b'), expired: key('c'), short: key('d'), orphan: key('e'), bob: key('f') };

export function sign(value, secret = SECRET) {
  return encodeURIComponent(`${value}.${createHmac('sha256', secret).update(value).digest('base64')}`);
}

// A token as the mails about addresses carry it. header and payload may be text, which need not be JSON.
export function jwt(payload, { header = { alg: 'HS256' }, secret = SECRET, digest = 'sha256' } = {}) {
  const part = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
  const signed = `${part(header)}.${part(payload)}`;
  return `${signed}.${createHmac(digest, secret).update(signed).digest('base64url')}`;
}

// Its claims, null if it is none of ours.
export function readJwt(text) {
  const parts = text.split('.');
  if (parts.length !== 3) return null;
  const claims = JSON.parse(Buffer.from(parts[1], 'base64url'));
  return jwt(Buffer.from(parts[1], 'base64url').toString()) === text ? claims : null;
}

// A row that stands for a mailed token: for reset-password:TOKEN or delete-account-TOKEN.
export function verification(identifier, user, { expires = start + 2 * DAY, created = start, id = 'verification1', hashed = false } = {}) {
  const stored = hashed ? createHash('sha256').update(identifier).digest('base64url') : identifier;
  return `INSERT INTO verification (id, identifier, value, expiresAt, createdAt, updatedAt) VALUES ('${id}', '${stored}', '${user}', '${sqlTime(expires)}', '${sqlTime(created)}', '${sqlTime(created)}')`;
}

export const DAY = 86400e3;
// An hour ago, so that no seeded date looks like one that a server has just written.
export const start = Date.now() - 3600e3;
export const sqlTime = (ms) => new Date(ms).toISOString().replace('T', ' ').replace('Z', '');

const users = [ // name, email, verified, provider, accountId (null: the user's own id), hash
  ['Ada', 'ada@example.com', 1, 'credential', null, HASH],
  ['Bob', 'bob@example.com', 0, 'credential', null, HASH],
  ['Carl', 'carl@example.com', 1],
  ['Dora', 'dora@example.com', 1, 'credential', null, null],
  ['Eve', 'eve@example.com', 1, 'credential', null, 'nonsense'],
  ['Fred', 'fred@example.com', 1, 'github', '4711', HASH],
  ['Nfkc', 'nfkc@example.com', 1, 'credential', null, NFKC],
];
export const userId = (i) => `user${i}`.padEnd(32, 'U');

const sessions = [ // token, user, made, expires; days from now; null: a minute ago, which httpd does not sweep up yet
  [TOKENS.ada, 0, 0, 7],
  [TOKENS.due, 0, -2, 5],
  [TOKENS.expired, 0, -8, null],
  [TOKENS.short, 0, 0, 1],
  [TOKENS.bob, 1, 0, 7],
];

export function statements() {
  const made = sqlTime(start - 30 * DAY);
  const q = (value) => (value === null || value === undefined ? 'NULL' : `'${value}'`);
  return [
    'SET foreign_key_checks = 0',
    'DELETE FROM session', 'DELETE FROM account', 'DELETE FROM user', 'DELETE FROM verification', 'DELETE FROM ba_mail', 'DELETE FROM test_mail',
    `INSERT INTO user (id, name, email, emailVerified, image, createdAt, updatedAt) VALUES ${users.map(([name, email, verified], i) =>
      `('${userId(i)}', '${name}', '${email}', ${verified}, ${i === 1 ? "'/bob.png'" : 'NULL'}, '${made}', '${made}')`)}`,
    `INSERT INTO account (id, accountId, providerId, userId, password, createdAt, updatedAt) VALUES ${users
      .map(([, , , provider, account, hash], i) => provider && `('account${i}', '${account ?? userId(i)}', '${provider}', '${userId(i)}', ${q(hash)}, '${made}', '${made}')`)
      .filter(Boolean)}`,
    `INSERT INTO session (id, expiresAt, token, createdAt, updatedAt, ipAddress, userAgent, userId) VALUES ${[
      ...sessions.map(([token, user, from, to], i) => [`session${i}`, token, userId(user), from, to]),
      ['session9', TOKENS.orphan, 'nobody', 0, 7],
    ].map(([id, token, user, from, to]) =>
      `('${id}', '${sqlTime(to === null ? Date.now() - 60e3 : start + to * DAY)}', '${token}', '${sqlTime(start + from * DAY)}', '${sqlTime(start + from * DAY)}', '203.0.113.7', 'seed/1', '${user}')`)}`,
    'SET foreign_key_checks = 1',
  ];
}
