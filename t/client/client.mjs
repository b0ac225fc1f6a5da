// SPDX-License-Identifier: Apache-2.0
// Copyright the mod_betterauth authors
//
// The unmodified better-auth client against one server: the npm server proves what is expected here, httpd has to match.
//   node --test client.mjs   with BA_URL (http://127.0.0.1:PORT) and BA_ORIGIN in the environment, and in BA_LINKED_EMAIL
//   a user with a second account, whose row id is BA_LINKED_ACCOUNT; BA_BEARER_URL takes bearer tokens
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';

// The packages live in t/node.
const packages = createRequire(new URL('../node/package.json', import.meta.url));
const { createAuthClient } = await import(packages.resolve('better-auth/client'));

// The atom fetches only where there is a window; navigation ends up in its location.
globalThis.window = { location: { href: '' } };

const PASSWORD = 'correct horse battery';
let serial = 0;
const newEmail = () => `client-${process.pid}-${Date.now()}-${++serial}@example.com`;

// A browser in small: keeps cookies, and says which page asks (Node's fetch sends no Origin).
function browser(origin = process.env.BA_ORIGIN) {
  const jar = new Map();
  const calls = [];
  return {
    jar,
    calls,
    async fetch(input, init) {
      const request = new Request(input, init);
      const headers = new Headers(request.headers);
      if (jar.size) headers.set('cookie', [...jar].map(([name, value]) => `${name}=${value}`).join('; '));
      if (origin) headers.set('origin', origin);
      calls.push(`${request.method} ${new URL(request.url).pathname}`);
      const response = await fetch(request, { headers });
      for (const line of response.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
        if (/; *max-age=0(;|$)/i.test(line)) jar.delete(name);
        else jar.set(name, value);
      }
      return response;
    },
  };
}

function client(options) {
  const b = browser(options?.origin);
  return {
    browser: b,
    auth: createAuthClient({ baseURL: process.env.BA_URL, fetchOptions: { customFetchImpl: b.fetch } }),
  };
}

const person = (more) => ({ name: 'Zoë', email: newEmail(), password: PASSWORD, ...more });

async function until(store, wanted, what) {
  for (let i = 0; i < 100; i++) {
    if (wanted(store.get())) return store.get();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`${what}: ${JSON.stringify(store.get())}`);
}

test('signUp.email', async () => {
  const { auth, browser } = client();
  const who = person({ image: 'https://x.test/z.png' });
  const { data, error } = await auth.signUp.email(who);
  assert.equal(error, null);
  assert.match(data.token, /^[a-zA-Z0-9]{32}$/);
  assert.equal(data.user.name, 'Zoë');
  assert.equal(data.user.email, who.email);
  assert.equal(data.user.emailVerified, false);
  assert.equal(data.user.image, who.image);
  assert.ok(data.user.createdAt instanceof Date);
  assert.ok(data.user.updatedAt instanceof Date);
  assert.deepEqual([...browser.jar.keys()], ['better-auth.session_token']);
});

test('getSession', async () => {
  const { auth } = client();
  assert.deepEqual(await auth.getSession(), { data: null, error: null });
  const who = person();
  const signedUp = await auth.signUp.email(who);
  const { data, error } = await auth.getSession();
  assert.equal(error, null);
  assert.deepEqual(data.user, signedUp.data.user);
  assert.equal(data.session.token, signedUp.data.token);
  assert.equal(data.session.userId, data.user.id);
  assert.ok(data.session.expiresAt instanceof Date);
  assert.ok(Math.abs(data.session.expiresAt - Date.now() - 7 * 86400e3) < 60e3);
});

test('signIn.email', async () => {
  const who = person();
  await client().auth.signUp.email(who);
  const { auth } = client();
  const { data, error } = await auth.signIn.email({ email: who.email.toUpperCase(), password: PASSWORD });
  assert.equal(error, null);
  assert.equal(data.redirect, false);
  assert.equal(data.url, undefined);
  assert.equal(data.user.email, who.email);
  assert.equal((await auth.getSession()).data.session.token, data.token);
});

test('signIn.email with rememberMe false', async () => {
  const who = person();
  await client().auth.signUp.email(who);
  const { auth, browser } = client();
  const { error } = await auth.signIn.email({ email: who.email, password: PASSWORD, rememberMe: false });
  assert.equal(error, null);
  assert.deepEqual([...browser.jar.keys()].sort(), ['better-auth.dont_remember', 'better-auth.session_token']);
  const { data } = await auth.getSession();
  assert.ok(Math.abs(data.session.expiresAt - Date.now() - 86400e3) < 60e3);
});

