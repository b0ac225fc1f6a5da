// SPDX-License-Identifier: Apache-2.0
// Copyright the mod_betterauth authors
//
// Sign-up, sign-in, sessions, and what a signed-in user does.
import { DAY, PASSWORD, ORIGIN, TOKENS, sign, sqlTime, start, userId } from './seed.mjs';
import { FORM, MARKER, URLS, ada, add, aged, form, get, json, newcomer, post, session, swapCase, without } from './request.mjs';

// --- /ok, /error, what is not there -----------------------------------------------------------------------------------
get('ok', '/ok');
get('ok with query', '/ok?a=b');
for (const query of ['', '?error=', '?error=access_denied', "?error=it's", '?error=a%20b', '?error=a+b', '?error=%3Cb%3E', '?error=a&error=b',
  '?error=a&error_description=', '?error=a&error_description=two+words', '?error=a&error_description=%3Cb%3E%26%22%27%2F%3F%23',
  '?error=a&error_description=%C3%A9%E2%82%AC', '?error=a&error_description=*-._~!()', '?error_description=x', '?error=%zz', '?error=a&other=c',
  '?error=a&error_description=%0d%0ax']) {
  get(`error: '${query}'`, `/error${query}`);
}
for (const [method, path] of [['GET', '/nothing'], ['POST', '/ok'], ['GET', '/ok/'], ['GET', '//ok'], ['GET', '/OK'], ['GET', '/%6fk'],
  ['GET', '/sign-in/email'], ['GET', '/sign-out'], ['PUT', '/sign-in/email'], ['DELETE', '/get-session'], ['PATCH', '/ok'],
  ['OPTIONS', '/get-session'], ['HEAD', '/ok'], ['HEAD', '/get-session'], ['GET', '/x/../ok'], ['GET', '/./ok'], ['GET', '/ok%2f'], ['GET', '/set-password'],
  ['POST', '/forget-password'], ['GET', '/session'], ['GET', '']]) {
  add(`none: ${method} '${path}'`, method, path);
}
post('none: POST with a session', '/nothing', {}, { cookie: session(TOKENS.ada) });

// --- Bodies, on sign-in -----------------------------------------------------------------------------------------------
const IN = '/sign-in/email';
for (const [name, body] of [['empty object', '{}'], ['blank', ' '], ['blanks and newline', ' \n\t'], ['one brace', '{'], ['text', 'hello'], ['number', '7'],
  ['string', '"x"'], ['true', 'true'], ['null', 'null'], ['array', '[]'], ['array of object', '[{"email":"a@b.co"}]'], ['trailing comma', '{"email":"a@b.co",}'],
  ['single quotes', "{'email':'a@b.co'}"], ['trailing text', '{} x'], ['two documents', '{}{}'], ['unterminated', '{"email":"a'], ['NaN', '{"email":NaN}'],
  ['comment', '{/* */}'], ['leading zero', '{"email":01}'], ['raw newline in string', '{"email":"a\nb"}'], ['bad escape', '{"email":"\\x"}'],
  ['lone surrogate', '{"email":"\\ud800","password":"x"}'], ['NUL escape', '{"email":"a\\u0000@b.co","password":"x"}'],
  ['byte order mark', '\ufeff{"email":"ada@example.com","password":"correct horse battery"}'],
  ['blanks around', ' \r\n {"email":"ada@example.com","password":"correct horse battery"} \n'],
  ['duplicate keys', '{"email":"nobody@example.com","email":"ada@example.com","password":"x","password":"correct horse battery"}'],
  ['escapes', '{"\\u0065mail":"\\u0061da@example.com","password":"correct\\u0020horse battery"}'],
  ['__proto__', '{"__proto__":{"a":1},"email":"ada@example.com","password":"correct horse battery"}'],
  ['deep but small', `{"x":${'['.repeat(30)}${']'.repeat(30)},"email":"ada@example.com","password":"correct horse battery"}`],
  ['big number', '{"email":1e400,"password":"x"}'], ['fraction', '{"email":1.5,"password":-0}'],
]) post(`body: ${name}`, IN, body, { malformed: true });
post('body: bytes that are no UTF-8', IN, Buffer.from([...Buffer.from('{"email":"'), 0xff, 0xfe, ...Buffer.from('@b.co","password":"x"}')]));
post('body: no UTF-8 in an unknown key', IN, Buffer.from([...Buffer.from('{"x":"'), 0xc3, ...Buffer.from('","email":"ada@example.com","password":"correct horse battery"}')]));
post('body: none at all', IN, undefined);
post('body: none at all, no type', IN, undefined, { type: null });
post('body: zero bytes', IN, '');
post('body: zero bytes as text/plain', IN, '', { type: 'text/plain' });
for (const type of ['application/json; charset=utf-8', 'APPLICATION/JSON', 'application/json;', 'application/x-json', 'application/vnd.api+json',
  'text/json', 'text/plain', 'text/plain; application/json', 'multipart/form-data; boundary=x', 'application/octet-stream', 'x-application/json-x', '',
  'application/json, text/plain', 'application/jsonp']) {
  post(`type: '${type}'`, IN, ada, { type });
}
post('type: none', IN, ada, { type: null });
post('type: form for a JSON endpoint', '/sign-out', 'a=b', { type: FORM });
post('type: text for sign-out', '/sign-out', '{}', { type: 'text/plain' });

