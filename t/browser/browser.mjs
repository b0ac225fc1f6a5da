// SPDX-License-Identifier: Apache-2.0
// Copyright the mod_betterauth authors
//
// What the walks share: the browser, its windows, axe-core and the mails. BA_DEMO_URL names the site, BA_MAILS the
// folder of BetterAuthMailer dir:, BA_SCREENSHOTS the one for pictures, if any are wanted.

import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(new URL('../node/package.json', import.meta.url))
const { chromium } = require('playwright-core')
const axeSource = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')

export const site = process.env.BA_DEMO_URL?.replace(/\/+$/, '')
export const pictures = process.env.BA_SCREENSHOTS
const mails = process.env.BA_MAILS
let browser

export async function start () {
  assert.ok(site && mails, 'BA_DEMO_URL and BA_MAILS name the demo site and its mails')
  browser = await chromium.launch({ executablePath: process.env.BA_CHROMIUM ?? '/usr/bin/chromium' })
}

export const stop = () => browser?.close()

// The link of the nth mail to an address that leads to such a path.
export async function mailed (address, path, nth = 1) {
  const decoded = m => {
    const [, encoding, text] = /^Content-Type: text\/plain.*\r?\nContent-Transfer-Encoding: (\S+)\r?\n([^]*?)\r?\n--/m.exec(m)
    // "token=12" of plain text is no code of quoted-printable
    return encoding === '7bit' ? text : text.replace(/=\r?\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)))
  }
  const sent = m => Date.parse(/^Date: (.*)$/m.exec(m)[1])
  for (let i = 0; i < 100; i++) {
    const links = readdirSync(mails).filter(f => f.endsWith('.eml')).map(f => readFileSync(`${mails}/${f}`, 'latin1'))
      .filter(m => m.includes(`\nTo: ${address}`)).sort((a, b) => sent(a) - sent(b))
      .map(m => /https?:\/\/localhost:\d+\/(?:api\/)?auth\/\S+\?\S+/.exec(decoded(m))?.[0])
      .filter(link => link?.includes(path))
    if (links.length >= nth) return links[nth - 1]
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  assert.fail(`no mail with ${path} came to ${address}`)
}

// A window that minds what each page loads and complains of.
export async function open (options) {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  const complaints = []
  let bytes = 0
  context.setDefaultTimeout(10_000)
  page.on('console', m => { if (/Content Security Policy|Refused to|^\[DOM\]/i.test(m.text())) complaints.push(m.text()) })
  page.on('pageerror', e => complaints.push(String(e)))
  page.on('request', r => { if (!r.url().startsWith(`${site}/`)) complaints.push(`foreign: ${r.url()}`) })
  // the page that is shown last, by navigation or by script
  page.on('response', async r => {
    if (!['document', 'fetch'].includes(r.request().resourceType()) || r.status() === 303) return
    bytes = (await r.body().catch(() => '')).length || bytes
  })
  return { context, page, complaints, bytes: () => bytes }
}

// In light and dark.
export async function axe (page, name) {
  await page.evaluate(axeSource)
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme })
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }))
    assert.deepEqual(violations.map(v => `${v.id}: ${v.nodes.map(n => n.html).join(' ')}`), [], `${name}, ${colorScheme}`)
  }
}
