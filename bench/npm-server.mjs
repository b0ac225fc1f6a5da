// SPDX-License-Identifier: Apache-2.0
// Copyright the mod_betterauth authors
//
// The npm server that httpd is compared with: no rate limit; a cluster where there is
// more than one worker.
//
//   node npm-server.mjs CONFIG.json      { port, workers, secret, baseURL, cache, database: options of mysql2 }
//
// Prints "ready" when every worker listens.
import cluster from 'node:cluster';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const config = JSON.parse(readFileSync(process.argv[2], 'utf8'));

if (cluster.isPrimary && config.workers > 1) {
  let listening = 0;
  cluster.on('listening', () => { if (++listening === config.workers) console.log('ready'); });
  cluster.on('exit', () => process.exit(1));
  for (let i = 0; i < config.workers; i++) cluster.fork();
} else {
  // The packages are those of the tests.
  const home = join(dirname(fileURLToPath(import.meta.url)), '..', 't', 'node', 'x.mjs');
  const load = (name) => import(pathToFileURL(createRequire(home).resolve(name)));
  const [{ betterAuth }, { toNodeHandler }, { createPool }] =
    await Promise.all([load('better-auth'), load('better-auth/node'), load('mysql2/promise')]);
  const auth = betterAuth({
    baseURL: config.baseURL,
    secret: config.secret,
    database: createPool({ ...config.database, timezone: 'Z' }),
    emailAndPassword: { enabled: true },
    rateLimit: { enabled: false },
    session: { cookieCache: { enabled: config.cache, maxAge: 3600 } },
    telemetry: { enabled: false },
  });
  createServer(toNodeHandler(auth)).listen(config.port, '127.0.0.1', () => { if (config.workers === 1) console.log('ready'); });
}
