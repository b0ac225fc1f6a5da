// SPDX-License-Identifier: Apache-2.0
// Copyright the mod_betterauth authors
//
// The list of requests that both servers get, on equal rows, and how to write one. One array element is one request:
//   name, method, path (below /api/auth), headers [[name, value], …], body (text or bytes), site ('' or an option set),
//   wait: milliseconds to let pass before it, rows: SQL run on both databases before it; keep: the rows of the case before are kept; direct: no X-Forwarded-For;
//   anyOrder: the answer is a list whose order says nothing; malformed: the body or query is not what the endpoint takes.
import { ORIGIN, PASSWORD, TOKENS, sign, sqlTime, start } from './seed.mjs';

export const cases = [];
export const json = (value) => (typeof value === 'string' || value instanceof Uint8Array ? value : JSON.stringify(value));

export function add(name, method, path, more = {}) {
  cases.push({ name, method, path, headers: [], body: undefined, site: '', rows: [], ...more });
}

export function post(name, path, body, { headers = [], type = 'application/json', origin = ORIGIN, cookie, ...more } = {}) {
  const all = [...headers];
  if (type !== null) all.push(['Content-Type', type]);
  if (origin !== null) all.push(['Origin', origin]);
  if (cookie !== undefined) all.push(['Cookie', cookie]);
  add(name, 'POST', path, { headers: all, body: body === undefined ? undefined : json(body), ...more });
}

export function get(name, path, cookie, more = {}) {
  add(name, 'GET', path, { headers: cookie === undefined ? [] : [['Cookie', cookie]], ...more });
}

export const session = (token) => `better-auth.session_token=${sign(token)}`;
export const MARKER = `better-auth.dont_remember=${sign('true')}`;
export const ada = { email: 'ada@example.com', password: PASSWORD };
export const newcomer = { name: 'Newcomer', email: 'new@example.com', password: PASSWORD };
export const without = (object, key) => Object.fromEntries(Object.entries(object).filter(([name]) => name !== key));
export const form = (object) => new URLSearchParams(object).toString();
export const FORM = 'application/x-www-form-urlencoded';
export const swapCase = (text) => text.replace(/[a-z]/gi, (c) => (c < 'a' ? c.toLowerCase() : c.toUpperCase()));
export const aged = (token, ms) => [`UPDATE session SET createdAt = '${sqlTime(start - ms)}' WHERE token = '${token}'`];

// What a URL field may be sent: good paths, and what tries to get elsewhere.
export const URLS = ['/', '/x', '/x?y=z#w', '/x%2Fy', '/x?u=%2Fy', '/x%5cy', '/x\\y', '//evil.test', '/\\evil.test', '\\\\evil.test', '/\t/evil.test', '/x\u0000', '/x\u007f', '/x\u0085',
  '/x y', '/é', '/../x', '/a/..//evil.test', '/@evil.test', '/x:y', '/;x', '/%', '/%zz', '/%2e%2e/', '/"x"', "/'x'", '/<x>', 'x', './x', '?x', '#x', ' /x', 'evil.test', 'http://evil.test', 'https://evil.test/',
  ORIGIN, `${ORIGIN}/`, `${ORIGIN}/x?y`, `${ORIGIN}:80/x`, `${ORIGIN}:81/x`, `${ORIGIN}.evil.test`, 'http://auth.test@evil.test/', 'http:evil.test', 'http:/evil.test', 'HTTP://AUTH.TEST/x',
  'javascript:alert(1)', 'data:text/html,x', 'mailto:a@b.co', 'ftp://auth.test/', '/x\r\nSet-Cookie: a=b', '/x\n', '///evil.test', '/.', '/..', '/%09/evil.test', '/x/%2F..', '/?%2f%5c'];
