// SPDX-License-Identifier: Apache-2.0
// Copyright the mod_betterauth authors
//
// What happens by mail: reset of a password, verification and change of an address, deletion. The sites (BATest::Sites):
//   ''       no mail, and so none of this        bare     no mail; change of an unverified address and deletion at once
//   confirm  each step has to be confirmed       prompt   no confirmations, links sign in, resets end sessions, identifiers
//   strict   sign-in needs a verified address             are hashed, tokens live ten minutes
//   silent   so it does, but mails nothing       secure   as confirm, over https; links sign in
import { DAY, ORIGIN, PASSWORD, TOKENS, jwt, start, userId, verification } from './seed.mjs';
import { FORM, MARKER, URLS, ada, add, aged, form, get, newcomer, post, session, swapCase, without } from './request.mjs';

const mine = { cookie: session(TOKENS.ada) };
const bobs = { cookie: session(TOKENS.bob) };
const NEXT = 'another horse battery';
const q = encodeURIComponent;
const VALUES = [null, 1, 0, true, false, [], ['x'], {}, ''];
const ALL = ['', 'bare', 'confirm', 'prompt', 'strict', 'silent'];

// --- What every POST endpoint has to stand, for those that need no session ---------------------------------------------
const BODIES = ['null', '[]', '[{}]', '"x"', '""', '7', 'true', 'false', '{', '{}', ' ', '{} x', '{"a":}', "{'a':1}", '{"__proto__":{"email":"ada@example.com"}}', '\ufeff{}', '{"a":"\\ud800"}'];
function hostile(path, good, required, optional, site) {
  const send = (name, body, more) => post(`${path}: ${name}`, path, body, { site, ...more });
  for (const body of BODIES) send(`body ${JSON.stringify(body)}`, body, { malformed: true });
  send('no body', undefined, { type: null });
  send('no body, with a type', undefined);
  for (const type of [FORM, 'text/plain', 'multipart/form-data; boundary=x', 'application/vnd.api+json']) send(`as ${type}`, type === FORM ? form(good) : good, { type, malformed: true });
  send('as application/json; charset=utf-8', good, { type: 'application/json; charset=utf-8' });
  send('no type', good, { type: null, malformed: true });
  for (const field of required) send(`no ${field}`, without(good, field), { malformed: true });
  for (const field of [...required, ...optional]) {
    for (const value of VALUES) send(`${field} is ${JSON.stringify(value)}`, { ...good, [field]: value }, { malformed: true });
    send(`${field} has a NUL`, { ...good, [field]: `${good[field] ?? '/x'}\u0000` }, { malformed: true });
  }
  send('everything wrong', Object.fromEntries([...required, ...optional].map((field) => [field, 1])), { malformed: true });
  send('a field too many', { ...good, userId: userId(1), id: 'x', password: 1 });
  send('duplicate keys', `{${required.map((field) => `"${field}":1`)},${JSON.stringify(good).slice(1)}`);
  send('duplicate keys, the bad one last', `${JSON.stringify(good).slice(0, -1)},${required.map((field) => `"${field}":1`)}}`, { malformed: true });
  send('deep but small', `{"x":${'['.repeat(30)}${']'.repeat(30)},${JSON.stringify(good).slice(1)}`);
  send('huge', { ...good, x: 'x'.repeat(50000) });
  send('body is no UTF-8', Buffer.concat([Buffer.from('{"x":"'), Buffer.from([0xff, 0xc3]), Buffer.from(`",${JSON.stringify(good).slice(1)}`)]));
  for (const origin of [null, 'null', 'https://evil.test', `${ORIGIN}:81`]) {
    send(`origin ${JSON.stringify(origin)}`, good, { origin });
    send(`origin ${JSON.stringify(origin)}, with a cookie`, good, { origin, cookie: 'a=b' });
  }
  post(`${path}: query callbackURL: foreign`, `${path}?callbackURL=https://evil.test`, good, { site });
  post(`${path}: query callbackURL: twice`, `${path}?callbackURL=/a&callbackURL=/b`, good, { site });
  for (const field of ['callbackURL', 'redirectTo', 'errorCallbackURL', 'newUserCallbackURL']) {
    for (const value of ['//evil.test', 7]) send(`${field}: ${value}`, { ...good, [field]: value });
  }
  for (const method of ['PUT', 'DELETE', 'HEAD', 'OPTIONS']) add(`${path}: ${method}`, method, path, { site, headers: [['Origin', ORIGIN]] });
  add(`${path}: with a slash`, 'POST', `${path}/`, { site, headers: [['Content-Type', 'application/json']], body: JSON.stringify(good) });
}
const EMAILS = ['x', '', 'a@b', 'ada@example.com ', ' ada@example.com', 'ada@@example.com', 'ada@example.com\n', 'äda@example.com', 'ada@exämple.com', `${'a'.repeat(300)}@b.co`, 'a@b.c0', '"a b"@c.co', "o'brien@b.co", 'a..b@c.co'];
const label = (text) => JSON.stringify(text.length > 60 ? `${text.slice(0, 20)}… (${text.length})` : text);
// A query, as text or as pairs; an undefined value is left out.
const query = (pairs) => (typeof pairs === 'string' ? pairs : Object.entries(pairs).filter(([, value]) => value !== undefined).map(([key, value]) => `${key}=${q(value)}`).join('&'));