// --- Sign-up ----------------------------------------------------------------------------------------------------------
const UP = '/sign-up/email';
post('sign-up', UP, newcomer);
post('sign-up: upper case address', UP, { ...newcomer, email: 'New.Comer+Tag@EXAMPLE.com' });
post('sign-up: image', UP, { ...newcomer, image: 'https://x.test/z.png' });
post('sign-up: image is any text', UP, { ...newcomer, image: 'javascript:alert(1)' });
post('sign-up: empty image', UP, { ...newcomer, image: '' });
post('sign-up: empty name', UP, { ...newcomer, name: '' });
post('sign-up: blanks around the name', UP, { ...newcomer, name: '  Zoë 𝒜 \t' });
post('sign-up: name of 255', UP, { ...newcomer, name: 'é'.repeat(255) });
post('sign-up: name of 256', UP, { ...newcomer, name: 'é'.repeat(256) });
post('sign-up: control characters in the name', UP, { ...newcomer, name: 'a\u0001b\u007fc\u2028d"\\/<' });
post('sign-up: rememberMe true', UP, { ...newcomer, rememberMe: true });
post('sign-up: rememberMe false', UP, { ...newcomer, rememberMe: false });
post('sign-up: callbackURL', UP, { ...newcomer, callbackURL: '/welcome' });
post('sign-up: unknown keys', UP, { ...newcomer, id: 'x', emailVerified: true, role: 'admin', createdAt: '2001-01-01T00:00:00.000Z', foo: { bar: [] } });
post('sign-up: user agent', UP, newcomer, { headers: [['User-Agent', 'tester/1 (é)']] });
post('sign-up: no user agent', UP, newcomer);
post('sign-up: client address', UP, newcomer, { headers: [['X-Forwarded-For', '203.0.113.9']] });
post('sign-up: client address, IPv6', UP, newcomer, { headers: [['X-Forwarded-For', '2001:db8:1:2:3:4:5:6']] });
post('sign-up: client address, IPv4 in IPv6', UP, newcomer, { headers: [['X-Forwarded-For', '::ffff:203.0.113.9']] });
post('sign-up: client address unknown to npm', UP, newcomer, { direct: true });
post('sign-up: while signed in', UP, newcomer, { cookie: session(TOKENS.ada) });
post('sign-up: form', UP, form(newcomer), { type: FORM });
post('sign-up: form with blank and plus', UP, 'name=a+b%2Bc&email=new%40example.com&password=correct+horse%20battery', { type: FORM });
post('sign-up: form with rememberMe', UP, form({ ...newcomer, rememberMe: 'true' }), { type: FORM });
post('sign-up: form without password', UP, form(without(newcomer, 'password')), { type: FORM });
post('sign-up: empty form', UP, '', { type: FORM });
post('sign-up: form with a key twice', UP, `${form(newcomer)}&name=other`, { type: FORM });
for (const key of ['name', 'email', 'password']) {
  post(`sign-up: no ${key}`, UP, without(newcomer, key));
  for (const value of [null, 1, true, [], {}]) post(`sign-up: ${key} is ${JSON.stringify(value)}`, UP, { ...newcomer, [key]: value }, { malformed: true });
}
for (const [key, values] of [['image', [null, 1, []]], ['callbackURL', [null, 1, [], true]], ['rememberMe', [null, 'true', 0, 1, []]]]) {
  for (const value of values) post(`sign-up: ${key} is ${JSON.stringify(value)}`, UP, { ...newcomer, [key]: value });
}
post('sign-up: everything wrong', UP, { name: 1, email: 'x', password: '', image: 2, callbackURL: '/x', rememberMe: 'y' });
post('sign-up: empty password', UP, { ...newcomer, password: '' });
post('sign-up: 7 characters', UP, { ...newcomer, password: '1234567' });
post('sign-up: 8 characters', UP, { ...newcomer, password: '12345678' });
post('sign-up: 128 characters', UP, { ...newcomer, password: 'p'.repeat(128) });
post('sign-up: 129 characters', UP, { ...newcomer, password: 'p'.repeat(129) });
post('sign-up: 3 emoji', UP, { ...newcomer, password: '😀😀😀' });
post('sign-up: 4 emoji', UP, { ...newcomer, password: '😀😀😀😀' });
post('sign-up: 64 emoji', UP, { ...newcomer, password: '😀'.repeat(64) });
post('sign-up: 65 emoji', UP, { ...newcomer, password: '😀'.repeat(65) });
post('sign-up: 8 blanks', UP, { ...newcomer, password: ' '.repeat(8) });
post('sign-up: address taken', UP, { ...newcomer, email: 'ada@example.com' });
post('sign-up: address taken, other case', UP, { ...newcomer, email: 'ADA@Example.Com' });
post('sign-up: address taken, short password first', UP, { ...newcomer, email: 'ada@example.com', password: 'x' });
for (const email of ['x', '', 'a@b', 'a@b.c', 'a@b.co', '@b.co', 'a@', 'a b@c.co', ' a@b.co', 'a@b.co ', 'a..b@c.co', '.a@b.co', 'a.@b.co', 'a@b..co', 'a@-b.co',
  'a@b-.co', 'a@b_c.co', "o'brien@b.co", 'a+b@c.co', 'a_b@c.co', 'a-b@c.co', 'a!b@c.co', '"a b"@c.co', 'a@[127.0.0.1]', 'a@127.0.0.1', 'é@b.co', 'a@é.co',
  'a@b.c0', 'a@b.123', 'a@xn--e1afmkfd.xn--p1ai', 'A@B.CO', 'a@b@c.co', 'a,b@c.co', 'a@b.co\n', 'a\u0000@b.co', '_@b.co', '-@b.co', '+@b.co', "'@b.co", 'a@b.c-d',
  `${'a'.repeat(64)}@b.co`, `${'a'.repeat(65)}@b.co`, `a@${'b'.repeat(63)}.co`, `a@${'b'.repeat(64)}.co`, `${'a'.repeat(246)}@b.co.org`, `${'a'.repeat(300)}@b.co`]) {
  post(`sign-up: address ${JSON.stringify(email.length > 60 ? `${email.slice(0, 20)}… (${email.length})` : email)}`, UP, { ...newcomer, email });
}
for (const site of ['closed', 'manual', 'verify']) {
  post(`sign-up (${site})`, UP, newcomer, { site });
  post(`sign-up (${site}): rememberMe false`, UP, { ...newcomer, rememberMe: false }, { site });
  post(`sign-up (${site}): short password`, UP, { ...newcomer, password: 'x' }, { site });
  post(`sign-up (${site}): no name`, UP, without(newcomer, 'name'), { site });
  post(`sign-up (${site}): address taken`, UP, { ...newcomer, email: 'Ada@example.com', image: '/me.png' }, { site });
  post(`sign-up (${site}): address taken, no image`, UP, { ...newcomer, email: 'ada@example.com', callbackURL: '/x' }, { site });
  post(`sign-up (${site}): foreign page`, UP, newcomer, { site, origin: 'https://evil.test' });
}

// --- Sign-in ----------------------------------------------------------------------------------------------------------
post('sign-in', IN, ada);
post('sign-in: upper case', IN, { ...ada, email: 'ADA@EXAMPLE.COM' });
post('sign-in: rememberMe true', IN, { ...ada, rememberMe: true });
post('sign-in: rememberMe false', IN, { ...ada, rememberMe: false });
post('sign-in: remembered again, with an old dont_remember cookie', IN, { ...ada, rememberMe: true }, { cookie: MARKER });
post('sign-in: rememberMe unsaid, with a dont_remember cookie', IN, ada, { cookie: MARKER });
post('sign-in: rememberMe false, with a dont_remember cookie', IN, { ...ada, rememberMe: false }, { cookie: MARKER });
post('sign-in: while signed in', IN, ada, { cookie: session(TOKENS.ada) });
post('sign-in: with stale session_data', IN, ada, { cookie: 'better-auth.session_data=abc' });
post('sign-in: callbackURL', IN, { ...ada, callbackURL: '/members/?a=b#c' });
post('sign-in: empty callbackURL', IN, { ...ada, callbackURL: '' });
post('sign-in: form', IN, form(ada), { type: FORM });
post('sign-in: form with callbackURL', IN, form({ ...ada, callbackURL: '/x' }), { type: FORM });
post('sign-in: form with rememberMe', IN, form({ ...ada, rememberMe: 'false' }), { type: FORM });
post('sign-in: form, wrong password', IN, form({ ...ada, password: 'wrong password' }), { type: FORM });
post('sign-in: composed password', IN, { email: 'nfkc@example.com', password: 'Pássw\u00f6rd \ufb01 \u2460'.normalize('NFC') });
post('sign-in: decomposed password', IN, { email: 'nfkc@example.com', password: 'Pa\u0301ssw\u00f6rd \ufb01 \u2460' });
post('sign-in: compatible password', IN, { email: 'nfkc@example.com', password: 'P\u00e1ssw\u00f6rd fi 1' });
post('sign-in: unknown address', IN, { ...ada, email: 'nobody@example.com' });
post('sign-in: wrong password', IN, { ...ada, password: 'wrong password' });
post('sign-in: wrong password and callbackURL', IN, { ...ada, password: 'wrong password', callbackURL: '/x' });
post('sign-in: password in other case', IN, { ...ada, password: PASSWORD.toUpperCase() });
post('sign-in: empty password', IN, { ...ada, password: '' });
post('sign-in: short password', IN, { ...ada, password: 'x' });
post('sign-in: 128 characters', IN, { ...ada, password: 'p'.repeat(128) });
post('sign-in: 129 characters', IN, { ...ada, password: 'p'.repeat(129) });
post('sign-in: 65 emoji', IN, { ...ada, password: '😀'.repeat(65) });
post('sign-in: user without account', IN, { ...ada, email: 'carl@example.com' });
post('sign-in: account without password', IN, { ...ada, email: 'dora@example.com' });
post('sign-in: account of another provider', IN, { ...ada, email: 'fred@example.com' });
post('sign-in: stored hash is malformed', IN, { ...ada, email: 'eve@example.com' });
post('sign-in: a NUL in the password', IN, { ...ada, password: `${PASSWORD}\u0000` });
for (const key of ['email', 'password']) {
  post(`sign-in: no ${key}`, IN, without(ada, key));
  for (const value of [null, 1, false, [], {}]) post(`sign-in: ${key} is ${JSON.stringify(value)}`, IN, { ...ada, [key]: value });
}
for (const [key, values] of [['callbackURL', [null, 1, [], {}, true, false, 0]], ['rememberMe', [null, 'true', 'false', 0, 1, [], {}]]]) {
  for (const value of values) post(`sign-in: ${key} is ${JSON.stringify(value)}`, IN, { ...ada, [key]: value });
}
for (const email of ['x', '', 'a@b', 'ada@example.com ', ' ada@example.com', 'ada@@example.com', 'ada@example.com\u0000', 'äda@example.com', `${'a'.repeat(300)}@b.co`]) {
  post(`sign-in: address ${JSON.stringify(email.slice(0, 30))}`, IN, { ...ada, email });
}
post('sign-in: several wrong', IN, { email: 1, password: null, rememberMe: 'x' });
post('sign-in: query callbackURL', `${IN}?callbackURL=/from-query`, ada);
post('sign-in (verify): verified', IN, ada, { site: 'verify' });
post('sign-in (verify): not verified', IN, { ...ada, email: 'bob@example.com' }, { site: 'verify' });
post('sign-in (verify): not verified, wrong password', IN, { ...ada, email: 'bob@example.com', password: 'wrong password' }, { site: 'verify' });
post('sign-in (closed)', IN, ada, { site: 'closed' });
post('sign-in (manual)', IN, ada, { site: 'manual' });

// --- Origin, form CSRF -----------------------------------------------------------------------------------------------
const sec = (site, mode, dest) => [['Sec-Fetch-Site', site], ['Sec-Fetch-Mode', mode], ['Sec-Fetch-Dest', dest]].filter(([, value]) => value !== undefined);
const ORIGINS = [null, '', 'null', ORIGIN, `${ORIGIN}/`, `${ORIGIN}:80`, `${ORIGIN.toUpperCase()}`, 'https://auth.test', 'http://auth.test.evil.test', 'http://evil.test',
  'http://auth.test@evil.test', 'auth.test', 'file://', 'http://sub.auth.test'];
