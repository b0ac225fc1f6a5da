// SPDX-License-Identifier: Apache-2.0
// Copyright the mod_betterauth authors
//
// A visitor of examples/docs-site in a real browser. Run by docs-site.t, which has made the
// account eve@example.com, whose name is markup. BA_SCREENSHOTS names a directory for pictures.

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { after, before, test as run } from 'node:test'

const require = createRequire(new URL('../node/package.json', import.meta.url))
const { chromium } = require('playwright-core')

const { BA_CHROMIUM, BA_SITE_PORT, BA_ELSEWHERE_PORT, BA_MARKUP: markup, BA_PASSWORD: password, BA_SCREENSHOTS: pictures } = process.env
const site = 'http://auth.test'
const place = '/guide.html?from=x%26y&z=%C3%A9#harbours'
const browsers = []
let stopped = false
const complaints = [] // of any page
let context, first, second

// Each step starts where the one before ended: after a failure the rest would only repeat it.
function test (name, step) {
  run(name, { timeout: 30_000 }, async t => {
    if (stopped) return t.skip('an earlier step failed')
    stopped = true
    await step()
    stopped = false
  })
}

async function browse (port) {
  const browser = await chromium.launch({
    executablePath: BA_CHROMIUM,
    args: [`--host-resolver-rules=MAP auth.test 127.0.0.1:${port}`, '--disable-features=HttpsUpgrades'],
  })
  browsers.push(browser)
  return browser
}

async function visit (browser, options) {
  const context = await browser.newContext(options)
  context.setDefaultTimeout(8000)
  context.on('console', message => { if (/Content Security Policy|Refused/i.test(message.text())) complaints.push(message.text()) })
  context.on('weberror', error => complaints.push(String(error.error())))
  return context
}

before(async () => {
  context = await visit(await browse(BA_SITE_PORT), { viewport: { width: 1000, height: 500 } })
  first = await context.newPage()
  second = await context.newPage()
})

after(() => Promise.all(browsers.map(browser => browser.close())), { timeout: 10_000 })

const link = page => page.locator('betterauth-button').getByRole('link', { name: 'Sign in', exact: true })
const button = page => page.locator('betterauth-button').getByRole('button')
const item = (page, name) => page.getByRole('menuitem', { name })
const shot = (page, name) => pictures && page.screenshot({ path: `${pictures}/docs-site-${name}.png` })
const quiet = () => assert.deepEqual(complaints.splice(0), [], 'no complaint of the browser')

async function named (page, name) {
  await button(page).waitFor()
  assert.equal(await button(page).textContent(), name)
  assert.ok(!await link(page).isVisible(), 'no link to sign-in')
}

async function at (page, path) {
  await page.waitForURL(site + path)
}

async function signIn (page) {
  await page.getByLabel('Email address').fill('eve@example.com')
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
}

// Signs in without a page of ours, and without the script; answers the status.
const post = (page, url) => page.evaluate(([url, password]) => fetch(url, {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({ email: 'eve@example.com', password }),
}).then(answer => answer.status), [url, password])

// What has the focus, inside the button's shadow tree too.
const focused = page => page.evaluate(() => {
  const element = document.activeElement
  return (element.shadowRoot?.activeElement ?? element).textContent.trim()
})

test('the browser tells what the policy forbids', async () => {
  await first.goto(site)
  await first.evaluate(() => document.body.setAttribute('style', 'color: red'))
  for (let i = 0; i < 40 && !complaints.length; i++) await first.waitForTimeout(25)
  assert.match(complaints.splice(0).join(), /Content Security Policy directive 'style-src 'self''/)
})

test('nobody: a link to sign-in, which comes back to this very place', async () => {
  await second.goto(site)
  await link(second).waitFor()
  assert.equal(await second.evaluate(() => betterauth.user()), null)
  await first.goto(site + place)
  await link(first).click()
  await first.waitForURL(/\/auth\/sign-in/)
  assert.equal(new URL(first.url()).searchParams.get('callbackURL'), place)
  quiet()
})

test('a place that the page itself has moved to', async () => {
  const page = await context.newPage()
  await page.goto(`${site}/guide.html`)
  await page.evaluate(() => history.pushState(null, '', '/guide.html?page=2'))
  await link(page).focus()
  assert.match(await link(page).getAttribute('href'), /callbackURL=%2Fguide\.html%3Fpage%3D2$/)
  await page.close()
})

test('after sign-up: back there, with a name that is text', async () => {
  await first.getByRole('link', { name: 'Create an account' }).click()
  await first.getByLabel('Name', { exact: true }).fill(markup)
  await first.getByLabel('Email address').fill('mallory@example.com')
  await first.getByLabel('Password', { exact: true }).fill(password)
  await first.getByRole('button', { name: 'Create account' }).click()
  await at(first, place)
  await named(first, markup)
  assert.equal(await first.evaluate(() => betterauth.user().then(user => user.email)), 'mallory@example.com')
  assert.equal(await first.title(), 'Guide – Tideline')
})

