// SPDX-License-Identifier: Apache-2.0
// Copyright the mod_betterauth authors
//
// Sends every request of cases.mjs and mail-cases.mjs to npm better-auth and to httpd, each on its own copy of the same
// rows, and compares status, type, location, body, cookies, what is in the tables afterwards and what was mailed. Then
// counts what each endpoint of the API got. Prints TAP.
//   node parity.mjs STATE.json [self | PATTERN]     self: npm against itself, which proves the comparison
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import { isDeepStrictEqual } from 'node:util';
import cacheCases, { open } from './cache-cases.mjs';
import './cases.mjs';
import './mail-cases.mjs';
import { deviations, everywhere } from './deviations.mjs';
import { cases } from './request.mjs';
import { DAY, SECRET, readJwt, sign, start, statements } from './seed.mjs';

const packages = createRequire(new URL('../node/package.json', import.meta.url));
const { createConnection } = packages('mysql2/promise');

const state = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const self = process.argv[3] === 'self';
const pattern = process.argv[3] && !self ? new RegExp(process.argv[3]) : null;

cases.push(...cacheCases);
const connect = (database) =>
  createConnection({ host: '127.0.0.1', port: state.mariadb.port, user: 'ba', password: 'ba-test', database, timezone: 'Z', dateStrings: true, multipleStatements: true });
const npm = { name: 'npm', sites: state.npm, sql: await connect(state.npm.parity.database) };
const ours = self
  ? { ...npm, name: 'npm again' }
  : { name: 'httpd', sites: state.flavours.plain.sites, sql: await connect(state.flavours.plain.sites.parity.database) };

// --- One request ------------------------------------------------------------------------------------------------------
function send(server, c) {
  const { port } = server.sites[c.site ? `parity-${c.site}` : 'parity'];
  const headers = c.headers.some(([name]) => name === 'Host') ? [] : [['Host', 'auth.test']];
  // npm knows the client by this header alone, httpd by mod_remoteip.
  if (!c.direct && !c.headers.some(([name]) => name === 'X-Forwarded-For')) headers.push(['X-Forwarded-For', '203.0.113.5']);
  headers.push(...c.headers.map(([name, value]) => [name, Buffer.from(value, 'utf8').toString('latin1')]), ['Connection', 'close']);
  if (c.body !== undefined) headers.push(['Content-Length', String(Buffer.byteLength(c.body))]);
  else if (c.method === 'POST') headers.push(['Content-Length', '0']);
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, method: c.method, path: `/api/auth${c.path}`, headers: headers.flat(), setHost: false, agent: false });
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => resolve({ response, body: Buffer.concat(chunks).toString() }));
    });
    request.end(c.body);
  });
}

// --- Masks: what is random or a clock reading becomes a word -----------------------------------------------------------
function moment(ms) {
  for (const minutes of [-1, 0, 10, 60, 1440, 7 * 1440]) if (Math.abs(ms - Date.now() - minutes * 60e3) < 20e3) return `<now, ${minutes} min>`;
  return `start${ms >= start ? '+' : ''}${ms - start}`;
}

function maskText(text) {
  if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text)) return moment(Date.parse(text));
  if (/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(text)) return '<uuid>';
  if (/^[a-zA-Z0-9]{32}$/.test(text) && !/^(.)\1{20}|U{10}/.test(text)) return '<random>';
  return text;
}

function mask(value) {
  if (typeof value === 'string') return maskText(value);
  if (Array.isArray(value)) return value.map(mask);
  if (value && typeof value === 'object') return Object.fromEntries(Object.keys(value).sort().map((key) => [key, mask(value[key])]));
  return value;
}

function maskCookie(line) {
  const [, name, value, rest] = /^([^=]*)=([^;]*)(.*)$/s.exec(line);
  const plain = decodeURIComponent(value);
  const dot = plain.lastIndexOf('.');
  if (dot > 0 && sign(plain.slice(0, dot), SECRET) === value) return `${name}=signed(${maskText(plain.slice(0, dot))})${rest}`;
  return line;
}