// --- A reset: asking for it --------------------------------------------------------------------------------------------
const AR = '/request-password-reset';
const REDIRECT = { email: 'ada@example.com', redirectTo: '/new-password' };
hostile(AR, { email: 'ada@example.com' }, ['email'], ['redirectTo'], 'confirm');
for (const site of ALL) {
  post(`${AR} (${site})`, AR, REDIRECT, { site });
  post(`${AR} (${site}): unknown`, AR, { ...REDIRECT, email: 'nobody@example.com' }, { site });
  post(`${AR} (${site}): not verified`, AR, { ...REDIRECT, email: 'bob@example.com' }, { site });
  post(`${AR} (${site}): foreign redirectTo`, AR, { ...REDIRECT, redirectTo: 'https://evil.test' }, { site });
  post(`${AR} (${site}): no address`, AR, {}, { site });
}
post(`${AR} (secure)`, AR, REDIRECT, { site: 'secure', origin: 'https://auth.test' });
for (const email of EMAILS) post(`${AR}: address ${label(email)}`, AR, { email }, { site: 'confirm' });
for (const email of ['ADA@EXAMPLE.COM', 'carl@example.com', 'dora@example.com', 'eve@example.com', 'fred@example.com', 'nobody@example.com']) post(`${AR}: ${email}`, AR, { email }, { site: 'confirm' });
for (const redirectTo of URLS) post(`${AR}: redirectTo ${JSON.stringify(redirectTo)}`, AR, { email: 'ada@example.com', redirectTo }, { site: 'confirm' });
for (const [name, redirectTo] of [['', 'https://a.x.example/new?x=é#z'], [', with blanks', 'https://a.x.example/new?x= y#z']]) {
  post(`${AR}: redirectTo of a trusted origin${name}`, AR, { email: 'ada@example.com', redirectTo }, { site: 'secure', origin: 'https://auth.test' });
}
post(`${AR}: redirectTo with everything`, AR, { email: 'ada@example.com', redirectTo: "/a b?c=d&e=é€𝒜%20+'()*!~#f" }, { site: 'confirm' });
post(`${AR}: with a session`, AR, REDIRECT, { ...mine, site: 'confirm' });
post(`${AR}: with another's session`, AR, REDIRECT, { ...bobs, site: 'confirm' });
post(`${AR}: the earlier token stays`, AR, REDIRECT, { site: 'confirm', rows: [verification('reset-password:abcdefghijklmnopqrstuvwx', userId(0))] });
post(`${AR}: twice`, AR, REDIRECT, { site: 'confirm', keep: true });
post(`${AR}: query is not looked at`, `${AR}?email=bob@example.com&redirectTo=http://evil.test`, REDIRECT, { site: 'confirm' });

// --- The link ----------------------------------------------------------------------------------------------------------
const T = 'abcdefghijklmnopqrstuvwx';
const row = (more) => [verification(`reset-password:${T}`, userId(0), more)];
const RL = '/reset-password/:token';
const link = (name, token, pairs, more) => get(`${RL}: ${name}`, `/reset-password/${token}?${query(pairs)}`, undefined, { site: 'confirm', rows: row(), ...more });
for (const site of ALL) link(`good (${site})`, T, { callbackURL: '/new' }, { site });
for (const site of ALL) link(`unknown (${site})`, 'x'.repeat(24), { callbackURL: '/new' }, { site });
link('twice', T, { callbackURL: '/new' }, { keep: true });
link('secure', T, { callbackURL: '/new' }, { site: 'secure' });
link('hashed', T, { callbackURL: '/new' }, { site: 'prompt', rows: row({ hashed: true }) });
link('hashed row, plain site', T, { callbackURL: '/new' }, { rows: row({ hashed: true }) });
link('expired', T, { callbackURL: '/new' }, { rows: row({ expires: start - 1 }) });
link('swapped case', swapCase(T), { callbackURL: '/new' });
link('a blank behind', `${T}%20`, { callbackURL: '/new' });
link('escaped', '%61bcdefghijklmnopqrstuvwx', { callbackURL: '/new' });
link('bad escape', `${T}%zz`, { callbackURL: '/new' });
link('NUL', `${T}%00`, { callbackURL: '/new' });
link('no UTF-8', `${T}%ff`, { callbackURL: '/new' });
link('slash', `${T}/x`, { callbackURL: '/new' });
link('slash behind', `${T}/`, { callbackURL: '/new' });
link('prefix', `reset-password:${T}`, { callbackURL: '/new' });
link('an identifier', 'delete-account-x', { callbackURL: '/new' });
link('long', 'a'.repeat(300), { callbackURL: '/new' });
link('very long', 'a'.repeat(3000), { callbackURL: '/new' });
link('quote', "'", { callbackURL: '/new' });
link('percent', '%25', { callbackURL: '/new' });
link('é', '%C3%A9', { callbackURL: '/new' });
link('with a session', T, { callbackURL: '/new' }, { headers: [['Cookie', session(TOKENS.bob)]] });
link('from a foreign page', T, { callbackURL: '/new' }, { headers: [['Cookie', 'a=b'], ['Origin', 'https://evil.test']] });
for (const pairs of ['', 'callbackURL', 'callbackURL=', 'callbackURL=/a&callbackURL=/b', 'callbackURL=&callbackURL=', 'callbackURL[]=/a', 'callbackurl=/a', 'CALLBACKURL=/a', '=/a', '&&', 'callbackURL=%00', 'callbackURL=%2',
  'callbackURL=%ff', 'callbackURL=%zz', 'callbackURL=/a%0d%0aX:y', '%63allbackURL=/a', 'a=b', 'callbackURL=/a;b=c', 'callbackURL=/a+b', 'callbackURL=/a&x=y', 'callbackURL=//evil.test&callbackURL=/a']) {
  link(`query '${pairs}'`, T, pairs, { malformed: true });
}
const TARGETS = [...URLS, '/x?a=b', '/x?a=b&token=old&error=old&c=d', '/x?token=1&token=2', '/x?', '/x?#', '/x#f', '/x?a#f?g', '/x?a b=c d', '/x?a=%zz&b=%ff', '/x?a&b', '/x?a=b&', '/x?&a=b', '/x?é=€#é', '/x/../y?a',
  '/x?a=*-._~!()\'"<>`{}|^', '/{x}|^`', '/x#a b"<>`', `${ORIGIN}/x?a=b#f`, `${ORIGIN}?a=b`, `${ORIGIN}#f`, '/x?a==b', '/x?=b', '/x?a=b+c%20d', '/x?error=a%26b'];
