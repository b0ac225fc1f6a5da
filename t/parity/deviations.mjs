// SPDX-License-Identifier: Apache-2.0
// Copyright the mod_betterauth authors
//
// Where httpd answers otherwise than npm better-auth, on purpose. `match` is the name of a case or a pattern over names,
// `fields` the compared fields that differ. The test fails when a listed case no longer differs there, and when anything
// else does.
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
    match: /^callbackURL "\/(x y|é)"$/,
    fields: ['location'],
    reason: 'a header holds printable ASCII: what a URL must escape is escaped; the client reads `url` of the body',
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
    match: /^\/[a-z-]+: stale chunks$/,
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
export const everywhere = [
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
