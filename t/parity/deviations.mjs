// SPDX-License-Identifier: Apache-2.0
// Copyright the mod_betterauth authors
//
// Where httpd answers otherwise than npm better-auth, on purpose. `match` is the name of a case or a pattern over names,
// `fields` the compared fields that differ. The test fails when a listed case no longer differs there, and when anything
// else does.
import { isDeepStrictEqual } from 'node:util';

export const deviations = [
  {
    match: /^(sign-in: stored hash is malformed|\/(change|verify)-password: account: malformed hash(, wrong)?)$/,
    fields: ['status', 'type', 'body'],
    reason: 'npm answers 500 to a hash it cannot read; here it is a wrong password',
  },
  {
    match: 'get-session: token in swapped case',
    fields: ['body', 'cookies'],
    reason: 'MySQL collations ignore case, so npm finds the row; tokens are compared byte for byte here',
  },
  {
    match: 'sign-in: remembered again, with an old dont_remember cookie',
    fields: ['cookies'],
    reason: 'npm leaves the old marker, which stops every later refresh; here it is deleted',
  },
  {
    match: /^none: GET '\/(\/ok|%6fk)'$/,
    fields: ['status', 'type', 'body'],
    reason: 'httpd merges slashes and decodes paths before it looks for the endpoint, so these are /ok; npm answers 404',
  },
  {
    match: "none: GET '/ok%2f'",
    fields: ['type', 'body'],
    reason: 'an escaped slash is refused by httpd itself (AllowEncodedSlashes Off), with its own 404 page',
  },
  {
    match: 'sign-up: client address unknown to npm',
    fields: ['rows'],
    reason: 'npm never looks at the connection; httpd stores the address it knows',
  },
  {
    match: /^body: NUL escape|address .*\\u0000/,
    fields: ['body'],
    reason: 'text with a NUL is refused as such, before the address is looked at',
  },
  {
    match: 'body: big number',
    fields: ['body'],
    reason: 'a number that is too large for a double is no JSON here, and Infinity for npm',
  },
  {
    match: "type: 'x-application/json-x'",
    fields: ['status', 'body', 'cookies', 'rows'],
    reason: 'npm lets the type pass but then does not parse the body; no client sends it',
  },
  {
    match: 'sign-up: password is []',
    fields: ['body'],
    reason: 'npm adds a second sentence about the length of the array; the first says what is wrong',
  },
  {
    match: 'get-session: two Cookie headers',
    fields: ['body'],
    reason: 'httpd joins header lines of HTTP/1.1 with a comma; clients must send one Cookie line there (RFC 6265, 5.4)',
  },
  {
    match: 'get-session: token with a blank behind',
    fields: ['body', 'cookies'],
    reason: 'MySQL collations ignore trailing blanks; tokens are compared byte for byte here',
  },
  {
    match: /^(sign-in: rememberMe unsaid, with a dont_remember cookie|get-session: due, with a forged marker|.*, a forged marker|\/update-user: a forged marker)$/,
    fields: ['cookies'],
    reason: 'a session that is remembered deletes the marker that would stop its refresh; npm leaves it',
  },
  {
    match: /^admin: get-session, (due, )?banned( until later)?$/,
    fields: ['body', 'cookies', 'rows'],
    reason: 'npm looks at a ban when a session begins, and ends sessions in ban-user alone; here no session of a banned user counts',
  },
  {
    match: '/list-sessions: newest first',
    fields: ['body'],
    reason: 'npm answers in the order of the database, which says nothing to a reader; here it is the newest first',
  },
  {
    match: /^\/revoke-session: (in swapped case|a blank behind)$/,
    fields: ['rows'],
    reason: 'MySQL collations ignore case and trailing blanks, so npm ends the session; tokens are compared byte for byte here',
  },
  {
    match: /^\/revoke-session: a NUL$|^\/unlink-account: (one|two), a NUL$/,
    fields: ['status', 'body'],
    reason: 'text with a NUL is refused as such',
  },
  {
    match: /^\/revoke-other-sessions: (one has expired|of 150)$/,
    fields: ['rows'],
    reason: 'npm ends what a list of at most 100 unexpired sessions shows; here all others end',
  },
  {
    match: /^\/(?!delete-user)[a-z-]+: stale chunks$/,
    fields: ['cookies'],
    reason: 'of the cookies set while the session is looked up npm sends only the last; here all of them',
  },
  {
    match: /^\/update-user: (due|due and old|short, without marker)$|^\/change-password: revokeOtherSessions, due$/,
    fields: ['cookies'],
    reason: 'npm sets the session cookie twice, for the refresh and again; the last one alone is sent here',
  },
  {
    match: /^\/update-user: \{("name":null|"(name|image)":(true|false|[01]|\[.*\]|\{\}))\}$/,
    fields: ['status', 'type', 'body', 'cookies', 'rows'],
    reason: 'npm does not look at types: it stores what the driver makes of them, or answers 500; here they are refused',
  },
  {
    match: /^\/update-user: \{"(name|image)":"a\\u0000b"\}$/,
    fields: ['status', 'body', 'cookies', 'rows'],
    reason: 'text with a NUL is refused as such',
  },
  {
    match: /^\/update-user: name of 256 (é|😀)$/,
    fields: ['status', 'type', 'body'],
    reason: 'npm answers 500 to what the column cannot hold',
  },
  {
    match: /^cache \w+: (absent where it may be|more keys)$/,
    fields: ['body'],
    reason: 'npm tells what the cookie holds, here it is the user and session that both know; nobody writes such',
  },
  {
    match: /^cache \w+: bad, a name like a date$/,
    fields: ['body', 'cookies'],
    reason: 'npm takes the name for a date and then refuses it, so such users are never cached; here they are',
  },
  {
    match: /^cache compact: bad, (words|ours)$/,
    fields: ['status', 'body', 'cookies'],
    reason: 'npm answers 500 to what is not base64',
  },
  {
    match: /^cache \w+: pieces, a marker, the cache bad$/,
    fields: ['cookies'],
    reason: 'npm deletes the whole cookie, which is not there, and leaves the pieces',
  },
  {
    match: /^cache \w+: \/(list-sessions|update-session|update-user|unlink-account).*: (good, the session gone|due|old by the (cache|row))$|^cache \w+: \/(list-sessions|update-session|unlink-account).*: (good|pieces)$/,
    fields: ['status', 'body', 'cookies', 'rows'],
    reason: 'npm believes the cache; here what writes, or shows the tokens of others, asks the database, which renews the cache',
  },
  {
    match: /^cache \w+: \/update-user \{"image":"i+: no cache$/,
    fields: ['cookies'],
    reason: 'npm sets the whole cookie for the look-up and the pieces behind it, so that the old one is read; here the pieces alone',
  },
  {
    match: /^cache \w+: \/(revoke-session \{"token":"b+0"\}|revoke-other-sessions|verify-password|change-password(?!.*revoking)).*: (pieces|due)$/,
    fields: ['cookies'],
    reason: 'of the cookies set while the session is looked up npm sends only the last; here all of them',
  },
  {
    match: /^cache \w+: \/(revoke-session \{"token":"a+0"\}|revoke-sessions \{\}): (?!good, the session gone|no session cookie)/,
    fields: ['cookies'],
    reason: 'npm sends the cache of the very session that it ends; here it is deleted',
  },

  // --- by mail
  {
    match: /^\/(request-password-reset|send-verification-email): email has a NUL$|^\/reset-password: (token has a NUL|token: a NUL|query: 'token=[a-z]+%00')$/,
    fields: ['body'],
    reason: 'text with a NUL is refused as such',
  },
  {
    match: /^\/delete-user: token has a NUL$|^\/delete-user\/callback: token: a NUL$|^\/(reset-password\/:token|verify-email|delete-user\/callback): (unknown, |bad, )?callbackURL "\/x\\u0000"$|^\/(reset-password\/:token|verify-email|delete-user\/callback): query '.*%00'$|^\/verify-email: token: NUL behind(, callbackURL)?$/,
    fields: ['status', 'type', 'location', 'body'],
    reason: 'text with a NUL is refused as such',
  },
  {
    match: "/reset-password: query: 'token=abcdefghijklmnopqrstuvwx%00', a good one in the body",
    fields: ['status', 'body', 'rows'],
    reason: 'text with a NUL is refused as such',
  },
  {
    match: /^\/reset-password\/:token: (escaped|bad escape|NUL)$/,
    fields: ['status', 'type', 'location', 'body'],
    reason: 'httpd decodes paths before it looks for the endpoint, and refuses what cannot be decoded with its own page',
  },
  {
    match: "/verify-email: query 'token=GOOD#x'",
    fields: ['status', 'type', 'body', 'rows'],
    reason: 'httpd refuses a request with a fragment, which no client sends',
  },
  {
    match: '/reset-password/:token: swapped case',
    fields: ['location'],
    reason: 'MySQL collations ignore case; tokens are compared byte for byte here',
  },
  {
    match: /^\/reset-password: (token: (in swapped case|a blank behind)|query: 'token=[a-z]+\+')$|^\/delete-user(\/callback)?: token: (in swapped case|a blank behind)$/,
    fields: ['status', 'body', 'cookies', 'rows'],
    reason: 'MySQL collations ignore case and trailing blanks; tokens are compared byte for byte here',
  },
  {
    match: /^\/reset-password: two rows of one token/,
    fields: ['rows'],
    reason: 'npm deletes every row of the identifier; a token is in one row, which is the one used up here',
  },
  {
    match: /^\/reset-password: of a user: not verified$|^\/reset-password: two rows of one token$/,
    fields: ['rows'],
    reason: 'a reset by mail proves the address: sessions from before it was proved end, since whoever took the address first must not keep a way in',
  },
  {
    match: /^\/reset-password\/:token: (unknown, )?callbackURL "\/x\?a=%zz&b=%ff"$/,
    fields: ['location'],
    reason: 'npm replaces what is no UTF-8 in the query of the callback; here it stays as it was',
  },
  {
    match: '/request-password-reset: redirectTo of a trusted origin, with blanks',
    fields: ['status', 'body', 'rows', 'mails'],
    reason: 'an absolute URL with blanks is refused: readers of URLs do not agree on it',
  },
  {
    match: /^\/(delete-user|delete-user\/callback): stale session_data$/,
    fields: ['cookies'],
    reason: 'npm deletes the cookie twice',
  },
  {
    match: /^\/verify-email: (signs in|a change), cookie better-auth\.session_token=[cex]{4}…$/,
    fields: ['cookies'],
    reason: 'npm deletes the cookies of the session that is over and sets those of the new one after them; here each name is sent once',
  },
  {
    match: /^\/verify-email: signs in, own session is (due|short)$|^\/change-email: at once, (due|short)$/,
    fields: ['cookies'],
    reason: 'npm sets the session cookie twice, for the refresh and again; the last one alone is sent here',
  },
  {
    match: '/verify-email: signs in, upper case address, own session',
    fields: ['cookies', 'rows'],
    reason: 'npm compares the address of the token as it is spelled, and begins a second session; users are compared here',
  },
  {
    match: /^\/verify-email: token: (blank behind|newline behind|padded|last character changed)(, callbackURL)?$/,
    fields: ['status', 'location', 'body', 'rows'],
    reason: 'a token has one spelling: base64url without padding and blanks, its unused bits zero',
  },
  {
    match: /^\/verify-email: token: (kid|zip|jwk|no exp|exp in ms|exp huge)(, callbackURL)?$/,
    fields: ['status', 'location', 'body', 'rows'],
    reason: 'no server writes such a header or such an end, so it is refused',
  },
  {
    match: /^\/verify-email: token: exp negative(, callbackURL)?$/,
    fields: ['location', 'body'],
    reason: 'an end before 1970 is no date here, and long ago for npm',
  },
  {
    match: /^\/verify-email: token: (iat text|iat null|nbf future|nbf text)(, callbackURL)?$/,
    fields: ['status', 'location', 'body', 'rows'],
    reason: 'of the dates in a token only its end is read; no server writes another start than its own clock',
  },
  {
    match: /^\/verify-email: (token: payload \{\}(, callbackURL)?|email is (?!"\\"aaa).*|change-email-(confirmation|verification): updateTo is "(null|1|true|\[\]|\{\})"|requestType is (null|1|true|\[\]|\{\})(, no updateTo)?|requestType is "change-email-verification\\u0000", no updateTo)$/,
    fields: ['status', 'type', 'location', 'body', 'rows'],
    reason: 'npm answers 500 to claims of the wrong type, and takes one with a NUL; here such a token is invalid',
  },
  {
    match: /^\/verify-email: change-email-(confirmation|verification): updateTo is "\\"(x|a@b|new@example.com\\\\u0000\\"|aaa.*)/,
    fields: ['status', 'type', 'body', 'cookies', 'rows', 'mails'],
    reason: 'a new address that is none was never in a token of ours',
  },
  {
    match: /^\/verify-email: change-email-confirmation: updateTo is "\\"(New@Example|BOB@example|Carl@example)\.com/,
    fields: ['mails'],
    reason: 'npm lowers the address in the next token only, not where it mails it to; no server writes such a token',
  },
  {
    match: /^\/verify-email: change-email-verification: updateTo is "\\"[Cc]arl@example.com\\""$/,
    fields: ['status', 'type', 'body', 'rows'],
    reason: 'the address was taken meanwhile: npm answers 500 and leaves a session behind, here it is 422',
  },
  {
    match: /^\/verify-email: requestType is (missing|"[^\\]*"|"change-email-verification\\u0000")$/,
    fields: ['status', 'body', 'cookies', 'rows', 'mails'],
    reason: 'a change without its kind, which servers before 1.4 wrote, changed the address before it was proved',
  },
  {
    match: /^\/verify-email: bad, callbackURL "\/a\/\.\.\/\/evil\.test"$/,
    fields: ['location'],
    reason: 'npm resolves the path to //evil.test, another site; here it stays the path that was checked',
  },
  {
    match: '/verify-email: callbackURL "/x?é=€#é"',
    fields: ['status', 'type', 'location'],
    reason: 'npm answers 500 to a euro sign, which its header cannot hold; here it is escaped',
  },
  {
    match: /^\/change-email: (at once, )?address "aaaaaaaaaaaaaaaaaaaa… \(305\)"$/,
    fields: ['status', 'type', 'body', 'mails'],
    reason: 'an address that the column cannot hold is refused at once; npm mails a link to it, or answers 500',
  },
  {
    match: /^\/delete-user: (\((bare|confirm|prompt|strict)\), (not fresh, )?token|\(prompt\), hashed token|secure, token|token: plain row, hashed site)$/,
    fields: ['cookies'],
    reason: 'npm leaves the cookies of the session that is gone; here they are cleared, as by every other deletion',
  },
  {
    match: '/delete-user: account: malformed hash, password',
    fields: ['status', 'type', 'body'],
    reason: 'npm answers 500 to a hash it cannot read; here it is a wrong password',
  },
  {
    match: /^disabled: GET '\/(\/ok|%6fk)'$/,
    fields: ['type', 'body'],
    reason: 'httpd merges slashes and decodes paths first, so these are the endpoint that is switched off; npm knows no such path',
  },
  {
    match: 'fields: sign-up {"company":null}',
    fields: ['status', 'body', 'cookies', 'rows'],
    reason: 'null for a field that is required is as good as missing; npm lets the column decide',
  },
  {
    match: "slash: GET '/ok//'",
    fields: ['status', 'type', 'body'],
    reason: 'httpd has made one slash of two',
  },
  {
    match: /^bearer(-signed)?: not padded, beside a cookie$/,
    fields: ['body'],
    reason: 'npm takes the signature for good, puts it in place of the cookie and then finds it bad; here a bad token leaves the cookie in force',
  },
];

// Fields that may differ in every case, with the only difference that is allowed.
const isMore = (npm, ours) => isDeepStrictEqual(npm, ours.filter(({ link }) => link !== 'none'));
const address = (url) => new URL(url, 'http://auth.test').href;
const isRelative = (url) => url.startsWith('/');

export const everywhere = [
  {
    field: 'location',
    allowed: (npm, ours) => npm !== null && ours !== null && isRelative(npm) === isRelative(ours) && address(npm) === address(ours),
    reason: 'the same address to every browser: npm resolves dots and escapes quotes in some places and nothing in others; here what a header cannot hold is escaped, and the rest stays as it was checked',
  },
  {
    field: 'mails',
    allowed: isMore,
    reason: 'a notice, without a link, tells that the password or the address has been changed; npm has no sender for it',
  },
  {
    field: 'cacheControl',
    allowed: (npm, ours) => npm === null && ours === 'no-store',
    reason: 'answers of the API must not be kept by caches; npm says so for get-session only',
  },
  {
    field: 'pragma',
    allowed: (npm, ours) => npm === null && ours === 'no-cache',
    reason: 'the same for caches of HTTP/1.0',
  },
  {
    field: 'exposed',
    allowed: (npm, ours) => [`X-Retry-After, Retry-After`, npm].filter(Boolean).join(', ') === ours,
    reason: 'npm leaves CORS to whoever is in front; trusted origins may read these headers here',
  },
];