for (const url of TARGETS) {
  link(`callbackURL ${JSON.stringify(url)}`, T, { callbackURL: url });
  link(`unknown, callbackURL ${JSON.stringify(url)}`, 'x', { callbackURL: url });
}
for (const url of ['https://a.x.example/n?x=y', 'https://app.y.example', 'http://auth.test/']) link(`callbackURL with patterns: ${url}`, T, { callbackURL: url }, { site: 'secure' });

// --- The new password --------------------------------------------------------------------------------------------------
const RP = '/reset-password';
const reset = { newPassword: NEXT, token: T };
hostile(RP, { newPassword: NEXT, token: 'x' }, ['newPassword'], ['token'], 'confirm');
for (const site of ALL) {
  post(`${RP} (${site})`, RP, reset, { site, rows: row() });
  post(`${RP} (${site}): unknown`, RP, { ...reset, token: 'x' }, { site, rows: row() });
  post(`${RP} (${site}): hashed`, RP, reset, { site, rows: row({ hashed: true }) });
}
post(`${RP} (secure)`, RP, reset, { site: 'secure', origin: 'https://auth.test', rows: row() });
const use = (name, body, { rows = row(), path = RP, ...more } = {}) => post(`${RP}: ${name}`, path, body, { site: 'confirm', rows, ...more });
use('used', reset, { rows: ['DELETE FROM verification'] });
use('the same password again', { ...reset, newPassword: PASSWORD });
use('expired', reset, { rows: row({ expires: start - 1 }) });
use('of a user who is gone', reset, { rows: [verification(`reset-password:${T}`, 'nobody')] });
for (const [i, name] of [[1, 'not verified'], [2, 'no account'], [3, 'no password'], [4, 'malformed hash'], [5, 'another provider'], [6, 'composed']]) {
  use(`of a user: ${name}`, reset, { rows: [verification(`reset-password:${T}`, userId(i))] });
  use(`of a user: ${name}, prompt`, reset, { site: 'prompt', rows: [verification(`reset-password:${T}`, userId(i), { hashed: true })] });
}
for (const [name, newPassword] of [['7 characters', '1234567'], ['8 characters', '12345678'], ['128 characters', 'p'.repeat(128)], ['129 characters', 'p'.repeat(129)], ['3 emoji', '😀😀😀'], ['4 emoji', '😀😀😀😀'],
  ['65 emoji', '😀'.repeat(65)], ['8 blanks', ' '.repeat(8)], ['a NUL', 'correct\u0000horse'], ['empty', ''], ['ﷺ', 'ﷺ']]) {
  use(`password: ${name}`, { ...reset, newPassword });
  use(`password: ${name}, no token`, { newPassword });
  use(`password: ${name}, bad token`, { newPassword, token: 'x' });
}
for (const [name, token] of [['in swapped case', swapCase(T)], ['a blank behind', `${T} `], ['a blank before', ` ${T}`], ['a NUL', `${T}\u0000`], ['prefixed', `reset-password:${T}`], ['long', 'a'.repeat(300)],
  ['very long', 'a'.repeat(5000)], ['quotes', "' OR '1'='1"], ['percent', '%'], ['emoji', '😀'], ['a row id', 'verification1'], ['a session', TOKENS.ada]]) {
  use(`token: ${name}`, { ...reset, token });
}
use('token: of a deletion', { ...reset, token: 'dddddddd' }, { rows: [verification('delete-account-dddddddd', userId(0))] });
use('token of another kind by its identifier', { ...reset, token: 'x' }, { rows: [verification('reset-password-x', userId(0))] });
use('two rows of one token', reset, { rows: [...row({ created: start - DAY }), verification(`reset-password:${T}`, userId(1), { id: 'verification2' })] });
use('two rows of one token, the newer has expired', reset, { rows: [...row({ created: start - DAY }), verification(`reset-password:${T}`, userId(1), { id: 'verification2', expires: start - 1 })] });
const inQuery = (name, pairs, body, more) => use(`query: ${name}`, body, { path: `${RP}?${pairs}`, ...more });
inQuery('token', `token=${T}`, { newPassword: NEXT });
inQuery('token, hidden by one in the body', `token=${T}`, { newPassword: NEXT, token: 'x' });
inQuery('token, behind an empty one in the body', `token=${T}`, { newPassword: NEXT, token: '' });
inQuery('token behind a bad one of the query', 'token=x', reset);
for (const pairs of ['token=', 'token', `token=a&token=${T}`, `token[]=${T}`, `Token=${T}`, `token=${T}%00`, `token=%zz`, 'token=%ff', `%74oken=${T}`, `token=${T}&a=b`, `a=b`, '&', `token=${T}+`]) {
  inQuery(`'${pairs}'`, pairs, { newPassword: NEXT }, { malformed: true });
  inQuery(`'${pairs}', a good one in the body`, pairs, reset, { malformed: true });
}
inQuery('twice, before the body is looked at', `token=a&token=b`, { newPassword: 1 });
use('with a session', reset, { ...mine });
use("with another's session", reset, { ...bobs });
use('with an expired session', reset, { cookie: session(TOKENS.expired) });
use('revokes sessions', reset, { site: 'prompt', ...mine });
use('revokes sessions, hashed', reset, { site: 'prompt', rows: row({ hashed: true }) });
use('a second account', reset, { rows: [...row(), `UPDATE account SET userId = '${userId(0)}' WHERE id = 'account5'`] });
use('the account of another id', reset, { rows: [...row(), `UPDATE account SET accountId = 'x' WHERE id = 'account0'`] });