for (const origin of ORIGINS) {
  const name = JSON.stringify(origin);
  post(`origin ${name}: sign-in, no cookie`, IN, ada, { origin });
  post(`origin ${name}: sign-in, a cookie`, IN, ada, { origin, cookie: 'a=b' });
  post(`origin ${name}: sign-out, no cookie`, '/sign-out', {}, { origin });
  post(`origin ${name}: sign-out, a cookie`, '/sign-out', {}, { origin, cookie: session(TOKENS.ada) });
}
post('origin: sign-out with an empty Cookie header', '/sign-out', {}, { origin: null, cookie: '' });
post('origin: foreign, before validation', IN, '{"email":1}', { origin: 'http://evil.test' });
post('origin: foreign, after JSON', IN, '{', { origin: 'http://evil.test' });
post('origin: foreign, after the type', IN, 'x', { origin: 'http://evil.test', type: 'text/plain' });
for (const referer of [`${ORIGIN}/page?x`, ORIGIN, 'http://evil.test/http://auth.test/', 'nonsense', 'null']) {
  post(`referer ${referer}: sign-in`, IN, ada, { origin: null, headers: [['Referer', referer]] });
  post(`referer ${referer}: sign-out with cookie`, '/sign-out', {}, { origin: null, headers: [['Referer', referer]], cookie: 'a=b' });
}
post('referer does not help a foreign origin', IN, ada, { origin: 'http://evil.test', headers: [['Referer', `${ORIGIN}/`]] });
for (const [name, headers] of [['cors', sec('same-origin', 'cors')], ['mode alone', sec(undefined, 'cors')], ['cross-site navigate', sec('cross-site', 'navigate', 'document')],
  ['cross-site cors', sec('cross-site', 'cors')], ['same-site navigate', sec('same-site', 'navigate')], ['none navigate', sec('none', 'navigate')], ['blank', sec(' ', ' ')],
  ['dest alone', sec(undefined, undefined, 'empty')]]) {
  for (const origin of [null, ORIGIN, 'http://evil.test', 'null']) {
    post(`fetch metadata ${name}, origin ${JSON.stringify(origin)}: sign-in`, IN, ada, { origin, headers });
    post(`fetch metadata ${name}, origin ${JSON.stringify(origin)}: sign-up form`, UP, form(newcomer), { origin, headers, type: FORM });
  }
  post(`fetch metadata ${name}: sign-in with cookie`, IN, ada, { origin: null, headers, cookie: 'a=b' });
  post(`fetch metadata ${name}: sign-out`, '/sign-out', {}, { origin: null, headers });
}
post('origin null, same-origin, with cookie', '/sign-out', {}, { origin: 'null', headers: sec('same-origin', 'cors'), cookie: 'a=b' });
post('origin null, same-origin, other host', '/sign-out', {}, { origin: 'null', headers: [...sec('same-origin', 'cors'), ['Host', 'evil.test']], cookie: 'a=b' });

// --- URL fields -------------------------------------------------------------------------------------------------------
for (const url of URLS) {
  post(`callbackURL ${JSON.stringify(url)}`, IN, { ...ada, callbackURL: url });
}
for (const [label, field] of [['redirectTo', 'redirectTo'], ['errorCallbackURL', 'errorCallbackURL'], ['newUserCallbackURL', 'newUserCallbackURL'], ['callbackURL', 'callbackURL']]) {
  for (const value of ['/x', 'http://evil.test', '', 1, null, [], {}, false, true]) {
    post(`sign-out: ${label} is ${JSON.stringify(value)}`, '/sign-out', { [field]: value }, { cookie: session(TOKENS.ada) });
  }
}
post('query callbackURL: foreign', `${IN}?callbackURL=http://evil.test`, ada);
post('query callbackURL: sign-out', '/sign-out?callbackURL=http://evil.test', {});
post('query callbackURL: hidden by a good one in the body', `${IN}?callbackURL=http://evil.test`, { ...ada, callbackURL: '/x' });
post('query callbackURL: behind an empty one in the body', `${IN}?callbackURL=http://evil.test`, { ...ada, callbackURL: '' });
post('query callbackURL: twice', '/sign-out?callbackURL=/a&callbackURL=/b', {});
post('query redirectTo is not looked at', '/sign-out?redirectTo=http://evil.test', {});
for (const url of ['https://auth.test/x', 'https://a.x.example/y', 'https://a.b.x.example', 'https://x.example', 'http://a.x.example', 'https://a.x.example:8443', 'https://app.y.example', 'http://app.y.example/', 'ftp://app.y.example', 'https://app.y.example:99', 'app.y.example', 'http://auth.test/']) {
  post(`callbackURL with patterns: ${url}`, IN, { ...ada, callbackURL: url }, { site: 'secure', origin: 'https://auth.test' });
  post(`origin with patterns: ${url}`, IN, ada, { site: 'secure', origin: url });
}

// --- Sign-out ---------------------------------------------------------------------------------------------------------
post('sign-out', '/sign-out', {}, { cookie: session(TOKENS.ada) });
post('sign-out: no body', '/sign-out', undefined, { type: null, cookie: session(TOKENS.ada) });
post('sign-out: no session', '/sign-out', {});
post('sign-out: expired session', '/sign-out', {}, { cookie: session(TOKENS.expired) });
post('sign-out: unknown session', '/sign-out', {}, { cookie: session('x'.repeat(32)) });
post('sign-out: forged', '/sign-out', {}, { cookie: `better-auth.session_token=${TOKENS.ada}.${'A'.repeat(43)}=` });
post('sign-out: with marker', '/sign-out', {}, { cookie: `${session(TOKENS.short)}; ${MARKER}` });
post('sign-out: with session_data', '/sign-out', {}, { cookie: `${session(TOKENS.ada)}; better-auth.session_data.0=a; better-auth.session_data.1=b` });
for (const body of ['null', '[]', '"x"', '7', '{"state":"x"}', '{"state":1}', '{"disableRedirect":true}', '{"disableRedirect":"x"}', '{"foo":1}', '{', ' ']) {
  post(`sign-out: body ${body}`, '/sign-out', body, { cookie: session(TOKENS.ada), malformed: true });
}

