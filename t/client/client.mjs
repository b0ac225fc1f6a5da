// SPDX-License-Identifier: Apache-2.0
// Copyright the mod_betterauth authors
//
// The unmodified better-auth client against one server: the npm server proves what is expected here, httpd has to match.
//   node --test client.mjs   with the names of two sites in the environment, BA_PROMPT and BA_CONFIRM (see Sites.pm), in
//   BA_LINKED_EMAIL a user of the first with a second account, whose row id is BA_LINKED_ACCOUNT, and in BA_MAILS the
//   program that says what was mailed
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';

// The packages live in t/node.
const packages = createRequire(new URL('../node/package.json', import.meta.url));
const { createAuthClient } = await import(packages.resolve('better-auth/client'));
const { betterAuth } = await import(packages.resolve('better-auth'));

// The atom fetches only where there is a window; navigation ends up in its location.
globalThis.window = { location: { href: '' } };

const PASSWORD = 'correct horse battery';
const NEXT = 'another horse battery';
const state = JSON.parse(readFileSync(process.env.BA_TEST_STATE, 'utf8'));
const port = (site) => (site.startsWith('npm-') ? state.npm[site.slice(4)] : state.flavours.plain.sites[site]).port;
let serial = 0;
const newEmail = () => `client-${process.pid}-${Date.now()}-${++serial}@example.com`;
const called = new Set();