// --- A mail that verifies ----------------------------------------------------------------------------------------------
const SV = '/send-verification-email';
hostile(SV, { email: 'nobody@example.com' }, ['email'], ['callbackURL'], 'confirm');
for (const site of ALL) {
  post(`${SV} (${site}): not verified`, SV, { email: 'bob@example.com', callbackURL: '/welcome' }, { site });
  post(`${SV} (${site}): verified`, SV, { email: 'ada@example.com' }, { site });
  post(`${SV} (${site}): unknown`, SV, { email: 'nobody@example.com' }, { site });
  post(`${SV} (${site}): with a session`, SV, { email: 'bob@example.com' }, { ...bobs, site });
}
post(`${SV} (secure)`, SV, { email: 'bob@example.com' }, { site: 'secure', origin: 'https://auth.test' });
const mailBob = (name, body, more) => post(`${SV}: ${name}`, SV, { email: 'bob@example.com', ...body }, { site: 'confirm', ...bobs, ...more });
mailBob('another address', { email: 'ada@example.com' });
mailBob('an unknown address', { email: 'nobody@example.com' });
mailBob('upper case', { email: 'BOB@Example.COM' });
mailBob('upper case, no session', { email: 'BOB@Example.COM' }, { cookie: undefined });
mailBob('verified already', { email: 'ada@example.com' }, mine);
mailBob('verified already, another address', {}, mine);
mailBob('forged session', {}, { cookie: `better-auth.session_token=${TOKENS.bob}.${'A'.repeat(43)}%3D` });
mailBob('expired session', {}, { cookie: session(TOKENS.expired) });
mailBob('orphan', {}, { cookie: session(TOKENS.orphan) });
mailBob('due', { email: 'ada@example.com' }, { cookie: session(TOKENS.due) });
mailBob('due, unverified', {}, { cookie: session(TOKENS.due), rows: [`UPDATE session SET userId = '${userId(1)}'`] });
mailBob('stale session_data', {}, { cookie: `${session(TOKENS.bob)}; better-auth.session_data=abc` });
mailBob('foreign page', {}, { origin: 'https://evil.test' });
for (const callbackURL of ["/a b?c=d&e=é€𝒜%20+'()*!~#f", '', ORIGIN, ...URLS.filter((_, i) => i % 4 === 0)]) mailBob(`callbackURL ${JSON.stringify(callbackURL)}`, { callbackURL });
for (const email of EMAILS) mailBob(`address ${label(email)}`, { email });

// --- The link of it ----------------------------------------------------------------------------------------------------
const VE = '/verify-email';
const seconds = Math.floor(start / 1000);
const claims = (more) => ({ email: 'bob@example.com', iat: seconds, exp: seconds + 86400, ...more });
const VERIFY = jwt(claims());
const follow = (name, token, { pairs = {}, cookie, site = 'confirm', ...more } = {}) =>
  get(`${VE}: ${name}`, `${VE}?${query(typeof pairs === 'string' ? pairs : { token, ...pairs })}`, cookie, { site, ...more });
