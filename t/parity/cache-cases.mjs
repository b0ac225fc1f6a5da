// SPDX-License-Identifier: Apache-2.0
// Copyright the mod_betterauth authors
//
// Requests with the cookie cache on, in each of its forms; elements as in cases.mjs. The session_data cookies are made
// here with better-auth's own functions and say "Cached", so that an answer shows where it comes from.
import { createHmac } from 'node:crypto';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { DAY, ORIGIN, PASSWORD, SECRET, TOKENS, sign, sqlTime, start, userId } from './seed.mjs';

const packages = createRequire(new URL('../node/package.json', import.meta.url));
const { signJWT, symmetricDecodeJWT, symmetricEncodeJWT, verifyJWT } = await import(pathToFileURL(packages.resolve('better-auth/crypto')));

export const versions = { compact: '1', jwt: 'v2 of it', jwe: '1' };
const hmac = (text) => createHmac('sha256', SECRET).update(text).digest('base64url');
const base64 = (text) => Buffer.from(text).toString('base64url');

async function seal(form, payload, life) {
  if (form === 'jwt') return signJWT(payload, SECRET, life);
  if (form === 'jwe') return symmetricEncodeJWT(payload, SECRET, 'better-auth-session', life);
  const expiresAt = Date.now() + life * 1000;
  return base64(JSON.stringify({ session: payload, expiresAt, signature: hmac(JSON.stringify({ ...payload, expiresAt })) }));
}

// The payload of a value, null if it is not signed as it should be.
export async function open(form, value) {
  if (form === 'jwt') return verifyJWT(value, SECRET);
  if (form === 'jwe') return symmetricDecodeJWT(value, SECRET, 'better-auth-session');
  let parsed;
  try { parsed = JSON.parse(Buffer.from(value, 'base64url')); } catch { return null; }
  const { session, expiresAt, signature } = parsed;
  return signature === hmac(JSON.stringify({ ...session, expiresAt })) ? { ...session, expiresAt } : null;
}

const iso = (ms) => new Date(ms).toISOString();
const made = iso(start - 30 * DAY);
const session = (i, token, user, from, to) => ({ expiresAt: iso(start + to * DAY), token, createdAt: iso(start + from * DAY), updatedAt: iso(start + from * DAY),
  ipAddress: '203.0.113.7', userAgent: 'seed/1', userId: userId(user), id: `session${i}` });
const user = (i) => ({ name: 'Cached', email: i ? 'bob@example.com' : 'ada@example.com', emailVerified: !i, image: i ? '/bob.png' : null, createdAt: made, updatedAt: made, id: userId(i) });

const token = (value) => `better-auth.session_token=${sign(value)}`;
const MARKER = `better-auth.dont_remember=${sign('true')}`;
const DATA = 'better-auth.session_data';
const whole = (value) => `${DATA}=${value}`;
const pieces = (value, size = 3977) => value.match(new RegExp(`.{1,${size}}`, 'g')).map((part, i) => `${DATA}.${i}=${part}`).join('; ');
const both = (data) => `${token(TOKENS.ada)}; ${data}`;
const swap = (text, at) => text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1);

const SIGNED_IN = [ // path, a good body (none: GET); those below the first two change something or bypass the cache
  ['/list-accounts'], ['/list-sessions'],
  ['/revoke-session', { token: TOKENS.due }], ['/revoke-session', { token: TOKENS.ada }], ['/revoke-sessions', {}], ['/revoke-other-sessions', {}], ['/update-session', { foo: 1 }],
  ['/update-user', { name: 'Other' }], ['/update-user', { image: 'i'.repeat(3000) }], ['/verify-password', { password: PASSWORD }], ['/unlink-account', { accountId: 'account0' }],
  ['/change-password', { currentPassword: PASSWORD, newPassword: 'another horse battery' }],
  ['/change-password', { currentPassword: PASSWORD, newPassword: 'another horse battery', revokeOtherSessions: true }],
];

const cases = [];