test('signIn.email with callbackURL', async () => {
  const who = person();
  await client().auth.signUp.email(who);
  const { data } = await client().auth.signIn.email({ email: who.email, password: PASSWORD, callbackURL: '/members/' });
  assert.equal(data.redirect, true);
  assert.equal(data.url, '/members/');
  assert.equal(window.location.href, '/members/', 'the client navigates');
});

test('signOut', async () => {
  const { auth, browser } = client();
  await auth.signUp.email(person());
  const { data, error } = await auth.signOut();
  assert.equal(error, null);
  assert.deepEqual(data, { success: true });
  assert.equal(browser.jar.size, 0);
  assert.deepEqual(await auth.getSession(), { data: null, error: null });
});

test('useSession follows sign-in and sign-out', async () => {
  const { auth, browser } = client();
  const store = auth.useSession;
  const seen = [];
  const unsubscribe = store.subscribe((value) => seen.push(value));
  try {
    await until(store, (s) => !s.isPending, 'settles');
    assert.equal(store.get().data, null);
    assert.equal(store.get().error, null);
    const who = person();
    await auth.signUp.email(who);
    const signedIn = await until(store, (s) => s.data?.user, 'sign-up is noticed');
    assert.equal(signedIn.data.user.email, who.email);
    assert.ok(signedIn.data.session.expiresAt instanceof Date);
    await auth.signOut();
    await until(store, (s) => s.data === null && !s.isPending, 'sign-out is noticed');
    await auth.signIn.email({ email: who.email, password: PASSWORD });
    await until(store, (s) => s.data?.user.email === who.email, 'sign-in is noticed');
    assert.ok(browser.calls.filter((call) => call === 'GET /api/auth/get-session').length >= 4, 'the atom asked each time');
    assert.ok(seen.length >= 4);
  } finally {
    unsubscribe();
  }
});

test('useSession.refetch', async () => {
  const { auth, browser } = client();
  const unsubscribe = auth.useSession.subscribe(() => {});
  try {
    await until(auth.useSession, (s) => !s.isPending, 'settles');
    const before = browser.calls.length;
    await auth.useSession.get().refetch();
    assert.equal(browser.calls.length, before + 1);
  } finally {
    unsubscribe();
  }
});

// Two browsers of one person.
async function twice() {
  const who = person();
  const here = client();
  const there = client();
  await here.auth.signUp.email(who);
  await there.auth.signIn.email({ email: who.email, password: PASSWORD });
  return { who, here, there };
}

const signedIn = async ({ auth }) => (await auth.getSession()).data !== null;

test('listSessions', async () => {
  const { here, there } = await twice();
  const { data, error } = await here.auth.listSessions();
  assert.equal(error, null);
  const tokens = [here, there].map(async ({ auth }) => (await auth.getSession()).data.session.token);
  assert.deepEqual(data.map(({ token }) => token).sort(), (await Promise.all(tokens)).sort());
  const session = (await here.auth.getSession()).data.session;
  assert.deepEqual(data.find(({ id }) => id === session.id), session);
  assert.ok(data[0].expiresAt instanceof Date);
});

test('revokeSession', async () => {
  const { here, there } = await twice();
  const { token } = (await there.auth.getSession()).data.session;
  assert.deepEqual(await here.auth.revokeSession({ token }), { data: { status: true }, error: null });
  assert.equal(await signedIn(there), false);
  assert.equal(await signedIn(here), true);
});

test('revokeOtherSessions', async () => {
  const { here, there } = await twice();
  assert.deepEqual(await here.auth.revokeOtherSessions(), { data: { status: true }, error: null });
  assert.equal(await signedIn(there), false);
  assert.equal(await signedIn(here), true);
});

test('revokeSessions', async () => {
  const { here, there } = await twice();
  assert.deepEqual(await here.auth.revokeSessions(), { data: { status: true }, error: null });
  assert.equal(await signedIn(there), false);
  assert.equal(await signedIn(here), false);
});

test('updateUser', async () => {
  const { auth } = client();
  await auth.signUp.email(person());
  assert.deepEqual(await auth.updateUser({ name: 'Zoë 𝒜', image: '/zoe.png' }), { data: { status: true }, error: null });
  const { user } = (await auth.getSession()).data;
  assert.deepEqual([user.name, user.image], ['Zoë 𝒜', '/zoe.png']);
  await auth.updateUser({ image: null });
  assert.equal((await auth.getSession()).data.user.image, null);
});