test('the other tab knows without being asked', async () => {
  await named(second, markup)
  await second.getByText(`Welcome back, ${markup}.`).waitFor()
  quiet()
})

test('one request for all who want to know', async () => {
  const asked = []
  second.on('request', request => { if (request.url().includes('get-session')) asked.push(request.url()) })
  await second.reload()
  await named(second, markup)
  await second.evaluate(() => Promise.all([betterauth.user(), betterauth.user()]))
  assert.deepEqual(asked, [`${site}/api/auth/get-session`])
})

test('the name of the page before is there at once', async () => {
  let go
  await context.route('**/get-session', async route => { await new Promise(resolve => { go = resolve }); await route.continue() })
  await second.goto(`${site}/guide.html`)
  await named(second, markup)
  go()
  await second.evaluate(() => betterauth.user())
  await context.unroute('**/get-session')
})

test('the menu by keyboard', async () => {
  await first.bringToFront()
  await button(first).focus()
  assert.equal(await button(first).getAttribute('aria-expanded'), 'false')
  await first.keyboard.press('Enter')
  assert.equal(await button(first).getAttribute('aria-expanded'), 'true')
  await shot(first, 'desktop-light')
  await first.keyboard.press('End')
  assert.equal(await focused(first), 'Sign out')
  await first.keyboard.press('Escape')
  assert.equal(await focused(first), markup)
  assert.equal(await button(first).getAttribute('aria-expanded'), 'false')
  assert.ok(!await item(first, 'Sign out').isVisible())
})

test('signing out does not work just now: the page that says so', async () => {
  await context.route('**/api/auth/sign-out', route => route.fulfill({ status: 503, json: {} }))
  assert.match(await first.evaluate(() => betterauth.signOut().catch(String)), /503/)
  await named(first, markup)
  await button(first).click()
  await item(first, 'Sign out').click()
  await first.waitForURL(/\/auth\/sign-out/)
  await context.unroute('**/api/auth/sign-out')
  await first.goBack()
  await named(first, markup)
})

test('signing out in one tab is signing out in all', async () => {
  let late // an answer from before, on its way when somebody signs out
  await second.route('**/get-session', async route => {
    await new Promise(resolve => { late = resolve })
    await route.fulfill({ json: { session: {}, user: { name: 'Late', email: 'late@example.com' } } })
  })
  await second.goto(site)
  await named(second, markup)
  await button(first).press('ArrowUp')
  await first.keyboard.press('Space')
  await link(first).waitFor()
  assert.equal(await focused(first), 'Sign in')
  await link(second).waitFor()
  await second.getByText('Welcome back').waitFor({ state: 'hidden' })
  const answered = second.waitForEvent('requestfinished')
  late()
  await answered
  await second.evaluate(() => new Promise(resolve => setTimeout(resolve, 100)))
  assert.ok(await link(second).isVisible(), 'what was asked before counts no more')
  await second.unroute('**/get-session')
  assert.equal(await second.evaluate(() => betterauth.user()), null)
  assert.equal(await first.evaluate(() => fetch('/api/auth/get-session').then(answer => answer.text())), 'null')
  quiet()
})

test('a protected page asks, and is left at sign-out', async () => {
  await first.goto(`${site}/members/`)
  assert.equal(new URL(first.url()).pathname + new URL(first.url()).search, '/auth/sign-in?callbackURL=%2Fmembers%2F')
  await signIn(first)
  await at(first, '/members/')
  await named(first, markup)
  await button(first).click()
  await item(first, 'Sign out').click()
  await at(first, '/')
  await link(first).waitFor()
  quiet()
})

test('changed where no script was: seen when the page is looked at again', async () => {
  await second.waitForTimeout(1100) // it asks once a second at the most
  const page = await context.newPage()
  await page.goto(`${site}/plain/`)
  assert.equal(await post(page, '/api/auth/sign-in/email'), 200)
  await second.evaluate(() => { dispatchEvent(new Event('focus')) })
  await named(second, markup)
  await named(first, markup) // and told on
})

test('a server that does not answer leaves the link', async () => {
  for (const answer of [route => route.fulfill({ status: 429 }), route => route.fulfill({ status: 503 }), route => route.abort(), route => route.fulfill({ body: 'x' })]) {
    const page = await context.newPage()
    await page.route('**/get-session', answer)
    await page.goto(site)
    assert.equal(await page.evaluate(() => betterauth.user()), null)
    assert.ok(await link(page).isVisible())
    await page.unroute('**/get-session')
    assert.equal(await page.evaluate(() => betterauth.user().then(user => user.email)), 'eve@example.com', 'who asks again is told')
    await named(page, markup)
    await page.close()
  }
  quiet()
})

