// SPDX-License-Identifier: Apache-2.0
// Copyright the mod_betterauth authors
//
// npm better-auth servers, the oracle of the tests. One process serves several option sets, each on a port of its own,
// and a raw echo back end that says what a proxied request really carried.
//
//   node server.mjs CONFIG.json
//
// CONFIG: { host, port, user, password            of MariaDB
//           secret, baseURL, echo: PORT,
//           servers: [{ name, port, database, baseURL?, options?, plugins?, senders? }] }
//   options: as betterAuth() takes them; plugins: their options by name; senders: of reset, verify, change, delete: what
//   is mailed, into the table test_mail
// Prints "ready" when every port answers. NODE_ENV=production belongs into the environment.
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { betterAuth } from 'better-auth';
import { toNodeHandler } from 'better-auth/node';
import { admin, bearer } from 'better-auth/plugins';
import { createPool } from 'mysql2/promise';

const config = JSON.parse(readFileSync(process.argv[2], 'utf8'));

// Where the options want each sender.
const senders = {
  reset: ['emailAndPassword', 'sendResetPassword'],
  verify: ['emailVerification', 'sendVerificationEmail'],
  change: ['user', 'changeEmail', 'sendChangeEmailConfirmation'],
  delete: ['user', 'deleteUser', 'sendDeleteAccountVerification'],
};
const plugins = { admin, bearer };

function auth(server) {
  const pool = createPool({
    host: config.host, port: config.port, user: config.user, password: config.password, database: server.database,
    timezone: 'Z', connectionLimit: 4,
  });
  const { emailAndPassword, ...more } = server.options ?? {};
  const options = { emailAndPassword: { enabled: true, ...emailAndPassword }, ...more };
  for (const kind of server.senders ?? []) {
    const path = [...senders[kind]];
    const name = path.pop();
    const at = path.reduce((object, key) => (object[key] ??= {}), options);
    at[name] = ({ user, url }) => pool.query('INSERT INTO test_mail (recipient, message) VALUES (?, ?)', [user.email, url]);
  }
  return betterAuth({
    baseURL: server.baseURL ?? config.baseURL,
    secret: config.secret,
    database: pool,
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    plugins: Object.entries(server.plugins ?? {}).map(([name, its]) => plugins[name](its)),
    ...options,
  });
}

function listen(handler, port) {
  const server = createServer({ maxHeaderSize: 256 * 1024 }, handler);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
}

function echo(request, response) {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({
      backend: true, method: request.method, url: request.url, headers: request.rawHeaders,
      body: Buffer.concat(chunks).toString(),
    }));
  });
}

for (const server of config.servers) await listen(toNodeHandler(auth(server)), server.port);
if (config.echo) await listen(echo, config.echo);
console.log('ready');