// --- get-session ------------------------------------------------------------------------------------------------------
const S = '/get-session';
get('get-session: none', S);
get('get-session', S, session(TOKENS.ada));
get('get-session: among others', S, `a=b; ${session(TOKENS.ada)}; c`);
get('get-session: no blanks', S, `a=b;${session(TOKENS.ada)};c=d`);
get('get-session: blanks around', S, `a=b ;  better-auth.session_token = ${sign(TOKENS.ada)} ; c=d`);
get('get-session: not escaped', S, `better-auth.session_token=${decodeURIComponent(sign(TOKENS.ada))}`);
get('get-session: lower-case escapes', S, `better-auth.session_token=${sign(TOKENS.ada).replace(/%../g, (e) => e.toLowerCase())}`);
get('get-session: in quotes', S, `better-auth.session_token="${sign(TOKENS.ada)}"`);
get('get-session: one quote', S, `better-auth.session_token="${sign(TOKENS.ada)}`);
get('get-session: twice, good first', S, `${session(TOKENS.ada)}; ${session(TOKENS.bob)}`);
get('get-session: twice, forged first', S, `better-auth.session_token=x.y; ${session(TOKENS.ada)}`);
get('get-session: two Cookie headers', S, undefined, { headers: [['Cookie', 'a=b'], ['Cookie', session(TOKENS.ada)]] });
get('get-session: other case of the name', S, `Better-Auth.session_token=${sign(TOKENS.ada)}`);
get('get-session: secure name', S, `__Secure-better-auth.session_token=${sign(TOKENS.ada)}`);
get('get-session: empty', S, 'better-auth.session_token=');
get('get-session: no signature', S, `better-auth.session_token=${TOKENS.ada}`);
get('get-session: dot and no signature', S, `better-auth.session_token=${TOKENS.ada}.`);
get('get-session: short signature', S, `better-auth.session_token=${sign(TOKENS.ada).slice(0, -4)}`);
get('get-session: signature without padding', S, `better-auth.session_token=${sign(TOKENS.ada).slice(0, -3)}`);
get('get-session: forged', S, `better-auth.session_token=${TOKENS.ada}.${'A'.repeat(43)}%3D`);
get('get-session: another secret', S, `better-auth.session_token=${sign(TOKENS.ada, 'another secret, as long as needed')}`);
get('get-session: URL alphabet', S, `better-auth.session_token=${sign(TOKENS.ada).replace(/%2B/g, '-').replace(/%2F/g, '_')}`);
get('get-session: bad escape', S, `better-auth.session_token=${sign(TOKENS.ada)}%zz`);
get('get-session: unknown token', S, session('x'.repeat(32)));
get('get-session: empty token, signed', S, session(''));
get('get-session: token with dots', S, session('a.b.c'));
get('get-session: token in swapped case', S, session(TOKENS.ada.replace(/[a-z]/gi, (c) => (c < 'a' ? c.toLowerCase() : c.toUpperCase()))));
get('get-session: token with a blank behind', S, session(`${TOKENS.ada} `));
get('get-session: expired', S, session(TOKENS.expired));
get('get-session: user is gone', S, session(TOKENS.orphan));
get('get-session: due', S, session(TOKENS.due));
get('get-session: due, twice', S, session(TOKENS.due), { keep: true });
get('get-session: due, disableRefresh', `${S}?disableRefresh=true`, session(TOKENS.due));
get('get-session: due, disableRefresh=false', `${S}?disableRefresh=false`, session(TOKENS.due));
get('get-session: due, disableRefresh empty', `${S}?disableRefresh=`, session(TOKENS.due));
get('get-session: due, disableRefresh twice', `${S}?disableRefresh=a&disableRefresh=b`, session(TOKENS.due));
get('get-session: due, disableCookieCache', `${S}?disableCookieCache=true`, session(TOKENS.due));
get('get-session: due, with marker', S, `${session(TOKENS.due)}; ${MARKER}`);
get('get-session: due, with a forged marker', S, `${session(TOKENS.due)}; better-auth.dont_remember=true.x`);
get('get-session: short, with marker', S, `${session(TOKENS.short)}; ${MARKER}`);
get('get-session: short, without marker', S, session(TOKENS.short));
get('get-session: stale session_data', S, `${session(TOKENS.ada)}; better-auth.session_data=abc`);
get('get-session: stale chunks, no session', S, 'better-auth.session_data.0=abc; better-auth.session_data.1=def');
get('get-session: unknown query', `${S}?foo=bar`, session(TOKENS.ada));
get('get-session: a foreign origin may ask', S, undefined, { headers: [['Cookie', session(TOKENS.ada)], ['Origin', 'https://evil.test']] });
get('get-session: bearer is not accepted', S, undefined, { headers: [['Authorization', `Bearer ${sign(TOKENS.ada)}`]] });
post('get-session: POST', S, undefined, { type: null });
post('get-session: POST with session', S, {}, { cookie: session(TOKENS.ada) });
post('get-session: POST from a foreign page', S, {}, { cookie: session(TOKENS.ada), origin: 'http://evil.test' });
for (const site of ['manual', 'verify', 'closed']) get(`get-session (${site})`, S, session(TOKENS.bob), { site });

// --- What a signed-in user does ---------------------------------------------------------------------------------------
const NEXT = 'another horse battery';
const change = { currentPassword: PASSWORD, newPassword: NEXT };
const SIGNED_IN = [ // method, path, a good body
  ['GET', '/list-sessions'], ['POST', '/revoke-session', { token: TOKENS.due }], ['POST', '/revoke-sessions', {}], ['POST', '/revoke-other-sessions', {}],
  ['POST', '/update-session', { foo: 1 }], ['POST', '/update-user', { name: 'Other' }], ['POST', '/change-password', change],
  ['POST', '/verify-password', { password: PASSWORD }], ['GET', '/list-accounts'], ['POST', '/unlink-account', { accountId: 'account0' }],
  ['POST', '/change-email', { newEmail: 'new@example.com' }, 'confirm'], ['POST', '/delete-user', {}, 'prompt'],
];
// The session cookie of Ada, with her session in other hands.
const as = (i) => [`UPDATE session SET userId = '${userId(i)}' WHERE token = '${TOKENS.ada}'`];
const CARL = 2, DORA = 3, EVE = 4, FRED = 5, NFKC = 6;
const mine = { cookie: session(TOKENS.ada) };

for (const [method, path, good, site = ''] of SIGNED_IN) {
  // npm leaves expired sessions when it revokes the others, which has a case of its own below.
  const before = path === '/revoke-other-sessions' ? [`DELETE FROM session WHERE token = '${TOKENS.expired}'`] : [];
  const send = (name, body, { rows = [], ...more } = {}) => post(`${path}: ${name}`, path, body, { site, rows: [...before, ...rows], ...more });
  const call = (name, { cookie, ...more } = {}) =>
    (method === 'GET' ? get(`${path}: ${name}`, path, cookie, { anyOrder: true, ...more }) : send(name, good, { cookie, ...more }));
  call('good', mine);
  call('no session');
  call('forged', { cookie: `better-auth.session_token=${TOKENS.ada}.${'A'.repeat(43)}%3D` });
  call('unknown session', { cookie: session('x'.repeat(32)) });
  call('unknown session and stale chunks', { cookie: `${session('x'.repeat(32))}; better-auth.session_data.0=a` });
  call('expired', { cookie: session(TOKENS.bob), rows: [`UPDATE session SET expiresAt = '${sqlTime(start - 1)}' WHERE token = '${TOKENS.bob}'`] });
  call('user is gone', { cookie: session(TOKENS.orphan) });
  call('stale session_data', { cookie: `${session(TOKENS.ada)}; better-auth.session_data=abc` });
  call('stale chunks', { cookie: `${session(TOKENS.ada)}; better-auth.session_data.0=abc; better-auth.session_data.1=def` });
  call('due', { cookie: session(TOKENS.due), rows: aged(TOKENS.due, 0) });
  call('due and old', { cookie: session(TOKENS.due) });
  call('due and old, with marker', { cookie: `${session(TOKENS.due)}; ${MARKER}` });
  call('short, with marker', { cookie: `${session(TOKENS.short)}; ${MARKER}` });
  call('short, without marker', { cookie: session(TOKENS.short) });
  call('23 hours old', { ...mine, rows: aged(TOKENS.ada, 22 * 3600e3) });
  call('25 hours old', { ...mine, rows: aged(TOKENS.ada, 24 * 3600e3) });
  call('made tomorrow', { ...mine, rows: aged(TOKENS.ada, -DAY) });
  call('old by updatedAt alone', { ...mine, rows: [`UPDATE session SET updatedAt = '${sqlTime(start - 3 * DAY)}' WHERE token = '${TOKENS.ada}'`] });
  get(`${path}: bearer`, path, undefined, { site, method, headers: [['Authorization', `Bearer ${sign(TOKENS.ada)}`]] });
  add(`${path}: the other method`, method === 'GET' ? 'POST' : 'GET', path, { site, headers: [['Cookie', session(TOKENS.ada)], ['Origin', ORIGIN]] });
  add(`${path}: with a slash`, method, `${path}/`, { site, headers: [['Cookie', session(TOKENS.ada)], ['Origin', ORIGIN]] });
  add(`${path}: due, disableRefresh`, method, `${path}?disableRefresh=false`, { site,
    headers: [['Cookie', session(TOKENS.due)], ['Origin', ORIGIN], ...(good ? [['Content-Type', 'application/json']] : [])],
    body: good && json(good), rows: [...before, ...aged(TOKENS.due, 0)], anyOrder: true });
  if (method === 'GET') continue;
  for (const origin of [null, 'null', 'https://evil.test', `${ORIGIN}:81`]) {
    call(`origin ${JSON.stringify(origin)}`, { ...mine, origin });
    call(`origin ${JSON.stringify(origin)}, no cookie`, { origin });
  }
  call('query callbackURL: foreign', { ...mine, path: `${path}?callbackURL=https://evil.test` });
  send('body redirectTo: foreign', { ...good, redirectTo: '//evil.test' }, mine);
  send('body callbackURL: a number', { ...good, callbackURL: 7 }, mine);
  send('as a form', form({ ...good, a: 1 }), { ...mine, type: FORM });
  send('as text', good, { ...mine, type: 'text/plain' });
  send('no type', good, { ...mine, type: null });
  send('no body', undefined, { ...mine, type: null });
  send('no body, no session', undefined, { type: null });
  for (const body of ['null', '[]', '[{}]', '"x"', '""', '7', '0', 'true', 'false', '{', '{}', ' ', '{} x', '{"a":}', "{'a':1}", '{"__proto__":{"token":"x"}}', '\ufeff{}', '{"a":"\\ud800"}']) {
    send(`body ${JSON.stringify(body)}`, body, { ...mine, malformed: true });
  }
  for (const body of ['null', '[]', '7', '{', '{}']) send(`body ${body}, no session`, body);
  send('body is no UTF-8', Buffer.from([...Buffer.from('{"token":"'), 0xff, ...Buffer.from('","name":"'), 0xc3, ...Buffer.from('"}')]), mine);
}

