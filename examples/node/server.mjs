// SPDX-License-Identifier: Apache-2.0
// Copyright the mod_betterauth authors

// Who is signed in, for a Node application behind httpd (see ../fastapi/httpd.conf: the same
// lines, with the port of this one). httpd removes what clients send under these names, so
// listen on the loopback interface alone.
//
//     PORT=8000 node server.mjs

import { createServer } from 'node:http';

function currentUser({ headers }) {
  if (!headers['x-auth-user-id']) return null;
  return {
    id: headers['x-auth-user-id'],
    email: headers['x-auth-email'],
    name: decodeURIComponent(headers['x-auth-name']),
    emailVerified: headers['x-auth-email-verified'] === 'true',
  };
}

createServer((request, response) => {
  const user = currentUser(request);
  const { pathname } = new URL(request.url, 'http://localhost');
  const answer = (status, body) => {
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(body));
  };

  if (pathname === '/app/public') answer(200, { hello: user ? user.name : 'stranger' });
  else if (!user) answer(401, { detail: 'Sign in first' });
  else if (pathname === '/app/me') answer(200, user);
  else if (!user.emailVerified) answer(403, { detail: 'Verify your email address first' });
  else if (pathname === '/app/verified') answer(200, { secret: `for ${user.email}` });
  else answer(404, { detail: 'Not found' });
}).listen(Number(process.env.PORT ?? 8000), '127.0.0.1');