for (const site of [...ALL, 'secure']) {
  const name = (token) => (site === 'secure' ? { cookie: `__Secure-${session(token)}` } : { cookie: session(token) });
  for (const [what, more] of [['no session', {}], ['own session', name(TOKENS.bob)], ["another's session", name(TOKENS.ada)], ['callbackURL', { pairs: { callbackURL: '/welcome' } }],
    ['own session, callbackURL', { ...name(TOKENS.bob), pairs: { callbackURL: '/welcome?a=b#c' } }]]) {
    follow(`good (${site}): ${what}`, VERIFY, { site, ...more });
    follow(`verified already (${site}): ${what}`, jwt(claims({ email: 'ada@example.com' })), { site, ...more });
    follow(`bad (${site}): ${what}`, 'x.y.z', { site, ...more });
    follow(`confirm a change (${site}): ${what}`, jwt(claims({ updateTo: 'new@example.com', requestType: 'change-email-confirmation' })), { site, ...more });
    follow(`change (${site}): ${what}`, jwt(claims({ updateTo: 'new@example.com', requestType: 'change-email-verification' })), { site, ...more });
  }
}
const inPrompt = { site: 'prompt' };
for (const cookie of [session(TOKENS.expired), session(TOKENS.orphan), session('x'.repeat(32)), 'better-auth.session_token=x.y', `${session(TOKENS.bob)}; ${MARKER}`, MARKER,
  `${session(TOKENS.bob)}; better-auth.session_data=abc`, `${session(TOKENS.ada)}; ${MARKER}`]) {
  const name = cookie.replace(/session_token=([a-z]{4})[^;]*/, 'session_token=$1…');
  follow(`signs in, cookie ${name}`, VERIFY, { ...inPrompt, cookie });
  follow(`a change, cookie ${name}`, jwt(claims({ updateTo: 'new@example.com', requestType: 'change-email-verification' })), { cookie });
}
follow('signs in, own session is due', VERIFY, { ...inPrompt, cookie: session(TOKENS.due), rows: [`UPDATE session SET userId = '${userId(1)}'`] });
follow('signs in, own session is short', VERIFY, { ...inPrompt, cookie: session(TOKENS.short), rows: [`UPDATE session SET userId = '${userId(1)}'`] });
follow('again', VERIFY, { keep: true });
follow('signs in, user agent and address', VERIFY, { ...inPrompt, headers: [['User-Agent', 'tester/1'], ['X-Forwarded-For', '203.0.113.9']] });
follow('upper case address', jwt(claims({ email: 'BOB@Example.com' })));
follow('signs in, upper case address, own session', jwt(claims({ email: 'BOB@Example.com' })), { ...inPrompt, ...bobs });
follow('no such user', jwt(claims({ email: 'nobody@example.com' })));
follow('no such user, callbackURL', jwt(claims({ email: 'nobody@example.com' })), { pairs: { callbackURL: '/x?a#b' } });
follow('the user has another address now', VERIFY, { rows: ["UPDATE user SET email = 'bobby@example.com' WHERE name = 'Bob'"] });
// A signature with characters in which the two alphabets of base64 differ, and a last one that says the same.
const ODD = Array.from({ length: 99 }, (_, n) => jwt(claims({ n }))).find((token) => /[-_]/.test(token.split('.')[2]));
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const flip = (token, at) => `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
const [H, P, M] = VERIFY.split('.');
for (const [name, token] of [
  ['empty', ''], ['one part', 'x'], ['two parts', `${H}.${P}`], ['two parts and a dot', `${H}.${P}.`], ['four parts', `${VERIFY}.x`], ['five parts', 'a.b.c.d.e'], ['a dot before', `.${VERIFY}`], ['dots', '..'], ['blank before', ` ${VERIFY}`],
  ['blank behind', `${VERIFY} `], ['newline behind', `${VERIFY}\n`], ['NUL behind', `${VERIFY}\u0000`], ['padded', `${VERIFY}=`], ['header padded', `${H}=.${P}.${M}`], ['mac in the other alphabet', ODD.replace(/[^.]*$/, (mac) => mac.replace(/-/g, '+').replace(/_/g, '/'))],
  ['mac cut', VERIFY.slice(0, -1)], ['mac longer', `${VERIFY}A`], ['mac changed', flip(VERIFY, VERIFY.length - 5)], ['last character changed', `${VERIFY.slice(0, -1)}${ALPHABET[ALPHABET.indexOf(VERIFY.at(-1)) + 1]}`],
  ['payload changed', flip(VERIFY, H.length + 5)], ['header changed', flip(VERIFY, 3)], ['swapped case', swapCase(VERIFY)], ['é', 'é.é.é'], ['quotes', "' OR 1=1"], ['of 5000', `${H}.${'a'.repeat(5000)}.${M}`],
  ['another secret', jwt(claims(), { secret: 'x'.repeat(32) })], ['empty secret', jwt(claims(), { secret: '' })],
  ['alg none', `${jwt(claims(), { header: { alg: 'none' } }).split('.').slice(0, 2).join('.')}.`], ['alg none, signed', jwt(claims(), { header: { alg: 'none' } })], ['alg None', jwt(claims(), { header: { alg: 'None' } })],
  ['alg hs256', jwt(claims(), { header: { alg: 'hs256' } })], ['alg HS512', jwt(claims(), { header: { alg: 'HS512' }, digest: 'sha512' })], ['alg HS384', jwt(claims(), { header: { alg: 'HS384' }, digest: 'sha384' })],
  ['alg RS256', jwt(claims(), { header: { alg: 'RS256' } })], ['no alg', jwt(claims(), { header: {} })], ['alg a number', jwt(claims(), { header: { alg: 1 } })], ['header an array', jwt(claims(), { header: [] })],
  ['header no JSON', jwt(claims(), { header: 'x' })], ['header null', jwt(claims(), { header: 'null' })], ['typ', jwt(claims(), { header: { alg: 'HS256', typ: 'JWT' } })], ['kid', jwt(claims(), { header: { alg: 'HS256', kid: '../../x' } })],
  ['header blanks', jwt(claims(), { header: ' { "alg" : "HS256" } ' })], ['crit', jwt(claims(), { header: { alg: 'HS256', crit: ['exp'] } })], ['crit empty', jwt(claims(), { header: { alg: 'HS256', crit: [] } })],
  ['b64 false', jwt(claims(), { header: { alg: 'HS256', b64: false, crit: ['b64'] } })], ['zip', jwt(claims(), { header: { alg: 'HS256', zip: 'DEF' } })], ['jwk', jwt(claims(), { header: { alg: 'HS256', jwk: { kty: 'oct', k: 'eA' } } })],
  ['payload an array', jwt([])], ['payload a string', jwt('"x"')], ['payload null', jwt('null')], ['payload no JSON', jwt('x')], ['payload empty', jwt('')], ['payload {}', jwt({})], ['payload blanks', jwt(` ${JSON.stringify(claims())} `)],
  ['payload no UTF-8', jwt(claims()).replace(P, Buffer.from([0xff]).toString('base64url'))],
  ['expired', jwt(claims({ exp: seconds }))], ['expired long ago', jwt(claims({ exp: 1 }))], ['exp 0', jwt(claims({ exp: 0 }))], ['exp negative', jwt(claims({ exp: -1 }))], ['exp in ms', jwt(claims({ exp: start + DAY }))],
  ['exp text', jwt(claims({ exp: `${seconds + 86400}` }))], ['exp null', jwt(claims({ exp: null }))], ['exp a fraction', jwt(claims({ exp: seconds + 86400.5 }))], ['exp huge', jwt(JSON.stringify(claims()).replace(/"exp":\d+/, '"exp":1e300'))],
  ['no exp', jwt(without(claims(), 'exp'))], ['no iat', jwt(without(claims(), 'iat'))], ['iat in the future', jwt(claims({ iat: seconds + 40000 }))], ['iat text', jwt(claims({ iat: 'x' }))], ['iat null', jwt(claims({ iat: null }))],
  ['nbf past', jwt(claims({ nbf: seconds }))], ['nbf future', jwt(claims({ nbf: seconds + 40000 }))], ['nbf text', jwt(claims({ nbf: 'x' }))], ['aud', jwt(claims({ aud: 'x' }))], ['iss a number', jwt(claims({ iss: 1 }))],
  ['more claims', jwt(claims({ foo: { bar: [1] } }))], ['duplicate email', jwt(`{"email":"nobody@example.com",${JSON.stringify(claims()).slice(1)}`)],
  ['expired and no such user', jwt(claims({ exp: 1, email: 'nobody@example.com' }))], ['expired, another secret', jwt(claims({ exp: 1 }), { secret: 'x' })],
]) {
  follow(`token: ${name}`, token, { malformed: true });
  follow(`token: ${name}, callbackURL`, token, { pairs: { callbackURL: '/x?a=b#c' }, malformed: true });
}
for (const value of [undefined, null, 1, true, [], {}, '', 'x', 'a@b', ' bob@example.com', 'bob@example.com ', 'bob@example.com\u0000', `${'a'.repeat(300)}@b.co`]) {
  follow(`email is ${value === undefined ? 'missing' : label(JSON.stringify(value))}`, jwt(claims({ email: value })), { malformed: true });
}
for (const type of ['change-email-confirmation', 'change-email-verification']) {
  for (const value of [undefined, null, 1, true, [], {}, '', 'x', 'a@b', 'New@Example.com', 'bob@example.com', 'BOB@example.com', 'carl@example.com', 'Carl@example.com', 'new@example.com\u0000', `${'a'.repeat(300)}@b.co`]) {
    follow(`${type}: updateTo is ${value === undefined ? 'missing' : label(JSON.stringify(value))}`, jwt(claims({ updateTo: value, requestType: type })), { malformed: true });
  }
}
for (const value of [undefined, null, 1, true, [], {}, '', 'x', 'change-email', 'CHANGE-EMAIL-CONFIRMATION', 'change-email-verification\u0000']) {
  follow(`requestType is ${value === undefined ? 'missing' : JSON.stringify(value)}`, jwt(claims({ updateTo: 'new@example.com', requestType: value })), { malformed: true });
  follow(`requestType is ${value === undefined ? 'missing' : JSON.stringify(value)}, no updateTo`, jwt(claims({ requestType: value })), { malformed: true });
}
for (const pairs of ['', 'token', 'token=', `token=${VERIFY}&token=${VERIFY}`, 'token=a&token=b', `token[]=${VERIFY}`, `Token=${VERIFY}`, `token=${VERIFY}&callbackURL=`, `token=${VERIFY}&callbackURL`, `token=${VERIFY}&callbackURL=/a&callbackURL=/b`,
  `token=${VERIFY}&callbackURL=//evil.test`, 'token=x&callbackURL=//evil.test', 'callbackURL=//evil.test', 'callbackURL=/x', `token=${VERIFY}&callbackURL=%00`, `token=${VERIFY}&callbackURL=%zz`, `token=${VERIFY}%00`, `token=%zz`, `token=%ff`,
  `token=${VERIFY}&foo=bar`, `%74oken=${VERIFY}`, `token=+${VERIFY}`, '&&=', `token=${VERIFY}&redirectTo=//evil.test`, `token=${VERIFY}#x`]) {
  follow(`query '${pairs.replaceAll(VERIFY, 'GOOD')}'`, '', { pairs, malformed: true });
}
for (const url of TARGETS) {
  follow(`callbackURL ${JSON.stringify(url)}`, VERIFY, { pairs: { callbackURL: url } });
  follow(`bad, callbackURL ${JSON.stringify(url)}`, 'x', { pairs: { callbackURL: url } });
}
for (const url of ['https://a.x.example/n?x=y', 'https://app.y.example', 'http://auth.test/']) {
  follow(`callbackURL with patterns: ${url}`, VERIFY, { site: 'secure', pairs: { callbackURL: url } });
  follow(`bad, callbackURL with patterns: ${url}`, 'x', { site: 'secure', pairs: { callbackURL: url } });
}
follow('from a foreign page', VERIFY, { headers: [['Origin', 'https://evil.test'], ['Cookie', 'a=b']] });
for (const method of ['POST', 'HEAD', 'PUT']) add(`${VE}: ${method}`, method, `${VE}?token=${VERIFY}`, { site: 'confirm', headers: [['Origin', ORIGIN]] });