// Fields of each body: what is missing, null, or of another type.
for (const [path, good, fields, site = ''] of [
  ['/revoke-session', { token: TOKENS.due }, ['token']],
  ['/change-password', change, ['newPassword', 'currentPassword']],
  ['/verify-password', { password: PASSWORD }, ['password']],
  ['/unlink-account', { accountId: 'account0' }, ['accountId']],
  ['/change-email', { newEmail: 'new@example.com' }, ['newEmail'], 'confirm'],
]) {
  for (const field of fields) {
    post(`${path}: no ${field}`, path, without(good, field), { ...mine, site });
    for (const value of [null, 1, 0, true, false, [], ['x'], {}, '']) post(`${path}: ${field} is ${JSON.stringify(value)}`, path, { ...good, [field]: value }, { ...mine, site, malformed: true });
  }
  post(`${path}: a field too many`, path, { ...good, userId: userId(1), id: 'x' }, { ...mine, site });
}

// --- Lists of sessions, revocation
get('/list-sessions: newest first', '/list-sessions', session(TOKENS.ada), { rows: aged(TOKENS.ada, 3600e3) });
get('/list-sessions: of a user with one', '/list-sessions', session(TOKENS.bob));
get('/list-sessions: nulls', '/list-sessions', session(TOKENS.bob), { rows: ['UPDATE session SET ipAddress = NULL, userAgent = NULL'] });
get('/list-sessions: text beyond ASCII', '/list-sessions', session(TOKENS.bob), { rows: [`UPDATE session SET userAgent = 'é"\\\\<€𝒜'`] });
get('/list-sessions: unknown query', '/list-sessions?userId=x', session(TOKENS.bob));
for (const [name, token] of [['the current one', TOKENS.ada], ['another one', TOKENS.short], ['an expired one', TOKENS.expired], ['one of somebody else', TOKENS.bob],
  ['one of nobody', TOKENS.orphan], ['unknown', 'x'.repeat(32)], ['in swapped case', swapCase(TOKENS.due)], ['a blank behind', `${TOKENS.due} `], ['a blank before', ` ${TOKENS.due}`],
  ['255 characters', 't'.repeat(255)], ['256 characters', 't'.repeat(256)], ['5000 characters', 't'.repeat(5000)], ['signed', decodeURIComponent(sign(TOKENS.due))], ['a NUL', `${TOKENS.due}\u0000`],
  ['quotes', "' OR '1'='1"], ['percent', '%'], ['emoji', '😀'], ['an id', 'session1']]) {
  post(`/revoke-session: ${name}`, '/revoke-session', { token }, mine);
}
post('/revoke-session: twice', '/revoke-session', { token: TOKENS.due }, { ...mine, keep: true });
post('/revoke-session: duplicate keys', '/revoke-session', `{"token":"x","token":"${TOKENS.due}"}`, mine);
get('get-session: after the current one was revoked', S, session(TOKENS.ada), { rows: [`DELETE FROM session WHERE token = '${TOKENS.ada}'`] });
post('/revoke-sessions: of a user with one', '/revoke-sessions', {}, { cookie: session(TOKENS.bob) });
post('/revoke-other-sessions: of a user with one', '/revoke-other-sessions', {}, { cookie: session(TOKENS.bob) });
post('/revoke-other-sessions: one has expired', '/revoke-other-sessions', {}, mine);
post('/revoke-other-sessions: of 150', '/revoke-other-sessions', {}, { ...mine, rows: [`DELETE FROM session WHERE token = '${TOKENS.expired}'`,
  `INSERT INTO session (id, expiresAt, token, createdAt, updatedAt, userId) VALUES ${Array.from({ length: 150 }, (_, i) =>
    `('many${i}', '${sqlTime(start + DAY)}', 'many${i}', '${sqlTime(start)}', '${sqlTime(start)}', '${userId(0)}')`)}`] });
for (const body of [{ token: 'x' }, { expiresAt: '2099-01-01T00:00:00.000Z' }, { userId: userId(1) }, { ipAddress: 'x', userAgent: 'y', id: 'z' }, { foo: null }]) {
  post(`/update-session: ${JSON.stringify(body)}`, '/update-session', body, mine);
}

// --- The user's own row
const US = '/update-user';
for (const body of [{ name: 'Ada L.' }, { image: 'https://x.test/z.png' }, { name: 'Ada L.', image: '/me.png' }, { image: null }, { name: 'x', image: null }, { image: '' }, { name: '' },
  { name: ' ' }, { name: 'a\u0001b\u007fc\u2028d"\\/<' }, { name: 'a\u0000b' },
  { image: 'a\u0000b' }, { image: 'i'.repeat(1024) }, { image: 'i'.repeat(1025) }, { image: 'é'.repeat(20000) }, { name: 'Zoë 𝒜', foo: 1 },
  { name: null }, { name: 1 }, { name: 0 }, { name: true }, { name: [] }, { name: ['x'] }, { name: {} }, { image: 1 }, { image: true }, { image: false }, { image: [] }, { image: {} },
  { email: 'x@example.com' }, { email: 'x@example.com', name: 'x' }, { email: 'ada@example.com', name: 'x' }, { email: '', name: 'x' }, { email: null, name: 'x' }, { email: 0, name: 'x' },
  { email: false, name: 'x' }, { email: 1, name: 'x' }, { email: true, name: 'x' }, { email: [], name: 'x' }, { email: {}, name: 'x' }, { email: '\u0000', name: 'x' }, { email: '' }, { email: 1 },
  { foo: 1 }, { emailVerified: true }, { id: 'x' }, { createdAt: '2001-01-01T00:00:00.000Z' }, { role: 'admin' },
  { name: 'x', id: 'y', emailVerified: false, createdAt: '2001-01-01T00:00:00.000Z', updatedAt: '2001-01-01T00:00:00.000Z' }]) {
  const text = JSON.stringify(body);
  post(`${US}: ${text.length > 90 ? `${text.slice(0, 30)}… (${text.length})` : text}`, US, body, mine);
}
for (const c of ['é', '😀']) for (const n of [255, 256]) post(`${US}: name of ${n} ${c}`, US, { name: c.repeat(n) }, mine);
post(`${US}: the image stays`, US, { name: 'x' }, { cookie: session(TOKENS.bob) });
post(`${US}: the image goes`, US, { image: null }, { cookie: session(TOKENS.bob) });
post(`${US}: the same name`, US, { name: 'Ada' }, mine);
post(`${US}: duplicate keys`, US, '{"name":"a","name":"b"}', mine);
post(`${US}: a forged marker`, US, { name: 'x' }, { cookie: `${session(TOKENS.ada)}; better-auth.dont_remember=true.x` });

// --- Passwords of a signed-in user
const CP = '/change-password';
const VP = '/verify-password';
for (const value of [null, 'true', 'false', 0, 1, [], {}]) post(`${CP}: revokeOtherSessions is ${JSON.stringify(value)}`, CP, { ...change, revokeOtherSessions: value }, mine);
post(`${CP}: everything wrong`, CP, { newPassword: 1, currentPassword: null, revokeOtherSessions: 'x' }, mine);
post(`${CP}: revokeOtherSessions false`, CP, { ...change, revokeOtherSessions: false }, mine);
for (const [name, more] of [['', {}], [', user agent and address', { headers: [['User-Agent', 'tester/1 (é)'], ['X-Forwarded-For', '203.0.113.9']] }],
  [', with marker', { cookie: `${session(TOKENS.ada)}; ${MARKER}` }], [', due', { cookie: session(TOKENS.due) }], [', due, with marker', { cookie: `${session(TOKENS.due)}; ${MARKER}` }],
  [', stale session_data', { cookie: `${session(TOKENS.ada)}; better-auth.session_data=abc` }], [', a forged marker', { cookie: `${session(TOKENS.ada)}; better-auth.dont_remember=x.y` }]]) {
  post(`${CP}: revokeOtherSessions${name}`, CP, { ...change, revokeOtherSessions: true }, { ...mine, ...more });
}
for (const [name, newPassword] of [['7 characters', '1234567'], ['8 characters', '12345678'], ['128 characters', 'p'.repeat(128)], ['129 characters', 'p'.repeat(129)], ['3 emoji', '😀😀😀'], ['4 emoji', '😀😀😀😀'],
  ['65 emoji', '😀'.repeat(65)], ['8 blanks', ' '.repeat(8)], ['the old one', PASSWORD], ['a NUL', 'correct\u0000horse'], ['ﷺ', 'ﷺ']]) {
  post(`${CP}: new password: ${name}`, CP, { ...change, newPassword }, mine);
}
for (const [name, currentPassword] of [['wrong', 'wrong horse battery'], ['in other case', PASSWORD.toUpperCase()], ['a blank behind', `${PASSWORD} `], ['128 characters', 'p'.repeat(128)],
  ['129 characters', 'p'.repeat(129)], ['65 emoji', '😀'.repeat(65)], ['a NUL behind', `${PASSWORD}\u0000`], ['the new one', NEXT]]) {
  post(`${CP}: current password: ${name}`, CP, { ...change, currentPassword }, mine);
  post(`${CP}: current password: ${name}, revokeOtherSessions`, CP, { ...change, currentPassword, revokeOtherSessions: true }, mine);
  post(`${VP}: ${name}`, VP, { password: currentPassword }, mine);
}
post(`${CP}: new too short before current too long`, CP, { newPassword: 'x', currentPassword: 'p'.repeat(129) }, mine);
post(`${CP}: new too long before current wrong`, CP, { newPassword: 'p'.repeat(129), currentPassword: 'x' }, mine);
for (const [name, i] of [['account: none', CARL], ['account: no password', DORA], ['account: malformed hash', EVE], ['account: another provider', FRED], ['account: composed', NFKC]]) {
  const password = i === NFKC ? 'P\u00e1ssw\u00f6rd fi 1' : PASSWORD;
  post(`${CP}: ${name}`, CP, { ...change, currentPassword: password }, { ...mine, rows: as(i) });
  post(`${CP}: ${name}, short`, CP, { currentPassword: password, newPassword: 'x' }, { ...mine, rows: as(i) });
  post(`${VP}: ${name}`, VP, { password }, { ...mine, rows: as(i) });
  post(`${VP}: ${name}, wrong`, VP, { password: 'wrong' }, { ...mine, rows: as(i) });
}
post(`${CP}: accountId is another`, CP, change, { ...mine, rows: [`UPDATE account SET accountId = 'x' WHERE id = 'account0'`] });
post(`${CP}: somebody else's password`, CP, { ...change, currentPassword: NEXT }, mine);
post(`${CP}: a second account`, CP, change, { ...mine, rows: [`UPDATE account SET userId = '${userId(0)}' WHERE id = 'account5'`] });

