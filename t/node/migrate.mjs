// SPDX-License-Identifier: Apache-2.0
// Copyright the mod_betterauth authors
//
// Fills an empty database with better-auth's own migration: cross-use has to work on those tables as well as on ours.
//
//   node migrate.mjs HOST PORT USER PASSWORD DATABASE [admin]     with the plugin of that name
import { getMigrations } from 'better-auth/db/migration';
import { admin } from 'better-auth/plugins';
import { createPool } from 'mysql2/promise';

const [host, port, user, password, database, plugin] = process.argv.slice(2);
const pool = createPool({ host, port, user, password, database, timezone: 'Z' });
const { runMigrations } = await getMigrations({
  database: pool, secret: 'x'.repeat(32), baseURL: 'http://auth.test', emailAndPassword: { enabled: true },
  telemetry: { enabled: false }, plugins: plugin ? [admin()] : [],
});
await runMigrations();
await pool.end();