// --- A change of address -----------------------------------------------------------------------------------------------
const CE = '/change-email';
const changeTo = (name, body, more) => post(`${CE}: ${name}`, CE, { newEmail: 'new@example.com', ...body }, { site: 'confirm', ...mine, ...more });
const origin = 'https://auth.test';
for (const site of ALL) {
  for (const [who, with_] of [['verified', mine], ['not verified', bobs]]) {
    changeTo(`${who} (${site})`, {}, { ...with_, site });
    changeTo(`${who} (${site}), callbackURL`, { callbackURL: '/changed?a=b c' }, { ...with_, site });
    changeTo(`${who} (${site}), taken`, { newEmail: 'carl@example.com' }, { ...with_, site });
    changeTo(`${who} (${site}), taken, other case`, { newEmail: 'Carl@Example.com' }, { ...with_, site });
    changeTo(`${who} (${site}), the same`, { newEmail: with_ === mine ? 'Ada@example.com' : 'bob@EXAMPLE.com' }, { ...with_, site });
    changeTo(`${who} (${site}), upper case`, { newEmail: 'New@Example.COM' }, { ...with_, site });
    changeTo(`${who} (${site}), no address`, { newEmail: undefined }, { ...with_, site });
  }
  changeTo(`no session (${site})`, {}, { site, cookie: undefined });
}
changeTo('secure', {}, { site: 'secure', origin, cookie: `__Secure-${session(TOKENS.ada)}` });
changeTo('at once, with marker', {}, { site: 'prompt', cookie: `${session(TOKENS.bob)}; ${MARKER}` });
changeTo('at once, due', {}, { site: 'prompt', cookie: session(TOKENS.due), rows: [`UPDATE session SET userId = '${userId(1)}'`] });
changeTo('at once, short', {}, { site: 'prompt', cookie: session(TOKENS.short), rows: [`UPDATE session SET userId = '${userId(1)}'`] });
changeTo('at once, stale session_data', {}, { site: 'prompt', cookie: `${session(TOKENS.bob)}; better-auth.session_data=abc` });
for (const email of EMAILS) changeTo(`address ${label(email)}`, { newEmail: email });
for (const email of EMAILS) changeTo(`at once, address ${label(email)}`, { newEmail: email }, { ...bobs, site: 'prompt' });
for (const value of VALUES) changeTo(`callbackURL is ${JSON.stringify(value)}`, { callbackURL: value }, { malformed: true });
for (const url of URLS) changeTo(`callbackURL ${JSON.stringify(url)}`, { callbackURL: url });
changeTo('twice', {}, { keep: true });