// --- Accounts
const LA = '/list-accounts';
const UA = '/unlink-account';
const second = [`UPDATE account SET userId = '${userId(0)}', scope = 'read,write' WHERE id = 'account5'`];
for (const [name, i] of [['none', CARL], ['no password', DORA], ['another provider', FRED]]) get(`${LA}: ${name}`, LA, session(TOKENS.ada), { rows: as(i) });
for (const scope of ['', 'a', 'a,b', 'a, b', ',', 'a,', ',a', 'a,,b', 'a b', 'é,😀', 'openid,openid']) {
  get(`${LA}: scope '${scope}'`, LA, session(TOKENS.ada), { rows: [`UPDATE account SET scope = '${scope}' WHERE id = 'account0'`] });
}
get(`${LA}: two`, LA, session(TOKENS.ada), { rows: second, anyOrder: true });
get(`${LA}: tokens are not shown`, LA, session(TOKENS.ada), { rows: [`UPDATE account SET accessToken = 'a', refreshToken = 'r', idToken = 'i', accessTokenExpiresAt = '2030-01-01', refreshTokenExpiresAt = '2030-01-01'`] });
get(`${LA}: unknown query`, `${LA}?userId=${userId(1)}`, session(TOKENS.ada));
for (const [name, accountId] of [['the first', 'account0'], ['the second', 'account5'], ['somebody else\'s', 'account1'], ['unknown', 'x'], ['the provider\'s subject', '4711'], ['in swapped case', 'ACCOUNT5'],
  ['a blank behind', 'account5 '], ['a NUL', 'account5\u0000'], ['long', 'a'.repeat(300)], ['quotes', "' OR '1'='1"], ['the provider', 'github'], ['the user', userId(0)]]) {
  post(`${UA}: two, ${name}`, UA, { accountId }, { ...mine, rows: second });
  post(`${UA}: one, ${name}`, UA, { accountId }, mine);
}
post(`${UA}: two, the second one, by a session that is not fresh`, UA, { accountId: 'account5' }, { ...mine, rows: [...second, ...aged(TOKENS.ada, DAY)] });
post(`${UA}: none`, UA, { accountId: 'x' }, { ...mine, rows: as(CARL) });

// --- https ------------------------------------------------------------------------------------------------------------
const https = { site: 'secure', origin: 'https://auth.test' };
post('secure: sign-up', UP, newcomer, https);
post('secure: sign-in', IN, ada, https);
post('secure: sign-in, rememberMe false', IN, { ...ada, rememberMe: false }, https);
post('secure: sign-out', '/sign-out', {}, { ...https, cookie: `__Secure-${session(TOKENS.ada)}` });
get('secure: get-session', S, `__Secure-${session(TOKENS.ada)}`, { site: 'secure' });
get('secure: get-session, due', S, `__Secure-${session(TOKENS.due)}`, { site: 'secure' });
get('secure: get-session, bare name', S, session(TOKENS.ada), { site: 'secure' });
get('secure: list-sessions', '/list-sessions', `__Secure-${session(TOKENS.bob)}`, { site: 'secure' });
get('secure: list-sessions, bare name', '/list-sessions', session(TOKENS.bob), { site: 'secure' });
post('secure: update-user', '/update-user', { name: 'x' }, { ...https, cookie: `__Secure-${session(TOKENS.ada)}` });
post('secure: change-password', '/change-password', { ...change, revokeOtherSessions: true }, { ...https, cookie: `__Secure-${session(TOKENS.ada)}` });
post('secure: change-password, wrong scheme', '/change-password', change, { site: 'secure', cookie: `__Secure-${session(TOKENS.ada)}` });

// --- Rate limits: each sequence from a client of its own, request by request ------------------------------------------
// [path and query, method or body, more], on the site where limits are on
const isMethod = (what) => /^[A-Z]+$/.test(what);
let clients = 0;
function sequence(name, steps, client = `198.51.100.${++clients}`) {
  steps.forEach(([path, what = 'GET', more = {}], i) => {
    const all = { site: 'limit', ...more, headers: [['X-Forwarded-For', more.client ?? client]] };
    const title = `limit: ${name}, ${i + 1}: ${isMethod(what) ? what : 'POST'} ${path}`;
    if (isMethod(what)) add(title, what, path, all);
    else post(title, path, what, all);
  });
}
const times = (n, path, what, more) => Array.from({ length: n }, () => [path, typeof what === 'function' ? what() : what, more]);
// nobody has as many wrong passwords as would slow an account down, which npm does not do
let nobodies = 0;
const nobody = () => ({ email: `nobody${++nobodies}@example.com`, password: 'wrong' });
sequence('sign-in', [...times(5, IN, nobody), [UP, newcomer], ['/sign-in/email', ada]]);
sequence('sign-up', [...times(3, UP, newcomer), [UP, newcomer], [UP, {}], [IN, ada]]);
sequence('bodies and origins count before they are looked at', [[IN, '{'], [IN, {}], [IN, ada, { origin: 'https://evil.example', cookie: 'a=b' }], [IN, ada]]);
sequence('the method and slashes at the end make no difference', [[IN, 'GET'], [`${IN}/`, ada], [`${IN}?x=1`, 'PUT'], [IN, ada], [`${IN}/`, ada], [IN, 'GET'], [IN, 'OPTIONS'], [IN, 'HEAD']]);
sequence('the default', [...times(6, '/get-session'), ['/get-session?disableCookieCache=true'], ['/sign-out', {}], ['/get-session', 'POST']]);
sequence('a path that is not there', times(6, '/nothing'));
sequence('with a session', [...times(4, CP, change, { cookie: session(TOKENS.ada) }), [S, 'GET', { headers: [], cookie: session(TOKENS.ada) }]]);
sequence('rules', [...times(3, '/ok'), ['/ok', 'GET', { wait: 2100 }], ...times(7, '/error'), ...times(2, LA), ['/list-sessions'], ['/list-sessions']]);
sequence('another client', [...times(3, IN, nobody), [IN, nobody(), { client: '198.51.100.200' }], [IN, nobody()]]);
sequence('the window begins with each request', [[IN, nobody()], [IN, nobody(), { wait: 5000 }], [IN, nobody(), { wait: 5200 }], [IN, nobody(), { wait: 1000 }], [IN, nobody(), { wait: 7000 }], [IN, nobody(), { wait: 3000 }]]);
sequence('one network', ['2001:db8:0:1::1', '2001:DB8:0:1::2', '2001:0db8:0000:0001:ffff::', '2001:db8:0:1:0:0:0:1', '2001:db8:0:2::1'].map((client) => [IN, nobody(), { client }]));
sequence('an address in another', ['::ffff:198.51.100.99', '198.51.100.99', '::FFFF:198.51.100.99', '198.51.100.99'].map((client) => [IN, nobody(), { client }]));