// A browser in small: keeps cookies, and says which page asks (Node's fetch sends no Origin).
function browser(origin = state.origin) {
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
      called.add(calls.at(-1));
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

function client({ origin, confirm, ...options } = {}) {
  const b = browser(origin);
  const site = confirm ? process.env.BA_CONFIRM : process.env.BA_PROMPT;
  const baseURL = `http://127.0.0.1:${port(site)}`;
  return {
    site,
    browser: b,
    auth: createAuthClient({ baseURL, ...options, fetchOptions: { customFetchImpl: b.fetch, ...options.fetchOptions } }),
    // What happens when somebody follows a link of a mail: where it leads, and the answer itself.
    async follow(url) {
      const response = await b.fetch(url.replace(/^https?:\/\/[^/]+/, baseURL), { redirect: 'manual' });
      return { status: response.status, location: response.headers.get('location') };
    },
  };
}

// The links that were mailed to an address, oldest first.
const links = ({ site }, to) => JSON.parse(execFileSync('perl', [process.env.BA_MAILS, site, to])).filter(({ url }) => url).map(({ url }) => new URL(url));
const lastLink = (at, to) => links(at, to).at(-1) ?? assert.fail(`no mail to ${to}`);
const lastToken = (at, to) => lastLink(at, to).searchParams.get('token');

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

test('changePassword: a wrong password changes nothing', async () => {
  const { auth } = client();
  await auth.signUp.email(person());
  assert.equal((await auth.changePassword({ currentPassword: 'wrong horse', newPassword: NEXT })).error.code, 'INVALID_PASSWORD');
  assert.equal((await auth.verifyPassword({ password: PASSWORD })).error, null);
});

test('updateSession has no fields of its own', async () => {
  const { auth } = client();
  await auth.signUp.email(person());
  const { data, error } = await auth.updateSession({ foo: 'x' });
  assert.equal(data, null);
  assert.deepEqual([error.status, error.message], [400, 'No fields to update']);
});

test('getSession with a query', async () => {
  const { auth } = client();
  const { data } = await auth.signUp.email(person());
  for (const query of [{ disableCookieCache: true }, { disableRefresh: true }, { disableCookieCache: true, disableRefresh: true }]) {
    assert.equal((await auth.getSession({ query })).data.session.token, data.token);
  }
});

test('ok', async () => {
  assert.deepEqual(await client().auth.ok(), { data: { ok: true }, error: null });
});

// --- By mail
const RESET_ANSWER = { status: true, message: 'If this email exists in our system, check your email for the reset link' };

for (const confirm of [false, true]) {
  test(`requestPasswordReset and resetPassword, ${confirm ? 'sessions stay' : 'sessions end'}`, async () => {
    const who = person();
    const here = client({ confirm });
    await here.auth.signUp.email(who);
    const there = client({ confirm });
    assert.deepEqual(await there.auth.requestPasswordReset({ email: who.email, redirectTo: '/new-password?from=mail' }), { data: RESET_ANSWER, error: null });
    const link = lastLink(there, who.email);
    assert.match(link.pathname, /^\/api\/auth\/reset-password\/[a-zA-Z0-9]{24}$/);
    const token = link.pathname.split('/').at(-1);
    const { status, location } = await there.follow(link.href);
    assert.equal(status, 302);
    assert.equal(location, `${state.origin}/new-password?from=mail&token=${token}`);
    assert.equal((await there.auth.resetPassword({ newPassword: 'short', token })).error.code, 'PASSWORD_TOO_SHORT');
    assert.deepEqual(await there.auth.resetPassword({ newPassword: NEXT, token }), { data: { status: true }, error: null });
    const again = await there.auth.resetPassword({ newPassword: PASSWORD, token });
    assert.deepEqual([again.error.status, again.error.code, again.error.message], [400, 'INVALID_TOKEN', 'Invalid token']);
    assert.equal((await there.follow(link.href)).location, `${state.origin}/new-password?from=mail&error=INVALID_TOKEN`);
    assert.equal((await there.auth.signIn.email({ email: who.email, password: PASSWORD })).error.code, 'INVALID_EMAIL_OR_PASSWORD');
    assert.equal((await there.auth.signIn.email({ email: who.email, password: NEXT })).error, null);
  });
}

test('revokeSessionsOnPasswordReset ends the sessions, of an address that is proved', async () => {
  const { here, who } = await verified();
  await here.auth.requestPasswordReset({ email: who.email });
  const token = lastLink(here, who.email).pathname.split('/').at(-1);
  await here.auth.resetPassword({ newPassword: NEXT, token });
  assert.equal(await signedIn(here), false);
});

test('without it they go on', async () => {
  const { here, who } = await verified({ confirm: true });
  await here.auth.requestPasswordReset({ email: who.email });
  const token = lastLink(here, who.email).pathname.split('/').at(-1);
  assert.equal((await here.auth.resetPassword({ newPassword: NEXT, query: { token } })).error, null, 'the token may stand in the query');
  assert.equal(await signedIn(here), true);
});

test('requestPasswordReset of nobody says the same', async () => {
  const at = client();
  const email = newEmail();
  assert.deepEqual(await at.auth.requestPasswordReset({ email, redirectTo: '/x' }), { data: RESET_ANSWER, error: null });
  assert.deepEqual(links(at, email), []);
});

test('requestPasswordReset: the earlier link works too', async () => {
  const who = person();
  const at = client();
  await at.auth.signUp.email(who);
  await at.auth.requestPasswordReset({ email: who.email });
  await at.auth.requestPasswordReset({ email: who.email });
  const [first, second] = links(at, who.email).filter(({ pathname }) => /reset-password/.test(pathname)).map(({ pathname }) => pathname.split('/').at(-1));
  assert.notEqual(first, second);
  assert.equal((await at.auth.resetPassword({ newPassword: NEXT, token: first })).error, null);
});

test('sendVerificationEmail and verifyEmail', async () => {
  const who = person();
  const at = client({ confirm: true });
  await at.auth.signUp.email(who);
  assert.deepEqual(links(at, who.email), [], 'sign-up asks for nothing here');
  assert.deepEqual(await at.auth.sendVerificationEmail({ email: who.email, callbackURL: '/welcome' }), { data: { status: true }, error: null });
  const link = lastLink(at, who.email);
  assert.equal(link.pathname, '/api/auth/verify-email');
  assert.equal(link.searchParams.get('callbackURL'), '/welcome');
  assert.deepEqual(await at.auth.verifyEmail({ query: { token: link.searchParams.get('token') } }), { data: { status: true, user: null }, error: null });
  assert.equal((await at.auth.getSession()).data.user.emailVerified, true);
  assert.equal((await at.auth.sendVerificationEmail({ email: who.email })).error.code, 'EMAIL_ALREADY_VERIFIED');
  assert.deepEqual(await at.follow(link.href), { status: 302, location: '/welcome' }, 'a second time does no harm');
});

test('signUp.email mails a link that signs in', async () => {
  const who = person();
  const at = client();
  await at.auth.signUp.email({ ...who, callbackURL: '/hello' });
  const other = client();
  assert.equal(await signedIn(other), false);
  assert.deepEqual(await other.follow(lastLink(at, who.email).href), { status: 302, location: '/hello' });
  const { data } = await other.auth.getSession();
  assert.equal(data.user.email, who.email);
  assert.equal(data.user.emailVerified, true);
});

test('sendVerificationEmail without a session', async () => {
  const who = person();
  await client({ confirm: true }).auth.signUp.email(who);
  const at = client({ confirm: true });
  assert.deepEqual(await at.auth.sendVerificationEmail({ email: who.email }), { data: { status: true }, error: null });
  assert.equal(links(at, who.email).length, 1);
  const nobody = newEmail();
  assert.deepEqual(await at.auth.sendVerificationEmail({ email: nobody }), { data: { status: true }, error: null });
  assert.deepEqual(links(at, nobody), []);
});

// A person whose address is proved, signed in here.
async function verified(options) {
  const who = person();
  const here = client(options);
  await here.auth.signUp.email(who);
  if (!links(here, who.email).length) await here.auth.sendVerificationEmail({ email: who.email });
  assert.equal((await here.auth.verifyEmail({ query: { token: lastToken(here, who.email) } })).error, null);
  return { who, here };
}

test('useSession follows verifyEmail', async () => {
  const who = person();
  const at = client();
  const unsubscribe = at.auth.useSession.subscribe(() => {});
  try {
    await at.auth.signUp.email(who);
    await until(at.auth.useSession, (s) => s.data?.user.emailVerified === false, 'signs up');
    await at.auth.verifyEmail({ query: { token: lastToken(at, who.email) } });
    await until(at.auth.useSession, (s) => s.data?.user.emailVerified === true, 'the verification is noticed');
  } finally {
    unsubscribe();
  }
});

test('changeEmail of an unverified address, at once', async () => {
  const who = person();
  const at = client();
  const newEmailOf = newEmail();
  const unsubscribe = at.auth.useSession.subscribe(() => {});
  try {
    await at.auth.signUp.email(who);
    assert.deepEqual(await at.auth.changeEmail({ newEmail: newEmailOf.toUpperCase() }), { data: { status: true }, error: null });
    await until(at.auth.useSession, (s) => s.data?.user.email === newEmailOf, 'the new address is noticed');
    assert.equal((await at.auth.signIn.email({ email: newEmailOf, password: PASSWORD })).error, null);
    assert.equal((await at.auth.verifyEmail({ query: { token: lastToken(at, newEmailOf) } })).error, null);
    assert.equal((await at.auth.getSession()).data.user.emailVerified, true);
  } finally {
    unsubscribe();
  }
});

test('changeEmail of a verified address, proved by the new one', async () => {
  const { who, here } = await verified();
  const to = newEmail();
  assert.deepEqual(await here.auth.changeEmail({ newEmail: to, callbackURL: '/changed' }), { data: { status: true }, error: null });
  assert.equal((await here.auth.getSession()).data.user.email, who.email, 'not yet');
  const { data, error } = await here.auth.verifyEmail({ query: { token: lastToken(here, to) } });
  assert.equal(error, null);
  assert.equal(data.status, true);
  assert.equal(data.user.email, to);
  assert.equal(data.user.emailVerified, true);
  assert.deepEqual((await here.auth.getSession()).data.user, data.user);
  assert.equal((await client().auth.signIn.email({ email: who.email, password: PASSWORD })).error.code, 'INVALID_EMAIL_OR_PASSWORD');
});

test('changeEmail of a verified address, confirmed by the old one', async () => {
  const { who, here } = await verified({ confirm: true });
  const to = newEmail();
  await here.auth.changeEmail({ newEmail: to, callbackURL: '/changed' });
  assert.deepEqual(links(here, to), [], 'the new address hears nothing yet');
  const { data, error } = await here.auth.verifyEmail({ query: { token: lastToken(here, who.email) } });
  assert.deepEqual([data, error], [{ status: true }, null]);
  assert.equal((await here.auth.getSession()).data.user.email, who.email, 'not yet');
  const link = lastLink(here, to);
  const other = client({ confirm: true });
  assert.deepEqual(await other.follow(`${link.origin}${link.pathname}?token=${link.searchParams.get('token')}&callbackURL=/changed`), { status: 302, location: '/changed' });
  assert.equal((await other.auth.getSession()).data.user.email, to, 'whoever has the link is signed in');
  assert.equal((await here.auth.getSession()).data.user.email, to);
});

test('changeEmail to a taken address says nothing', async () => {
  const { who, here } = await verified();
  const other = person();
  await client().auth.signUp.email(other);
  const before = links(here, other.email).length;
  assert.deepEqual(await here.auth.changeEmail({ newEmail: other.email }), { data: { status: true }, error: null });
  assert.equal(links(here, other.email).length, before);
  assert.equal((await here.auth.getSession()).data.user.email, who.email);
});

test('deleteUser with a fresh session', async () => {
  const who = person();
  const at = client();
  const unsubscribe = at.auth.useSession.subscribe(() => {});
  try {
    await at.auth.signUp.email(who);
    await until(at.auth.useSession, (s) => s.data, 'signs up');
    assert.deepEqual(await at.auth.deleteUser(), { data: { success: true, message: 'User deleted' }, error: null });
    await until(at.auth.useSession, (s) => s.data === null && !s.isPending, 'the deletion is noticed');
    assert.equal(at.browser.jar.size, 0);
    assert.equal((await at.auth.signIn.email(who)).error.code, 'INVALID_EMAIL_OR_PASSWORD');
  } finally {
    unsubscribe();
  }
});

test('deleteUser with the password', async () => {
  const { here, there } = await twice();
  assert.equal((await here.auth.deleteUser({ password: 'wrong horse' })).error.code, 'INVALID_PASSWORD');
  assert.equal(await signedIn(here), true);
  assert.deepEqual(await here.auth.deleteUser({ password: PASSWORD }), { data: { success: true, message: 'User deleted' }, error: null });
  assert.equal(await signedIn(here), false);
  assert.equal(await signedIn(there), false);
});

test('deleteUser by mail, the link is followed', async () => {
  const who = person();
  const at = client({ confirm: true });
  await at.auth.signUp.email(who);
  assert.deepEqual(await at.auth.deleteUser({ callbackURL: '/bye' }), { data: { success: true, message: 'Verification email sent' }, error: null });
  assert.equal(await signedIn(at), true);
  const link = lastLink(at, who.email);
  const stranger = client({ confirm: true });
  assert.equal((await stranger.follow(link.href)).status, 404, 'the link alone is not enough');
  assert.deepEqual(await at.follow(link.href), { status: 302, location: '/bye' });
  assert.equal(at.browser.jar.size, 0);
  assert.equal((await at.auth.signIn.email(who)).error.code, 'INVALID_EMAIL_OR_PASSWORD');
});

test('deleteUser by mail, the token is posted', async () => {
  const who = person();
  const at = client({ confirm: true });
  await at.auth.signUp.email(who);
  await at.auth.deleteUser({ password: PASSWORD });
  const token = lastToken(at, who.email);
  assert.equal((await at.auth.deleteUser({ token: 'x' })).error.code, 'INVALID_TOKEN');
  assert.deepEqual(await at.auth.deleteUser({ token }), { data: { success: true, message: 'User deleted' }, error: null });
  assert.equal(await signedIn(at), false);
});

test('deleteUser.callback', async () => {
  const who = person();
  const at = client({ confirm: true });
  await at.auth.signUp.email(who);
  await at.auth.deleteUser();
  const other = client({ confirm: true });
  await other.auth.signUp.email(person());
  const token = lastToken(at, who.email);
  assert.equal((await client({ confirm: true }).auth.deleteUser.callback({ query: { token } })).error.code, 'FAILED_TO_GET_USER_INFO');
  assert.deepEqual(await at.auth.deleteUser.callback({ query: { token } }), { data: { success: true, message: 'User deleted' }, error: null });
  assert.equal(await signedIn(at), false);
  assert.equal(await signedIn(other), true);
});

// --- The client itself
test('fetchOptions: hooks of a call', async () => {
  const seen = [];
  const hooks = Object.fromEntries(['onRequest', 'onResponse', 'onSuccess', 'onError'].map((name) => [name, (context) => { seen.push([name, context]); }]));
  const { auth } = client();
  const who = person();
  await auth.signUp.email(who, hooks);
  assert.deepEqual(seen.map(([name]) => name), ['onRequest', 'onResponse', 'onSuccess']);
  assert.equal(seen[2][1].data.user.email, who.email);
  assert.equal(seen[1][1].response.status, 200);
  seen.length = 0;
  await auth.signIn.email({ ...who, password: 'wrong horse', fetchOptions: hooks });
  assert.deepEqual(seen.map(([name]) => name), ['onRequest', 'onResponse', 'onError']);
  assert.equal(seen[2][1].error.code, 'INVALID_EMAIL_OR_PASSWORD');
  assert.equal(seen[2][1].error.status, 401);
});

test('fetchOptions: hooks of the client', async () => {
  const seen = [];
  const { auth } = client({ fetchOptions: { onRequest: ({ headers }) => { headers.set('x-test', 'y'); seen.push('request'); }, onSuccess: () => { seen.push('success'); }, onError: () => { seen.push('error'); } } });
  await auth.getSession();
  await auth.listSessions();
  assert.deepEqual(seen, ['request', 'success', 'request', 'error']);
});

test('fetchOptions: throw', async () => {
  const { auth } = client();
  const who = person();
  const data = await auth.signUp.email(who, { throw: true });
  assert.equal(data.user.email, who.email);
  await assert.rejects(auth.signIn.email({ ...who, password: 'wrong horse' }, { throw: true }), ({ status, error }) => status === 401 && error.code === 'INVALID_EMAIL_OR_PASSWORD');
});

test('fetchOptions: headers and disableSignal', async () => {
  const { auth, browser } = client();
  const unsubscribe = auth.useSession.subscribe(() => {});
  try {
    await until(auth.useSession, (s) => !s.isPending, 'settles');
    await auth.signUp.email(person(), { headers: { 'x-test': 'y' }, disableSignal: true });
    const before = browser.calls.length;
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(browser.calls.length, before, 'the atom was not told');
    auth.$store.notify('$sessionSignal');
    await until(auth.useSession, (s) => s.data, 'now it was');
  } finally {
    unsubscribe();
  }
});

test('$fetch', async () => {
  const { auth } = client();
  const who = person();
  const signedUp = await auth.$fetch('/sign-up/email', { method: 'POST', body: who });
  assert.equal(signedUp.data.user.email, who.email);
  assert.ok(signedUp.data.user.createdAt instanceof Date);
  const { data, error } = await auth.$fetch('/get-session');
  assert.equal(error, null);
  assert.equal(data.session.token, signedUp.data.token);
  assert.deepEqual(await auth.$fetch('/ok'), { data: { ok: true }, error: null });
});

test('useSession: get-session fails while the server is away', async () => {
  let away = false;
  const at = client();
  const { auth } = client({ fetchOptions: { customFetchImpl: (...args) => (away ? Promise.reject(new TypeError('fetch failed')) : at.browser.fetch(...args)) } });
  const unsubscribe = auth.useSession.subscribe(() => {});
  try {
    await auth.signUp.email(person());
    const { data } = await until(auth.useSession, (s) => s.data, 'signs up');
    away = true;
    await auth.useSession.get().refetch().catch(() => {});
    await until(auth.useSession, (s) => s.error, 'the failure is noticed');
    assert.deepEqual(auth.useSession.get().data, data, 'nobody is signed out by it');
    away = false;
    await auth.useSession.get().refetch();
    await until(auth.useSession, (s) => s.error === null && s.data, 'it recovers');
  } finally {
    unsubscribe();
  }
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
  ['a reset for no address', (a) => a.requestPasswordReset({ email: 'x' }), 400, 'Bad Request', 'VALIDATION_ERROR', '[body.email] Invalid email address'],
  ['a reset that leads elsewhere', (a) => a.requestPasswordReset({ email: taken.email, redirectTo: 'https://evil.test' }), 403, 'Forbidden', 'INVALID_REDIRECT_URL', 'Invalid redirectURL'],
  ['a reset with a bad token', (a) => a.resetPassword({ newPassword: NEXT, token: 'x' }), 400, 'Bad Request', 'INVALID_TOKEN', 'Invalid token'],
  ['a reset without a token', (a) => a.resetPassword({ newPassword: NEXT }), 400, 'Bad Request', 'INVALID_TOKEN', 'Invalid token'],
  ['a reset to a short password', (a) => a.resetPassword({ newPassword: 'short', token: 'x' }), 400, 'Bad Request', 'PASSWORD_TOO_SHORT', 'Password too short'],
  ['a verification with a bad token', (a) => a.verifyEmail({ query: { token: 'x' } }), 401, 'Unauthorized', 'INVALID_TOKEN', 'Invalid token'],
  ['a verification without a token', (a) => a.verifyEmail({ query: {} }), 400, 'Bad Request', 'VALIDATION_ERROR', '[query.token] Invalid input: expected string, received undefined'],
  ['a deletion without a session', (a) => a.deleteUser(), 401, 'Unauthorized', 'UNAUTHORIZED', 'Unauthorized'],
  ['a new address without a session', (a) => a.changeEmail({ newEmail: newEmail() }), 401, 'Unauthorized', 'UNAUTHORIZED', 'Unauthorized'],
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
  ['the same address', async (a) => a.changeEmail({ newEmail: (await a.getSession()).data.user.email.toUpperCase() }), 400, undefined, 'Email is the same'],
  ['no new address', (a) => a.changeEmail({ newEmail: 'x' }), 400, 'VALIDATION_ERROR', '[body.newEmail] Invalid email address'],
  ['to verify another address', (a) => a.sendVerificationEmail({ email: newEmail() }), 400, 'EMAIL_MISMATCH', 'Email mismatch'],
  ['a deletion with a wrong password', (a) => a.deleteUser({ password: 'wrong horse' }), 400, 'INVALID_PASSWORD', 'Invalid password'],
  ['a deletion with a bad token', (a) => a.deleteUser({ token: 'x' }), 404, 'INVALID_TOKEN', 'Invalid token'],
  ['the callback of a deletion with a bad token', (a) => a.deleteUser.callback({ query: { token: 'x' } }), 404, 'INVALID_TOKEN', 'Invalid token'],
  ['no session fields', (a) => a.updateSession({ foo: 1 }), 400, undefined, 'No fields to update'],
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

// What the package says there is, but for what needs a provider of identities and what a page is for.
const ELSEWHERE = /^\/(sign-in\/social|link-social|callback\/:id|get-access-token|refresh-token|account-info|error)$/;
test('every endpoint of the core has been called', () => {
  const { api } = betterAuth({ secret: state.secret, baseURL: state.origin, emailAndPassword: { enabled: true }, telemetry: { enabled: false } });
  const endpoints = Object.values(api).filter(({ path }) => path && !ELSEWHERE.test(path)).map(({ path, options }) => [[options.method].flat(), path]);
  assert.ok(endpoints.length >= 23, `${endpoints.length} endpoints`);
  for (const [methods, path] of endpoints) {
    const pattern = new RegExp(`^(${methods.join('|')}) /api/auth${path.replace(':token', '[^/]+')}$`);
    assert.ok([...called].some((call) => pattern.test(call)), `${methods} ${path}`);
  }
});