test('useSession follows updateUser and revocation', async () => {
  const { here, there } = await twice();
  const store = here.auth.useSession;
  const unsubscribe = store.subscribe(() => {});
  try {
    await until(store, (s) => s.data?.user.name === 'Zoë', 'signs in');
    await here.auth.updateUser({ name: 'Other' });
    await until(store, (s) => s.data?.user.name === 'Other', 'the new name is noticed');
    const { token } = store.get().data.session;
    await here.auth.changePassword({ currentPassword: PASSWORD, newPassword: 'another horse battery', revokeOtherSessions: true });
    const changed = await until(store, (s) => s.data && s.data.session.token !== token, 'the new session is noticed');
    assert.equal(changed.data.user.name, 'Other');
    assert.equal(await signedIn(there), false);
    await here.auth.revokeSessions();
    await until(store, (s) => s.data === null && !s.isPending, 'the end is noticed');
  } finally {
    unsubscribe();
  }
});

test('changePassword', async () => {
  const { who, here, there } = await twice();
  const { data, error } = await here.auth.changePassword({ currentPassword: PASSWORD, newPassword: 'another horse battery' });
  assert.equal(error, null);
  assert.equal(data.token, null);
  assert.deepEqual(data.user, (await here.auth.getSession()).data.user);
  assert.equal(await signedIn(there), true);
  assert.equal((await client().auth.signIn.email({ email: who.email, password: PASSWORD })).error.code, 'INVALID_EMAIL_OR_PASSWORD');
  assert.equal((await client().auth.signIn.email({ email: who.email, password: 'another horse battery' })).error, null);
});

test('changePassword with revokeOtherSessions', async () => {
  const { here, there } = await twice();
  const { data, error } = await here.auth.changePassword({ currentPassword: PASSWORD, newPassword: 'another horse battery', revokeOtherSessions: true });
  assert.equal(error, null);
  assert.equal((await here.auth.getSession()).data.session.token, data.token, 'the browser has the new session');
  assert.equal(await signedIn(there), false);
  assert.equal((await here.auth.listSessions()).data.length, 1);
});

test('verifyPassword', async () => {
  const { auth } = client();
  await auth.signUp.email(person());
  assert.deepEqual(await auth.verifyPassword({ password: PASSWORD }), { data: { status: true }, error: null });
  assert.equal((await auth.verifyPassword({ password: 'wrong horse' })).error.code, 'INVALID_PASSWORD');
});

test('listAccounts and unlinkAccount', async () => {
  const { auth } = client();
  await auth.signIn.email({ email: process.env.BA_LINKED_EMAIL, password: PASSWORD });
  const { data, error } = await auth.listAccounts();
  assert.equal(error, null);
  assert.deepEqual(data.map(({ providerId }) => providerId).sort(), ['credential', 'github']);
  const linked = data.find(({ id }) => id === process.env.BA_LINKED_ACCOUNT);
  assert.deepEqual(linked.scopes, ['read:user', 'user:email']);
  assert.ok(linked.createdAt instanceof Date);
  assert.equal((await auth.unlinkAccount({ accountId: 'x' })).error.code, 'ACCOUNT_NOT_FOUND');
  assert.deepEqual(await auth.unlinkAccount({ accountId: linked.id }), { data: { status: true }, error: null });
  assert.equal((await auth.listAccounts()).data.length, 1);
  assert.equal((await auth.unlinkAccount({ accountId: data.find(({ providerId }) => providerId === 'credential').id })).error.code, 'FAILED_TO_UNLINK_LAST_ACCOUNT');
});

// [name, call, status, statusText, code, message]
const taken = person();
const errors = [
  ['an unknown address', (a) => a.signIn.email({ email: newEmail(), password: PASSWORD }), 401, 'Unauthorized', 'INVALID_EMAIL_OR_PASSWORD', 'Invalid email or password'],
  ['a wrong password', (a) => a.signIn.email({ email: taken.email, password: 'wrong horse' }), 401, 'Unauthorized', 'INVALID_EMAIL_OR_PASSWORD', 'Invalid email or password'],
  ['no address', (a) => a.signIn.email({ email: 'x', password: PASSWORD }), 400, 'Bad Request', 'INVALID_EMAIL', 'Invalid email'],
  ['a bad callbackURL', (a) => a.signIn.email({ email: taken.email, password: PASSWORD, callbackURL: 'https://evil.test' }), 403, 'Forbidden', 'INVALID_CALLBACK_URL', 'Invalid callbackURL'],
  ['a password too long', (a) => a.signIn.email({ email: taken.email, password: 'p'.repeat(129) }), 400, 'Bad Request', 'PASSWORD_TOO_LONG', 'Password too long'],
  ['an address taken', (a) => a.signUp.email(taken), 422, /^Unprocessable (Entity|Content)$/, 'USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL', 'User already exists. Use another email.'],
  ['a password too short', (a) => a.signUp.email(person({ password: 'short' })), 400, 'Bad Request', 'PASSWORD_TOO_SHORT', 'Password too short'],
  ['no name', (a) => a.signUp.email({ email: newEmail(), password: PASSWORD }), 400, 'Bad Request', 'VALIDATION_ERROR', '[body.name] Invalid input: expected string, received undefined'],
];