// --- Bearer tokens ------------------------------------------------------------------------------------------------------
const bearer = (token, more = {}) => ({ site: 'bearer', headers: [['Authorization', token]], ...more });
const signedToken = (token, secret) => decodeURIComponent(sign(token, secret));
const FORGED = signedToken(TOKENS.ada, 'another secret of the same length');
for (const [name, token] of [['signed', `Bearer ${signedToken(TOKENS.ada)}`], ['encoded', `Bearer ${sign(TOKENS.ada)}`], ['bare', `Bearer ${TOKENS.ada}`],
  ['lower case', `bearer ${signedToken(TOKENS.ada)}`], ['upper case', `BEARER ${TOKENS.ada}`], ['two blanks', `Bearer  ${TOKENS.ada}`], ['forged', `Bearer ${FORGED}`],
  ['no signature behind the dot', `Bearer ${TOKENS.ada}.`], ['truncated', `Bearer ${signedToken(TOKENS.ada).slice(0, -3)}`], ['not padded', `Bearer ${signedToken(TOKENS.ada).slice(0, -1)}`],
  ['nothing', 'Bearer '], ['no blank', `Bearer${TOKENS.ada}`], ['basic', `Basic ${TOKENS.ada}`], ['bare text', TOKENS.ada], ['quoted', `Bearer "${TOKENS.ada}"`],
  ['unknown', `Bearer ${'x'.repeat(32)}`], ['unknown, signed', `Bearer ${signedToken('x'.repeat(32))}`], ['expired', `Bearer ${TOKENS.expired}`], ['due', `Bearer ${TOKENS.due}`],
  ['orphan', `Bearer ${TOKENS.orphan}`], ['a percent sign', `Bearer ${TOKENS.ada}%`], ['two dots', `Bearer ${TOKENS.ada}.${TOKENS.ada}.${TOKENS.ada}`]]) {
  for (const site of ['bearer', 'bearer-signed']) {
    get(`${site}: ${name}`, S, undefined, bearer(token, { site }));
    get(`${site}: ${name}, beside a cookie`, S, undefined, { site, headers: [['Authorization', token], ['Cookie', session(TOKENS.bob)]] });
  }
}
get('bearer: off', S, undefined, bearer(`Bearer ${TOKENS.ada}`, { site: '' }));
get('bearer: cookie alone', S, session(TOKENS.ada), { site: 'bearer' });
get('bearer: due, by cookie', S, session(TOKENS.due), { site: 'bearer' });
get('bearer: due, with the marker', S, undefined, { site: 'bearer', headers: [['Authorization', `Bearer ${TOKENS.due}`], ['Cookie', MARKER]] });
get('bearer: list-sessions', '/list-sessions', undefined, bearer(`Bearer ${TOKENS.bob}`, { anyOrder: true }));
get('bearer: list-accounts', LA, undefined, bearer(`Bearer ${TOKENS.bob}`));
get('bearer: list-accounts, forged', LA, undefined, bearer(`Bearer ${FORGED}`));
for (const origin of [null, ORIGIN, 'https://evil.example']) {
  const by = (token, cookie) => ({ ...bearer(`Bearer ${token}`), origin, ...(cookie ? { cookie } : {}) });
  post(`bearer: sign-up, from ${origin}`, UP, newcomer, { site: 'bearer', origin });
  post(`bearer: sign-in, from ${origin}`, IN, ada, { site: 'bearer', origin });
  post(`bearer: sign-in, by a token, from ${origin}`, IN, ada, by(TOKENS.bob));
  post(`bearer: sign-out, from ${origin}`, '/sign-out', {}, by(TOKENS.ada));
  post(`bearer: sign-out, with a cookie, from ${origin}`, '/sign-out', {}, by(TOKENS.ada, session(TOKENS.bob)));
  post(`bearer: update-user, from ${origin}`, '/update-user', { name: 'x' }, by(TOKENS.ada));
  post(`bearer: update-user, forged, from ${origin}`, '/update-user', { name: 'x' }, by(FORGED));
  post(`bearer: update-user, with a cookie, from ${origin}`, '/update-user', { name: 'x' }, by(TOKENS.ada, session(TOKENS.bob)));
}
post('bearer: sign-in, rememberMe false', IN, { ...ada, rememberMe: false }, { site: 'bearer' });
post('bearer: sign-in, wrong password', IN, { ...ada, password: 'wrong horse battery' }, { site: 'bearer' });
post('bearer: change-password', CP, { ...change, revokeOtherSessions: true }, bearer(`Bearer ${TOKENS.ada}`));
post('bearer: revoke-sessions', '/revoke-sessions', {}, bearer(`Bearer ${TOKENS.ada}`));

// --- Endpoints that are switched off, slashes behind them ---------------------------------------------------------------
for (const [method, path] of [['GET', '/ok'], ['GET', '/ok?a=b'], ['GET', '/ok/'], ['GET', '/ok//'], ['POST', '/ok'], ['HEAD', '/ok'], ['OPTIONS', '/ok'], ['GET', '/OK'], ['GET', '//ok'],
  ['GET', '/%6fk'], ['GET', '/./ok'], ['GET', '/x/../ok'], ['GET', '/ok;x'], ['GET', '/okay'], ['GET', '/o'], ['GET', '/error'], ['GET', '/get-session'], ['GET', '/update-user']]) {
  add(`disabled: ${method} '${path}'`, method, path, { site: 'disabled' });
}
post('disabled: update-user', '/update-user', { name: 'x' }, { ...mine, site: 'disabled' });
post('disabled: update-user, a slash behind', '/update-user/', { name: 'x' }, { ...mine, site: 'disabled' });
post('disabled: sign-in', IN, ada, { site: 'disabled' });
post('disabled: sign-in, bad JSON from a foreign origin', IN, '{', { site: 'disabled', origin: 'https://evil.example', cookie: session(TOKENS.ada) });
post('disabled: sign-up', UP, newcomer, { site: 'disabled' });
for (const path of ['/ok/', '/ok//', '/ok', '/', '', '/get-session/', '/get-session/x/', '/error/', '/error']) get(`slash: GET '${path}'`, path, session(TOKENS.ada), { site: 'slash' });
post('slash: sign-in', `${IN}/`, ada, { site: 'slash' });

// --- Refreshes that are put off or off ----------------------------------------------------------------------------------
for (const site of ['post', 'still']) {
  for (const [name, cookie] of [['none', undefined], ['young', session(TOKENS.ada)], ['due', session(TOKENS.due)], ['expired', session(TOKENS.expired)], ['short, marked', `${session(TOKENS.short)}; ${MARKER}`],
    ['short', session(TOKENS.short)], ['orphan', session(TOKENS.orphan)], ['forged', 'better-auth.session_token=x.y'], ['stale session_data', `${session(TOKENS.due)}; better-auth.session_data=x`]]) {
    get(`${site}: get-session, ${name}`, S, cookie, { site });
    get(`${site}: get-session, ${name}, disableRefresh`, `${S}?disableRefresh=1`, cookie, { site });
    post(`${site}: POST get-session, ${name}`, S, undefined, { site, cookie, type: null });
    post(`${site}: POST get-session, ${name}, disableRefresh`, `${S}?disableRefresh=1`, undefined, { site, cookie, type: null });
  }
  post(`${site}: POST get-session, foreign origin`, S, undefined, { site, cookie: session(TOKENS.due), type: null, origin: 'https://evil.example' });
  post(`${site}: POST get-session, a body`, S, { a: 1 }, { site, cookie: session(TOKENS.due) });
  post(`${site}: update-user, due`, '/update-user', { name: 'x' }, { site, cookie: session(TOKENS.due) });
  get(`${site}: list-accounts, due`, LA, session(TOKENS.due), { site });
  get(`${site}: list-accounts, expired`, LA, session(TOKENS.expired), { site });
  post(`${site}: sign-out`, '/sign-out', {}, { site, cookie: session(TOKENS.expired) });
}

// --- Passwords are off
for (const body of [newcomer, { ...newcomer, password: 'x' }, { ...newcomer, email: 'x' }, {}]) post(`still: sign-up ${JSON.stringify(body)}`, UP, body, { site: 'still' });
for (const body of [ada, { ...ada, password: 'x' }, { ...ada, email: 'x' }, {}]) post(`still: sign-in ${JSON.stringify(body)}`, IN, body, { site: 'still' });
post('still: change-password', CP, change, { ...mine, site: 'still' });

// --- Where errors lead
for (const query of ['', '?error=access_denied', '?error=a&error_description=two+words', '?error=%3Cb%3E', '?error_description=x']) {
  get(`still: error '${query}'`, `/error${query}`, undefined, { site: 'still' });
  get(`other: error '${query}'`, `/error${query}`, undefined, { site: 'other' });
}

