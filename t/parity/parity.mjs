// SPDX-License-Identifier: Apache-2.0
// Copyright the mod_betterauth authors
//
// Sends every request of cases.mjs to npm better-auth and to httpd, each on its own copy of the same rows, and compares
// status, type, location, body, cookies and what is in the tables afterwards. Prints TAP.
//   node parity.mjs STATE.json [self | PATTERN]     self: npm against itself, which proves the comparison
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import { isDeepStrictEqual } from 'node:util';
import cases from './cases.mjs';
import { deviations, everywhere } from './deviations.mjs';
import { DAY, SECRET, sign, start, statements } from './seed.mjs';

const packages = createRequire(new URL('../node/package.json', import.meta.url));
const { createConnection } = packages('mysql2/promise');

const state = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const self = process.argv[3] === 'self';
const pattern = process.argv[3] && !self ? new RegExp(process.argv[3]) : null;

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
  for (const days of [0, 1, 7]) if (Math.abs(ms - Date.now() - days * DAY) < 20e3) return `<now+${days}d>`;
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

// set-auth-token: what a cookie's value is, decoded.
function maskToken(token) {
  if (token === undefined) return null;
  const plain = token.slice(0, token.lastIndexOf('.'));
  return decodeURIComponent(sign(plain, SECRET)) === token ? `signed(${maskText(plain)})` : token;
}

// --- What is compared -------------------------------------------------------------------------------------------------
const time = (text) => moment(Date.parse(`${text.replace(' ', 'T')}Z`));

async function rows({ sql }) {
  const [users] = await sql.query('SELECT * FROM user ORDER BY email');
  const [accounts] = await sql.query('SELECT a.*, u.email FROM account a LEFT JOIN user u ON u.id = a.userId ORDER BY u.email, a.id');
  const [sessions] = await sql.query('SELECT s.*, u.email FROM session s LEFT JOIN user u ON u.id = s.userId ORDER BY s.createdAt, s.token');
  const dates = (row) => Object.fromEntries(Object.entries(row).map(([key, value]) => [key, /At$/.test(key) && value ? time(value) : value]));
  const hash = (text) => (text && /^[0-9a-f]{32}:[0-9a-f]{128}$/.test(text) && !text.startsWith('0001020304') ? '<scrypt>' : text);
  const id = (text) => maskText(text);
  return {
    user: users.map((u) => ({ ...dates(u), id: id(u.id) })),
    account: accounts.map((a) => ({ ...dates(a), id: id(a.id), password: hash(a.password), accountId: a.accountId === a.userId ? '<user>' : a.accountId, userId: id(a.userId) })),
    session: sessions.map((s) => ({ ...dates(s), id: id(s.id), token: id(s.token), userId: id(s.userId) })),
  };
}

async function observe(server, c) {
  if (!c.keep) await server.sql.query([...statements(), ...c.rows].join(';'));
  const { response, body } = await send(server, c);
  let parsed = body;
  try { parsed = mask(JSON.parse(body)); } catch { /* compared as text */ }
  if (c.anyOrder && Array.isArray(parsed)) parsed.sort((x, y) => (x.id < y.id ? -1 : 1));
  return {
    status: response.statusCode,
    type: response.headers['content-type'] ?? null,
    location: response.headers.location ?? null,
    cacheControl: response.headers['cache-control'] ?? null,
    pragma: response.headers.pragma ?? null,
    body: parsed,
    cookies: (response.headers['set-cookie'] ?? []).map(maskCookie),
    authToken: maskToken(response.headers['set-auth-token']),
    exposed: response.headers['access-control-expose-headers'] ?? null,
    rows: await rows(server),
  };
}

// --- Run --------------------------------------------------------------------------------------------------------------
const chosen = pattern ? cases.filter((c) => pattern.test(c.name)) : cases;
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

const names = new Set();
for (const c of chosen) {
  if (names.has(c.name)) report(false, `two cases are named ${c.name}`);
  names.add(c.name);
  let a, b;
  try {
    a = await observe(npm, c);
    b = await observe(ours, c);
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
console.log(`1..${count}`);
console.log(`# ${chosen.length} requests compared, ${failures} failures, ${deviations.length} deviations listed`);
await npm.sql.end();
if (!self) await ours.sql.end();
process.exit(failures ? 1 : 0);