async function all(form) {
  const site = `cache-${form}`;
  const add = (name, method, path, more) => cases.push({ name: `cache ${form}: ${name}`, method, path, site, rows: [], body: undefined, form, ...more });
  const get = (name, cookie, { path = '/get-session', ...more } = {}) => add(name, 'GET', path, { headers: cookie ? [['Cookie', cookie]] : [], ...more });
  const post = (name, path, body, cookie, more = {}) =>
    add(name, 'POST', path, { headers: [['Content-Type', 'application/json'], ['Origin', ORIGIN], ...(cookie ? [['Cookie', cookie]] : [])], body: JSON.stringify(body), ...more });

  const payload = { session: session(0, TOKENS.ada, 0, 0, 7), user: user(0), updatedAt: Date.now(), version: versions[form] };
  const made = (change = {}, life = 3600) => seal(form, { ...payload, ...change }, life);
  const ofUser = (change) => made({ user: { ...payload.user, ...change } });
  const ofSession = (change) => made({ session: { ...payload.session, ...change } });
  const without = (object, ...keys) => Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)));
  const good = await made();
  const long = await ofUser({ image: 'i'.repeat(5000) });
  const gone = { rows: [`DELETE FROM session WHERE token = '${TOKENS.ada}'`] };

  // --- What is written
  const ada = { email: 'ada@example.com', password: PASSWORD };
  const newcomer = { name: 'Newcomer', email: 'new@example.com', password: PASSWORD };
  for (const rememberMe of [undefined, true, false]) {
    post(`sign-in, rememberMe ${rememberMe}`, '/sign-in/email', { ...ada, rememberMe });
    post(`sign-up, rememberMe ${rememberMe}`, '/sign-up/email', { ...newcomer, rememberMe });
  }
  post('sign-in over an old cache', '/sign-in/email', ada, both(whole(good)));
  post('sign-in over old pieces', '/sign-in/email', ada, both(pieces(long)));
  post('sign-in: wrong', '/sign-in/email', { ...ada, password: 'wrong' }, both(whole(good)));
  post('sign-up: odd characters', '/sign-up/email', { ...newcomer, name: 'a\u0001\u001fb\u007fc\u2028d"\\/<é😀' });
  post('sign-up: a name like a date', '/sign-up/email', { ...newcomer, name: '2026-11-21T01:02:03Z' });
  for (const length of [2000, 2100, 2200, 2300, 3000, 3500]) post(`sign-up: image of ${length}`, '/sign-up/email', { ...newcomer, image: 'i'.repeat(length) });
  post('sign-up: image of 2000 é', '/sign-up/email', { ...newcomer, image: 'é'.repeat(1500) });
  get('no cache yet', token(TOKENS.ada));
  get('no cache yet, a marker', `${token(TOKENS.ada)}; ${MARKER}`);
  get('no cache yet, due', token(TOKENS.due));
  get('no cache yet, due, a marker', `${token(TOKENS.due)}; ${MARKER}`);
  get('no cache yet, disableRefresh', token(TOKENS.ada), { path: '/get-session?disableRefresh=1' });
  get('no cache yet, expired', token(TOKENS.expired));
  get('no cache yet, unknown', token('x'.repeat(32)));
  get('no cache yet, bob', token(TOKENS.bob));

  // --- What is believed
  get('good', both(whole(good)));
  get('good, the session gone', both(whole(good)), gone);
  get('good, a marker', both(`${whole(good)}; ${MARKER}`));
  get('good, no session cookie', whole(good));
  get('good, a forged session cookie', `better-auth.session_token=${TOKENS.ada}.${'A'.repeat(43)}%3D; ${whole(good)}`);
  get('good, another session cookie', `${token(TOKENS.bob)}; ${whole(good)}`);
  get('good, an unknown session cookie', `${token('x'.repeat(32))}; ${whole(good)}`);
  for (const value of ['true', 'false', '0', '', '%20']) get(`good, disableCookieCache=${value}`, both(whole(good)), { path: `/get-session?disableCookieCache=${value}` });
  get('good, the session gone, disableCookieCache', both(whole(good)), { path: '/get-session?disableCookieCache=1', ...gone });
  get('good, disableRefresh', both(whole(good)), { path: '/get-session?disableRefresh=1' });
  get('good, twice, the other first', both(`${whole('x')}; ${whole(good)}`));
  get('good, twice, the other behind', both(`${whole(good)}; ${whole('x')}`));
  get('good, in quotes', both(whole(`"${good}"`)));
  get('good, with an escape', both(whole(good.replace('e', '%65'))));
  get('due by the cache, good', `${token(TOKENS.due)}; ${whole(await made({ session: session(1, TOKENS.due, 0, -2, 5) }))}`);
  get('odd characters', both(whole(await ofUser({ name: 'a\u0001\u001fb\u007fc\u2028d"\\/<é😀' }))), gone);
  get('null where it may be', both(whole(await made({ session: { ...payload.session, ipAddress: null, userAgent: null } }))), gone);
  get('absent where it may be', both(whole(await made({ session: without(payload.session, 'ipAddress', 'userAgent'), user: without(payload.user, 'image') }))));
  get('more keys', both(whole(await made({ more: [1, { a: '}' }], session: { x: 1, ...payload.session } }))));
  get('other order', both(whole(await seal(form, Object.fromEntries(Object.entries(payload).reverse()), 3600))), gone);

  // --- In pieces
  get('pieces', both(pieces(long)), gone);
  get('short pieces', both(pieces(good, 500)), gone);
  get('pieces, reversed', both(pieces(long).split('; ').reverse().join('; ')), gone);
  get('pieces and a good whole', both(`${pieces(await made(), 500)}; ${whole(good)}`), gone);
  get('pieces and a bad whole', both(`${pieces(long)}; ${whole('x')}`));
  get('pieces and an empty whole', both(`${pieces(long)}; ${whole('')}`));
  get('a piece is missing', both(pieces(long).replace(/; [^;]*$/, '')));
  get('a piece too many', both(`${pieces(long)}; ${DATA}.7=x`));
  get('a piece that is none', both(`${pieces(long)}; ${DATA}.01=x; ${DATA}.a=y; ${DATA}.=z; ${DATA}.-1=z`), gone);
  get('pieces, the session gone and the cache bad', both(`${DATA}.0=x; ${DATA}.1=y`), gone);
  get('pieces, a marker, the cache bad', both(`${DATA}.0=x; ${MARKER}`));
  get('pieces, no session cookie', pieces(long));

  // --- What is not
  const bad = {
    expired: await made({}, -30),
    'expired a second ago': await made({}, -1),
    'another version': await made({ version: 'other' }),
    'the session is over': await ofSession({ expiresAt: iso(Date.now() - 1000) }),
    'another token': await ofSession({ token: TOKENS.bob }),
    'no session': await seal(form, without(payload, 'session'), 3600),
    'no user': await seal(form, without(payload, 'user'), 3600),
    'no updatedAt': await seal(form, without(payload, 'updatedAt'), 3600),
    'no email': await made({ user: without(payload.user, 'email') }),
    'no id': await made({ session: without(payload.session, 'id') }),
    'no expiresAt': await made({ session: without(payload.session, 'expiresAt') }),
    'name is a number': await ofUser({ name: 7 }),
    'emailVerified is a number': await ofUser({ emailVerified: 1 }),
    'a date is none': await ofSession({ expiresAt: 'soon' }),
    'a name like a date': await ofUser({ name: '2026-11-21T01:02:03Z' }),
    'the first byte': swap(good, 0),
    'a byte in the middle': swap(good, good.length >> 1),
    'a byte near the end': swap(good, good.length - 3),
    cut: good.slice(0, -8),
    twice: good + good,
    empty: '',
    short: 'x',
    words: 'not base64!',
    ours: sign(TOKENS.ada),
  };
  for (const [name, value] of Object.entries(bad)) {
    get(`bad, ${name}`, both(whole(value)));
    if (name === 'expired') {
      get(`bad, ${name}, a marker`, both(`${whole(value)}; ${MARKER}`));
      get(`bad, ${name}, due`, `${token(TOKENS.due)}; ${whole(value)}`);
      get(`bad, ${name}, the session gone`, both(whole(value)), gone);
    }
  }
  if (form === 'jwt') {
    const part = good.split('.');
    for (const header of ['{"alg":"none"}', '{"alg":"HS512"}', '{"typ":"JWT"}']) {
      const text = `${base64(header)}.${part[1]}`;
      get(`bad, header ${header}`, both(whole(`${text}.${hmac(text)}`)));
    }
    get('bad, no signature', both(whole(`${part[0]}.${part[1]}.`)));
  }
  if (form === 'compact') get('good, in the other alphabet', both(whole(Buffer.from(good, 'base64url').toString('base64').replace(/=+$/, ''))));

  // --- What else asks who it is
  const secondAccount = [`UPDATE account SET userId = '${userId(0)}' WHERE id = 'account5'`, `DELETE FROM session WHERE token = '${TOKENS.expired}'`];
  for (const [path, body] of SIGNED_IN) {
    const send = (name, cookie, rows = []) => {
      const more = { rows: [...secondAccount, ...rows], anyOrder: true };
      if (body === undefined) get(`${path}: ${name}`, cookie, { path, ...more });
      else post(`${path} ${JSON.stringify(body).slice(0, 60)}${body.revokeOtherSessions ? ' revoking' : ''}: ${name}`, path, body, cookie, more);
    };
    send('no cache', token(TOKENS.ada));
    send('good', both(whole(good)));
    send('good, the session gone', both(whole(good)), gone.rows);
    send('pieces', both(pieces(long)));
    send('expired', both(whole(bad.expired)));
    send('a marker', both(`${whole(good)}; ${MARKER}`));
    send('no session cookie', whole(good));
    send('due', `${token(TOKENS.due)}; ${whole(await made({ session: session(1, TOKENS.due, 0, 0, 5) }))}`, [`UPDATE session SET createdAt = '${sqlTime(start)}' WHERE token = '${TOKENS.due}'`]);
    send('old by the cache', both(whole(await ofSession({ createdAt: iso(start - 3 * DAY) }))));
    send('old by the row', both(whole(good)), [`UPDATE session SET createdAt = '${sqlTime(start - 3 * DAY)}' WHERE token = '${TOKENS.ada}'`]);
  }
  post('sign-out', '/sign-out', {}, both(whole(good)));
  post('sign-out, pieces', '/sign-out', {}, both(pieces(long)));
  post('sign-out, a marker', '/sign-out', {}, both(`${whole(good)}; ${MARKER}`));
  post('sign-out, the session gone', '/sign-out', {}, both(whole(good)), gone);
  post('sign-out, no session cookie', '/sign-out', {}, whole(good));
}

for (const form of Object.keys(versions)) await all(form);

export default cases;