// --- Cookies, ids, addresses and the last account
const other = { site: 'other', origin: 'https://auth.test' };
post('other: sign-up', UP, newcomer, other);
post('other: sign-in', IN, ada, other);
post('other: sign-in, rememberMe false', IN, { ...ada, rememberMe: false }, other);
post('other: sign-out', '/sign-out', {}, { ...other, cookie: `__Secure-${session(TOKENS.ada)}` });
post('other: unlink the last account', UA, { accountId: 'account0' }, { ...other, cookie: `__Secure-${session(TOKENS.ada)}` });
post('other: unlink one of two', UA, { accountId: 'account5' }, { ...other, cookie: `__Secure-${session(TOKENS.ada)}`, rows: second });
post('other: unlink an unknown one', UA, { accountId: 'x' }, { ...other, cookie: `__Secure-${session(TOKENS.ada)}` });
for (const address of ['2001:db8:1:2:3:4:5:6', '::1', '203.0.113.9', '::ffff:203.0.113.9']) post(`subnet: sign-in from ${address}`, IN, ada, { site: 'subnet', headers: [['X-Forwarded-For', address]] });

// --- The operator's own columns -----------------------------------------------------------------------------------------
const F = { site: 'fields' };
const person = { ...newcomer, company: 'Acme' };
const filled = [`UPDATE user SET company_name = 'Bobs', age = 42, beta = 1, birthday = '2000-02-29 12:00:00.123', plan = 'pro', secretNote = 'psst', note = 'n' WHERE email = 'ada@example.com'`,
  `UPDATE session SET theme = 'dark', level = 7, seen = '2020-01-01 00:00:00' WHERE id = 'session0'`];
const own = { ...F, cookie: session(TOKENS.ada) };
for (const more of [{}, { company: undefined }, { company: null }, { company: '' }, { company: 'Zoë 𝒜 "\\' }, { company: 'x'.repeat(2000) }, { age: 7 }, { age: 0 }, { age: -1 }, { age: null }, { age: '8' }, { age: 2147483647 },
  { age: 2147483648 }, { beta: true }, { beta: false }, { beta: null }, { birthday: '2001-02-03T04:05:06.789Z' }, { birthday: null }, { plan: 'pro' }, { plan: '' }, { plan: null }, { note: 'x' }, { note: '' }, { note: null }, { note: 0 },
  { note: false }, { secretNote: 'psst' }, { theme: 'dark' }, { other: 'x' }, { company_name: 'x' }, { Company: 'x' }, { password: 'short', company: undefined }, { email: 'ada@example.com', company: undefined },
  { email: 'ada@example.com' }, { rememberMe: false }]) {
  post(`fields: sign-up ${JSON.stringify(more, (key, value) => (value === undefined ? '(none)' : typeof value === 'string' && value.length > 60 ? '(long)' : value))}`, UP, { ...person, ...more }, F);
}
post('fields: sign-up by form', UP, form({ ...person, age: '9' }), { ...F, type: FORM });
post('fields: sign-up by form without it', UP, form(newcomer), { ...F, type: FORM });
post('fields: sign-in', IN, ada, { ...F, rows: filled });
post('fields: sign-in, all NULL', IN, ada, F);
get('fields: get-session', S, session(TOKENS.ada), { ...F, rows: filled });
get('fields: get-session, all NULL', S, session(TOKENS.ada), F);
get('fields: get-session, due', S, session(TOKENS.due), { ...F, rows: filled });
get('fields: list-sessions', '/list-sessions', session(TOKENS.ada), { ...F, rows: filled, anyOrder: true });
for (const body of [{}, { age: 5 }, { age: null }, { company: 'New' }, { company: '' }, { beta: false, birthday: '1999-12-31T23:59:59.999Z' }, { birthday: null }, { secretNote: 'x' }, { plan: 'pro' }, { plan: '' }, { plan: null },
  { note: 'x' }, { note: null }, { name: 'Other', age: 6 }, { image: null, age: 6 }, { email: 'x@y.co', age: 6 }, { email: 'x@y.co', plan: 'pro' }, { theme: 'x' }, { other: 1 }, { plan: 'pro', age: 1 }]) {
  post(`fields: update-user ${JSON.stringify(body)}`, '/update-user', body, { ...own, rows: filled });
}
for (const body of [{}, { theme: 'blue' }, { theme: null }, { theme: '' }, { seen: '2021-01-01T00:00:00.000Z' }, { seen: null }, { level: 9 }, { level: 0 }, { level: null }, { theme: 'x', level: 2 }, { token: 'x' }, { userId: 'x', theme: 'y' },
  { expiresAt: '2040-01-01T00:00:00.000Z' }, { age: 3 }, { other: 1 }]) {
  post(`fields: update-session ${JSON.stringify(body)}`, '/update-session', body, { ...own, rows: filled });
}
post('fields: update-session, not remembered', '/update-session', { theme: 'x' }, { ...own, cookie: `${session(TOKENS.short)}; ${MARKER}` });
post('fields: update-session, nobody', '/update-session', { theme: 'x' }, F);
post('fields: update-session, an array', '/update-session', [], own);
post('fields: update-session, null', '/update-session', 'null', own);
post('fields: change-password', CP, { ...change, revokeOtherSessions: true }, { ...own, rows: filled });
for (const site of ['manual', 'verify']) post(`fields: ${site} has none`, UP, person, { site });

// --- Roles and bans -----------------------------------------------------------------------------------------------------
const A = { site: 'admin' };
const role = (text) => [`UPDATE user SET role = ${text} WHERE email = 'ada@example.com'`];
const ban = (expires, more = '') => [`UPDATE user SET banned = 1, banReason = 'spam', banExpires = ${expires}${more} WHERE email = 'ada@example.com'`];
const [past, future] = ["'2020-02-29 12:00:00.123'", "'2037-01-01 00:00:00.000'"];
for (const more of [{}, { role: 'admin' }, { role: '' }, { role: null }, { role: 0 }, { role: 'user' }, { role: ['admin'] }, { banned: true }, { banned: false }, { banReason: 'x' }, { banReason: '' }, { banExpires: '2001-02-03T04:05:06.789Z' },
  { banExpires: null }, { impersonatedBy: 'x' }, { ban_reason: 'x' }, { email: 'ada@example.com' }, { email: 'ada@example.com', role: 'admin' }, { rememberMe: false }]) {
  post(`admin: sign-up ${JSON.stringify(more)}`, UP, { ...newcomer, ...more }, A);
}
post('admin: sign-up by form, with a role', UP, form({ ...newcomer, role: 'admin' }), { ...A, type: FORM });
for (const [name, its] of [['all NULL', []], ['a role', role("'admin'")], ['roles', role("'editor,Zoë 𝒜'")], ['an empty role', role("''")], ['not banned', role("'x', banned = 0")], ['banned', ban('NULL')],
  ['banned until later', ban(future)], ['banned until a while ago', ban(past)], ['banned until a while ago, with a role', ban(past, ", role = 'x'")], ['no longer banned', ban(future, ', banned = 0')]]) {
  post(`admin: sign-in, ${name}`, IN, ada, { ...A, rows: its });
  post(`admin: sign-in, wrong password, ${name}`, IN, { ...ada, password: 'wrong horse battery' }, { ...A, rows: its });
  get(`admin: get-session, ${name}`, S, session(TOKENS.ada), { ...A, rows: its });
  get(`admin: get-session, due, ${name}`, S, session(TOKENS.due), { ...A, rows: its });
}
post('admin: sign-in, not remembered, with a role', IN, { ...ada, rememberMe: false }, { ...A, rows: role("'admin'") });
for (const body of [{ role: 'admin' }, { role: '' }, { role: null }, { banned: false }, { banned: true }, { banReason: null }, { banExpires: '2001-02-03T04:05:06.789Z' }, { name: 'Other', role: 'admin' }, { name: 'Other' }]) {
  post(`admin: update-user ${JSON.stringify(body)}`, '/update-user', body, { ...A, cookie: session(TOKENS.ada), rows: role("'editor'") });
}
for (const body of [{ impersonatedBy: 'x' }, { impersonatedBy: null }, {}]) post(`admin: update-session ${JSON.stringify(body)}`, '/update-session', body, { ...A, cookie: session(TOKENS.ada) });
const impersonated = [`UPDATE session SET impersonatedBy = '${'u'.repeat(32)}' WHERE token = '${TOKENS.due}'`];
get('admin: get-session of an impersonated one', S, session(TOKENS.due), { ...A, rows: impersonated });
get('admin: list-sessions', '/list-sessions', session(TOKENS.ada), { ...A, anyOrder: true });
get('admin: list-sessions, one impersonated', '/list-sessions', session(TOKENS.ada), { ...A, rows: impersonated, anyOrder: true });
post('admin: revoke an impersonated one', '/revoke-session', { token: TOKENS.due }, { ...A, cookie: session(TOKENS.ada), rows: impersonated });
post('admin: change-password', CP, { ...change, revokeOtherSessions: true }, { ...A, cookie: session(TOKENS.ada), rows: role("'admin'") });