// A moment in a cache cookie, in seconds or milliseconds.
function instant(number) {
  const seconds = (number > 1e11 ? number / 1000 : number) - Date.now() / 1000;
  return [0, 60, 300].map((s) => Math.abs(seconds - s) < 20 && `<now+${s}s>`).find(Boolean) ?? number;
}

// What a session_data cookie says takes the place of its value; of its pieces the lengths are compared too.
async function maskCache(lines, form) {
  const parts = lines.map((line) => /^([^=]*\.session_data(?:\.\d+)?)=([^;]+)(.*)$/s.exec(line));
  const values = parts.filter(Boolean).map(([, , value]) => value);
  if (!values.length) return lines;
  const payload = await open(form, values.join(''));
  const said = payload && JSON.stringify(mask(Object.fromEntries(Object.entries(payload)
    .map(([key, value]) => [key, typeof value === 'number' ? instant(value) : key === 'jti' ? '<uuid>' : value]))));
  return lines.map((line, i) => (parts[i] ? `${parts[i][1]}=cache(${values.length > 1 ? `${parts[i][2].length} of ` : ''}${said})${parts[i][3]}` : line));
}

// A browser keeps the last of the lines with one name; npm sends several where a cache is deleted and then written.
const lastOfEach = (lines) => lines.filter((line, i) => !lines.slice(i + 1).some((later) => later.split('=')[0] === line.split('=')[0]));

async function cookiesOf(response, form) {
  const lines = (response.headers['set-cookie'] ?? []).map(maskCookie);
  return form ? maskCache(lastOfEach(lines), form) : lines;
}

// set-auth-token: what a cookie's value is, decoded.
function maskToken(token) {
  if (token === undefined) return null;
  const plain = token.slice(0, token.lastIndexOf('.'));
  return decodeURIComponent(sign(plain, SECRET)) === token ? `signed(${maskText(plain)})` : token;
}

// --- What is compared -------------------------------------------------------------------------------------------------
const time = (text) => moment(Date.parse(`${text.replace(' ', 'T')}Z`));

const TABLES = [
  'SELECT * FROM user ORDER BY email',
  'SELECT a.*, u.email FROM account a LEFT JOIN user u ON u.id = a.userId ORDER BY u.email, a.providerId, a.accountId, a.id',
  'SELECT s.*, u.email FROM session s LEFT JOIN user u ON u.id = s.userId ORDER BY s.createdAt, s.token',
  'SELECT * FROM verification ORDER BY createdAt, identifier',
  'SELECT recipient, message FROM test_mail ORDER BY n',
].join(';');

// The link in a mail without what is random in it; the token is what names the verification row.
function maskLink(url) {
  let token = null;
  const link = url.replace(/(\?token=|\/reset-password\/)([^?&]*)/, (_, before, text) => {
    const claims = readJwt(text);
    // ours alone; t/cross shows that npm takes a token that has it, and t/security/mail-tokens.t what it is for
    if (/^[\w-]{43}$/.test(claims?.ba_account)) delete claims.ba_account;
    if (claims) return `${before}${JSON.stringify(claims).replace(/("(?:iat|exp)":)(\d+)/g, (__, key, seconds) => key + moment(seconds * 1e3))}`;
    token = text;
    return `${before}<${/^[a-z0-9]{32}$/.test(text) ? 'lower 32' : /^[a-zA-Z0-9]{24}$/.test(text) ? 'mixed 24' : text}>`;
  });
  return { link, token };
}

// The plain text of a message of httpd; npm's are the link alone.
function plain(message) {
  const part = /^Content-Type: text\/plain[^\n]*\nContent-Transfer-Encoding: ([\w-]+)\s*\n(.*?)\n--=_/ms.exec(message);
  if (!part) return message;
  return part[1] === 'quoted-printable' ? part[2].replace(/=\r?\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16))) : part[2];
}

function readMail({ recipient, message }) {
  const url = /https?:\/\/[^/\s]+\/api\/auth\/\S+/.exec(plain(message))?.[0];
  return { to: recipient, ...(url ? maskLink(url) : { link: 'none', token: null }) };
}

