// SPDX-License-Identifier: Apache-2.0
// Copyright the mod_betterauth authors
//
// examples/theme in a browser: axe-core, light and dark; nothing blocked, nothing missing. Run by theme.t.
// BA_SCREENSHOTS names a directory for pictures.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(new URL('../node/package.json', import.meta.url))
const { chromium } = require('playwright-core')
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')
const { BA_CHROMIUM, BA_SITE_PORT, BA_SCREENSHOTS: pictures } = process.env

const browser = await chromium.launch({ executablePath: BA_CHROMIUM, args: [`--host-resolver-rules=MAP auth.test 127.0.0.1:${BA_SITE_PORT}`, '--disable-features=HttpsUpgrades'] })
try {
  const page = await browser.newPage({ viewport: { width: 1000, height: 700 } })
  const complaints = []
  page.on('console', message => { if (message.type() === 'error' && !/status of 404/.test(message.text())) complaints.push(message.text()) })
  for (const path of ['/auth/sign-in', '/auth/sign-up', '/nowhere']) {
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme })
      await page.goto(`http://auth.test${path}`)
      assert.ok(await page.locator('.brand img').evaluate(e => e.naturalWidth > 0), 'the logo is there')
      await page.evaluate(axe)
      const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }))
      assert.deepEqual(violations.map(v => `${v.id}: ${v.nodes.map(n => n.html).join(' ')}`), [], `${path}, ${colorScheme}`)
      if (pictures) await page.screenshot({ path: `${pictures}/theme${path.replaceAll('/', '-')}-${colorScheme}.png` })
    }
  }
  assert.match(await page.locator('h1').evaluate(e => getComputedStyle(e).fontFamily), /Georgia/, 'its style counts')
  assert.deepEqual(complaints, [])
} finally {
  await browser.close()
}