// --- Deletion ----------------------------------------------------------------------------------------------------------
const DU = '/delete-user';
const D = 'abcdefghijklmnopqrstuvwxyz012345';
const deletion = (i = 0, more) => [verification(`delete-account-${D}`, userId(i), more)];
const remove = (name, body, more) => post(`${DU}: ${name}`, DU, body, { site: 'prompt', ...mine, ...more });
const old = aged(TOKENS.ada, DAY);
for (const site of ALL) {
  remove(`(${site})`, {}, { site });
  remove(`(${site}), callbackURL`, { callbackURL: '/gone?a=b c' }, { site });
  remove(`(${site}), password`, { password: PASSWORD }, { site });
  remove(`(${site}), wrong password`, { password: 'wrong horse battery' }, { site });
  remove(`(${site}), empty password`, { password: '' }, { site });
  remove(`(${site}), token`, { token: D }, { site, rows: deletion() });
  remove(`(${site}), hashed token`, { token: D }, { site, rows: deletion(0, { hashed: true }) });
  remove(`(${site}), token of somebody else`, { token: D }, { site, rows: deletion(1) });
  remove(`(${site}), unknown token`, { token: 'x' }, { site, rows: deletion() });
  remove(`(${site}), token and wrong password`, { token: D, password: 'wrong horse battery' }, { site, rows: deletion() });
  remove(`(${site}), not fresh`, {}, { site, rows: old });
  remove(`(${site}), not fresh, password`, { password: PASSWORD }, { site, rows: old });
  remove(`(${site}), not fresh, token`, { token: D }, { site, rows: [...old, ...deletion()] });
  remove(`(${site}), no session`, {}, { site, cookie: undefined });
  remove(`(${site}), no body`, undefined, { site, type: null });
}
remove('secure', {}, { site: 'secure', origin, cookie: `__Secure-${session(TOKENS.ada)}` });
remove('secure, token', { token: D }, { site: 'secure', origin, cookie: `__Secure-${session(TOKENS.ada)}`, rows: deletion() });
for (const field of ['password', 'token', 'callbackURL']) for (const value of VALUES) remove(`${field} is ${JSON.stringify(value)}`, { [field]: value }, { malformed: true });
for (const field of ['password', 'token', 'callbackURL']) remove(`${field} has a NUL`, { [field]: `${PASSWORD}\u0000` }, { malformed: true });
remove('everything wrong', { password: 1, token: null, callbackURL: [] }, { malformed: true });
remove('duplicate keys', '{"token":"x","token":""}');
for (const [name, i] of [['none', 2], ['no password', 3], ['malformed hash', 4], ['another provider', 5]]) {
  remove(`account: ${name}, password`, { password: PASSWORD }, { rows: [`UPDATE session SET userId = '${userId(i)}' WHERE token = '${TOKENS.ada}'`] });
  remove(`account: ${name}`, {}, { rows: [`UPDATE session SET userId = '${userId(i)}' WHERE token = '${TOKENS.ada}'`] });
}
for (const [name, password] of [['129 characters', 'p'.repeat(129)], ['65 emoji', '😀'.repeat(65)], ['a blank behind', `${PASSWORD} `], ['other case', PASSWORD.toUpperCase()]]) remove(`password: ${name}`, { password });
for (const [name, token] of [['in swapped case', swapCase(D)], ['a blank behind', `${D} `], ['prefixed', `delete-account-${D}`], ['very long', 'a'.repeat(5000)], ['quotes', "' OR '1'='1"], ['emoji', '😀'], ['of a reset', T]]) {
  remove(`token: ${name}`, { token }, { rows: [...deletion(), verification(`reset-password:${T}`, userId(0), { id: 'verification2' })] });
}
remove('token: expired', { token: D }, { rows: deletion(0, { expires: start - 1 }) });
remove('token: plain row, hashed site', { token: D }, { rows: deletion() });
remove('token: used', { token: D }, { keep: true });
for (const url of URLS) remove(`callbackURL ${JSON.stringify(url)}`, { callbackURL: url }, { site: 'confirm' });
remove('twice', {}, { site: 'confirm', keep: true });
remove('with marker', {}, { cookie: `${session(TOKENS.ada)}; ${MARKER}` });
remove('leaves what is mailed to others', {}, { rows: deletion(1) });