async function rows({ sql }) {
  const [[users, accounts, sessions, verifications, mailed]] = await sql.query(TABLES);
  const dates = (row) => Object.fromEntries(Object.entries(row).map(([key, value]) => [key, /At$/.test(key) && value ? time(value) : value]));
  const hash = (text) => (text && /^[0-9a-f]{32}:[0-9a-f]{128}$/.test(text) && !text.startsWith('0001020304') ? '<scrypt>' : text);
  const id = (text) => maskText(text);
  const mails = mailed.map(readMail);
  const identifiers = mails.flatMap(({ token }) => (token ? [`reset-password:${token}`, `delete-account-${token}`] : []));
  const identifier = (text) => {
    const plain = identifiers.find((name) => text === name);
    const hashed = identifiers.find((name) => text === createHash('sha256').update(name).digest('base64url'));
    return (plain ?? hashed) ? `${plain ? 'mailed' : 'hash of mailed'} ${(plain ?? hashed).slice(0, 15)}` : text;
  };
  return {
    user: users.map((u) => ({ ...dates(u), id: id(u.id) })),
    account: accounts.map((a) => ({ ...dates(a), id: id(a.id), password: hash(a.password), accountId: a.accountId === a.userId ? '<user>' : a.accountId, userId: id(a.userId) })),
    session: sessions.map((s) => ({ ...dates(s), id: id(s.id), token: id(s.token), userId: id(s.userId) })),
    // npm deletes expired rows whenever it looks for one, httpd now and then
    verification: verifications.filter((v) => Date.parse(`${v.expiresAt.replace(' ', 'T')}Z`) > Date.now())
      .map((v) => ({ ...dates(v), id: id(v.id), identifier: identifier(v.identifier) })),
    mails: mails.map(({ to, link }) => ({ to, link })),
  };
}

// Two servers are not asked in the same millisecond: 9 is as good as 10.
const seconds = (text) => (text === undefined ? null : Math.ceil(Number(text) / 2) * 2);

async function observe(server, c) {
  if (!c.keep) await server.sql.query([...statements(), ...c.rows].join(';'));
  if (c.wait) await new Promise((resolve) => setTimeout(resolve, c.wait));
  const { response, body } = await send(server, c);
  let parsed = body;
  try { parsed = mask(JSON.parse(body)); } catch { /* compared as text */ }
  if (c.anyOrder && Array.isArray(parsed)) parsed.sort((x, y) => (x.id < y.id ? -1 : 1));
  const { mails, ...tables } = await rows(server);
  return {
    status: response.statusCode,
    type: response.headers['content-type'] ?? null,
    retryAfter: seconds(response.headers['x-retry-after']),
    location: response.headers.location ?? null,
    cacheControl: response.headers['cache-control'] ?? null,
    pragma: response.headers.pragma ?? null,
    body: parsed,
    cookies: await cookiesOf(response, c.form),
    authToken: maskToken(response.headers['set-auth-token']),
    exposed: response.headers['access-control-expose-headers'] ?? null,
    rows: tables,
    mails,
  };
}

// --- Run --------------------------------------------------------------------------------------------------------------
// npm against itself has one database, where what a case keeps would be there twice.
const chosen = cases.filter((c) => (pattern ? pattern.test(c.name) : !self || !c.keep));
const used = new Set();
let failures = 0;
let count = 0;
const show = (value) => JSON.stringify(value, null, 1).replace(/\n\s*/g, ' ');
function report(ok, name, detail = []) {
  count += 1;
  if (!ok) failures += 1;
  console.log(`${ok ? 'ok' : 'not ok'} ${count} - ${name.replace(/[#\n\r\t\0\\]/g, (ch) => (ch === '#' ? '\\#' : `<${ch.charCodeAt(0)}>`))}`);
  if (!ok) console.error([name, ...detail].join('\n').replace(/^/gm, '# '));
}