test('errors carry code, message, status and statusText', async (t) => {
  await client().auth.signUp.email(taken);
  for (const [name, call, status, statusText, code, message] of errors) {
    await t.test(name, async () => {
      const { data, error } = await call(client().auth);
      assert.equal(data, null);
      const { statusText: text, ...rest } = error;
      assert.deepEqual(rest, { status, code, message });
      if (statusText instanceof RegExp) assert.match(text, statusText);
      else assert.equal(text, statusText);
    });
  }
});

const own = [
  ['no session', (a) => a.listSessions(), 401, 'UNAUTHORIZED', 'Unauthorized', true],
  ['no session to change', (a) => a.updateUser({ name: 'x' }), 401, 'UNAUTHORIZED', 'Unauthorized', true],
  ['an address', (a) => a.updateUser({ email: newEmail() }), 400, 'EMAIL_CAN_NOT_BE_UPDATED', 'Email can not be updated'],
  ['nothing', (a) => a.updateUser({ foo: 'x' }), 400, undefined, 'No fields to update'],
  ['a wrong password', (a) => a.changePassword({ currentPassword: 'wrong horse', newPassword: PASSWORD }), 400, 'INVALID_PASSWORD', 'Invalid password'],
  ['a short password', (a) => a.changePassword({ currentPassword: PASSWORD, newPassword: 'short' }), 400, 'PASSWORD_TOO_SHORT', 'Password too short'],
  ['a token that is no text', (a) => a.revokeSession({ token: 1 }), 400, 'VALIDATION_ERROR', '[body.token] Invalid input: expected string, received number'],
];

test('errors of a signed-in user', async (t) => {
  for (const [name, call, status, code, message, out] of own) {
    await t.test(name, async () => {
      const { auth } = client();
      if (!out) await auth.signUp.email(person());
      const { data, error } = await call(auth);
      assert.equal(data, null);
      assert.deepEqual([error.status, error.code, error.message], [status, code, message]);
    });
  }
});

test('a page of a foreign origin gets an error', async () => {
  const { auth } = client({ origin: 'https://evil.test' });
  const { error } = await auth.signIn.email({ email: taken.email, password: PASSWORD });
  assert.deepEqual([error.status, error.code], [403, 'INVALID_ORIGIN']);
});

test('an endpoint that is not there', async () => {
  const { data, error } = await client().auth.$fetch('/no-such-endpoint');
  assert.equal(data, null);
  assert.equal(error.status, 404);
});

// As an app without cookies has it, such as a mobile one: the token comes in a header and goes out in one.
test('bearer tokens', async () => {
  let token = '';
  const seen = [];
  const auth = createAuthClient({
    baseURL: process.env.BA_BEARER_URL,
    fetchOptions: {
      auth: { type: 'Bearer', token: () => token },
      customFetchImpl: (input, init) => fetch(new Request(input, init), { headers: { ...Object.fromEntries(new Request(input, init).headers), origin: process.env.BA_ORIGIN } }),
      onSuccess: ({ response }) => {
        const told = response.headers.get('set-auth-token');
        if (told) seen.push(told);
        token = told ?? token;
      },
    },
  });
  const who = person();
  assert.deepEqual(await auth.getSession(), { data: null, error: null });
  const { data } = await auth.signUp.email(who);
  assert.equal(seen.length, 1);
  assert.equal(token.split('.')[0], data.token);
  const first = (await auth.getSession()).data;
  assert.equal(first.user.email, who.email);
  assert.equal(first.session.token, data.token);
  assert.equal(seen.length, 1, 'a session that is not refreshed has nothing to tell');
  assert.equal((await auth.updateUser({ name: 'Bearer' })).error, null);
  assert.equal((await auth.listSessions()).data.length, 1);
  const changed = await auth.changePassword({ currentPassword: PASSWORD, newPassword: 'another horse battery', revokeOtherSessions: true });
  assert.equal(token.split('.')[0], changed.data.token, 'the new session is told');
  assert.equal((await auth.getSession()).data.user.name, 'Bearer');
  token = changed.data.token;
  assert.equal((await auth.getSession()).data.user.name, 'Bearer', 'without signature');
  assert.deepEqual((await auth.signOut()).data, { success: true });
  assert.deepEqual(await auth.getSession(), { data: null, error: null });
});