const DC = '/delete-user/callback';
const confirm = (name, pairs, { rows = deletion(), cookie = session(TOKENS.ada), ...more } = {}) => get(`${DC}: ${name}`, `${DC}?${query(pairs)}`, cookie ?? undefined, { site: 'confirm', rows, ...more });
for (const site of ALL) {
  confirm(`good (${site})`, { token: D }, { site });
  confirm(`good (${site}), callbackURL`, { token: D, callbackURL: '/gone?a=b#c' }, { site });
  confirm(`hashed (${site})`, { token: D }, { site, rows: deletion(0, { hashed: true }) });
  confirm(`unknown (${site})`, { token: 'x', callbackURL: '/gone' }, { site });
  confirm(`no session (${site})`, { token: D, callbackURL: '/gone' }, { site, cookie: null });
  confirm(`no token (${site})`, {}, { site });
  confirm(`foreign callbackURL (${site})`, { token: D, callbackURL: 'https://evil.test' }, { site });
}
confirm('secure', { token: D, callbackURL: '/gone' }, { site: 'secure', cookie: `__Secure-${session(TOKENS.ada)}` });
confirm("another's token", { token: D }, { rows: deletion(1) });
confirm("another's token, callbackURL", { token: D, callbackURL: '/gone' }, { rows: deletion(1) });
confirm('expired', { token: D }, { rows: deletion(0, { expires: start - 1 }) });
confirm('of a reset', { token: T }, { rows: row() });
confirm('used', { token: D }, { rows: ['DELETE FROM verification'] });
confirm('not fresh', { token: D }, { rows: [...deletion(), ...old] });
confirm('forged session', { token: D }, { cookie: 'better-auth.session_token=x.y' });
confirm('unknown session', { token: D }, { cookie: session('x'.repeat(32)) });
confirm('expired session', { token: D }, { cookie: session(TOKENS.expired) });
confirm('orphan', { token: D }, { cookie: session(TOKENS.orphan) });
confirm('due', { token: D }, { cookie: session(TOKENS.due) });
confirm('due, unknown token', { token: 'x' }, { cookie: session(TOKENS.due) });
confirm('with marker', { token: D }, { cookie: `${session(TOKENS.short)}; ${MARKER}` });
confirm('stale session_data', { token: D }, { cookie: `${session(TOKENS.ada)}; better-auth.session_data=abc` });
for (const [name, token] of [['in swapped case', swapCase(D)], ['a blank behind', `${D} `], ['prefixed', `delete-account-${D}`], ['very long', 'a'.repeat(3000)], ['quotes', "' OR '1'='1"], ['a NUL', `${D}\u0000`]]) confirm(`token: ${name}`, { token });
for (const pairs of ['', 'token', 'token=', `token=${D}&token=${D}`, 'token=a&token=b', `token[]=${D}`, `Token=${D}`, `token=${D}&callbackURL=`, `token=${D}&callbackURL=/a&callbackURL=/b`, `token=${D}&callbackURL=//evil.test`,
  'token=x&callbackURL=//evil.test', 'callbackURL=/x', `token=${D}&callbackURL=%00`, `token=${D}%00`, 'token=%zz', 'token=%ff', `token=${D}&foo=bar`, `token=${D}&disableRefresh=1`]) {
  confirm(`query '${pairs}'`, pairs, { malformed: true });
}
for (const url of URLS) confirm(`callbackURL ${JSON.stringify(url)}`, { token: D, callbackURL: url });
for (const method of ['POST', 'HEAD', 'DELETE']) add(`${DC}: ${method}`, method, `${DC}?token=${D}`, { site: 'confirm', headers: [['Origin', ORIGIN]] });

// --- Mails of sign-up and sign-in --------------------------------------------------------------------------------------
for (const site of ['confirm', 'prompt', 'strict', 'silent']) {
  post(`mail: sign-up (${site})`, '/sign-up/email', newcomer, { site });
  post(`mail: sign-up (${site}), callbackURL`, '/sign-up/email', { ...newcomer, email: 'New@Example.com', callbackURL: '/hello?a=b c#d' }, { site });
  post(`mail: sign-up (${site}), address taken`, '/sign-up/email', { ...newcomer, email: 'bob@example.com' }, { site });
  post(`mail: sign-up (${site}), short password`, '/sign-up/email', { ...newcomer, password: 'x' }, { site });
  post(`mail: sign-in (${site})`, '/sign-in/email', { ...ada }, { site });
  for (const [name, more] of [['', {}], [', callbackURL', { callbackURL: '/hello?a=b c#d' }], [', empty callbackURL', { callbackURL: '' }], [', upper case', { email: 'BOB@example.com' }], [', wrong password', { password: 'wrong horse battery' }]]) {
    post(`mail: sign-in (${site}), not verified${name}`, '/sign-in/email', { ...ada, email: 'bob@example.com', ...more }, { site });
  }
}
post('mail: sign-up (secure)', '/sign-up/email', newcomer, { site: 'secure', origin });