// Every endpoint that needs no provider of identities (http-api 5.5), and whether it reads a body or a query.
const ENDPOINTS = [
  ['GET', '/ok'], ['GET', '/error'], ['POST', '/sign-up/email', 'body'], ['POST', '/sign-in/email', 'body'], ['POST', '/sign-out', 'body'],
  ['GET', '/get-session'], ['POST', '/get-session'], ['GET', '/list-sessions'], ['POST', '/revoke-session', 'body'], ['POST', '/revoke-sessions', 'body'],
  ['POST', '/revoke-other-sessions', 'body'], ['POST', '/update-user', 'body'], ['POST', '/update-session', 'body'], ['POST', '/change-email', 'body'],
  ['POST', '/change-password', 'body'], ['POST', '/verify-password', 'body'], ['POST', '/delete-user', 'body'], ['GET', '/delete-user/callback', 'query'],
  ['POST', '/request-password-reset', 'body'], ['GET', '/reset-password/:token', 'query'], ['POST', '/reset-password', 'body'],
  ['POST', '/send-verification-email', 'body'], ['GET', '/verify-email', 'query'], ['GET', '/list-accounts'], ['POST', '/unlink-account', 'body'],
].map(([method, path, input]) => ({ method, path, input, pattern: new RegExp(`^${path.replace(':token', '[^/]+')}(\\?|$)`), requests: 0, malformed: new Set() }));

const names = new Set();
for (const c of chosen) {
  const endpoint = ENDPOINTS.find(({ method, pattern: path }) => method === c.method && path.test(c.path));
  if (endpoint) endpoint.requests += 1;
  if (endpoint && c.malformed) endpoint.malformed.add(`${c.path} ${JSON.stringify(c.headers)} ${c.body}`);

  if (names.has(c.name)) report(false, `two cases are named ${c.name}`);
  names.add(c.name);
  let a, b;
  try {
    if (self) [a, b] = [await observe(npm, c), await observe(ours, c)];
    else [a, b] = await Promise.all([observe(npm, c), observe(ours, c)]);
  } catch (error) {
    report(false, c.name, [String(error.stack)]);
    continue;
  }
  const differs = Object.keys(a).filter((field) => !isDeepStrictEqual(a[field], b[field]));
  const listed = self ? [] : deviations.filter(({ match }) => (match instanceof RegExp ? match.test(c.name) : match === c.name));
  const unexpected = differs.filter((field) => {
    const general = everywhere.find((e) => e.field === field && e.allowed(a[field], b[field], c));
    if (general) { used.add(general); return false; }
    return !listed.some((d) => d.fields.includes(field));
  });
  const idle = listed.filter((d) => !d.fields.some((field) => differs.includes(field)));
  for (const d of listed) if (!idle.includes(d)) used.add(d);
  const detail = unexpected.flatMap((field) => {
    if (field !== 'rows') return [`${field}: ${npm.name} ${show(a[field])}`, `${field}: ${ours.name} ${show(b[field])}`];
    return Object.keys(a.rows).filter((table) => !isDeepStrictEqual(a.rows[table], b.rows[table])).flatMap((table) => {
      const only = (x, y) => x.filter((row) => !y.some((other) => isDeepStrictEqual(row, other)));
      return [`${table}, only ${npm.name}: ${show(only(a.rows[table], b.rows[table]))}`, `${table}, only ${ours.name}: ${show(only(b.rows[table], a.rows[table]))}`];
    });
  });
  detail.push(...idle.map((d) => `deviates no longer: ${d.reason}`));
  report(!unexpected.length && !idle.length, c.name, detail);
}
if (!self && !pattern) for (const d of [...deviations, ...everywhere]) report(used.has(d), `deviation in use: ${d.match ?? d.field}`, used.has(d) ? [] : [d.reason]);
if (!pattern) {
  for (const e of ENDPOINTS) {
    const enough = e.requests > 0 && (!e.input || e.malformed.size >= 10);
    report(enough, `${e.method} ${e.path}: ${e.requests} requests${e.input ? `, ${e.malformed.size} with a malformed ${e.input}` : ''}`);
  }
}
console.log(`1..${count}`);
console.error(`# ${ENDPOINTS.filter(({ requests }) => requests).length} endpoints, ${chosen.length} requests compared, ${failures} failures, ${deviations.length} deviations listed`);
await npm.sql.end();
if (!self) await ours.sql.end();
process.exit(failures ? 1 : 0);