test('what is known stays when the server does not answer for a moment', async () => {
  await second.route('**/get-session', route => route.abort())
  await second.waitForTimeout(1100)
  const failed = second.waitForEvent('requestfailed')
  await second.evaluate(() => { dispatchEvent(new Event('focus')) })
  await failed
  await named(second, markup)
  await second.unroute('**/get-session')
})

for (const [size, options] of Object.entries({
  desktop: { viewport: { width: 1000, height: 500 }, colorScheme: 'dark' },
  phone: { viewport: { width: 390, height: 700 }, colorScheme: 'dark', isMobile: true, hasTouch: true },
})) {
  test(`${size}: no scripts, no need`, async () => {
    const context = await visit(browsers[0], { ...options, javaScriptEnabled: false })
    const page = await context.newPage()
    await page.goto(`${site}/guide.html`)
    await shot(page, `${size}-dark-no-script`)
    await link(page).click()
    await page.waitForURL(/\/auth\/sign-in/)
    await signIn(page)
    await at(page, '/guide.html')
    await page.goto(`${site}/plain/`)
    assert.equal(await page.locator('strong').textContent(), markup)
    await shot(page, `${size}-dark-plain`)
    await page.getByRole('link', { name: 'Sign out' }).click()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await at(page, '/plain/')
    await page.getByRole('link', { name: 'Sign in' }).waitFor()
    await context.close()
  })

  test(`${size}: it fits`, async () => {
    const context = await visit(browsers[0], options)
    const page = await context.newPage()
    await page.goto(`${site}/`)
    await shot(page, `${size}-dark-nobody`)
    await link(page).click()
    await signIn(page)
    await named(page, markup)
    await button(page).click()
    assert.equal(await button(page).evaluate(e => getComputedStyle(e).borderTopWidth), '1px', 'in the colours of the site')
    const box = await page.getByRole('menu').boundingBox()
    assert.ok(box.x >= 0 && box.x + box.width <= options.viewport.width, `menu from ${box.x}, ${box.width} wide`)
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing to scroll sideways')
    await shot(page, `${size}-dark-menu`)
    await page.mouse.click(10, 400)
    assert.ok(!await page.getByRole('menu').isVisible(), 'a click elsewhere closes it')
    await context.close()
  })
}

test('other paths, own words, nothing inside, loaded twice', async () => {
  const context = await visit(await browse(BA_ELSEWHERE_PORT), { viewport: { width: 390, height: 500 } })
  const page = await context.newPage()
  await page.goto(site)
  const signIn = page.getByRole('link', { name: 'Anmelden' })
  await signIn.waitFor()
  await signIn.focus()
  assert.equal(await signIn.getAttribute('href'), `${site}/konto/sign-in?callbackURL=%2F`)
  await shot(page, 'elsewhere-nobody')
  assert.equal(await post(page, '/x/api/sign-in/email'), 200)
  await page.reload()
  await named(page, markup)

  await button(page).focus()
  await page.keyboard.press('ArrowDown')
  assert.equal(await focused(page), 'Mein Konto')
  await shot(page, 'elsewhere-menu')
  for (const dir of ['rtl', 'ltr']) {
    await page.keyboard.press('Escape')
    await page.evaluate(dir => { document.dir = dir }, dir)
    await page.keyboard.press('ArrowDown')
    const box = await page.getByRole('menu').boundingBox()
    assert.ok(box.x >= 0 && box.x + box.width <= 390, `${dir}: the menu stays on the screen`)
  }
  const walk = { ArrowDown: 'Abmelden von dieser Seite', ArrowUp: 'Mein Konto', End: 'Abmelden von dieser Seite', Home: 'Mein Konto' }
  for (const [key, name] of Object.entries(walk)) {
    await page.keyboard.press(key)
    assert.equal(await focused(page), name, key)
  }
  await page.keyboard.press('ArrowUp')
  assert.equal(await focused(page), 'Abmelden von dieser Seite', 'around')
  await page.keyboard.press('ArrowDown')
  assert.equal(await focused(page), 'Mein Konto', 'and around')
  await page.keyboard.press('Tab')
  assert.equal(await focused(page), 'danach', 'Tab goes on')
  assert.ok(!await page.getByRole('menu').isVisible(), 'and closes the menu')
  await button(page).focus()
  await page.keyboard.press('Space')
  await page.keyboard.press('Enter')
  await at(page, '/mein-konto')
  quiet()
})
