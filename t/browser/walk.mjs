// SPDX-License-Identifier: Apache-2.0
// Copyright the mod_betterauth authors
//
// A visitor walks through the demo site in a real browser: with JavaScript
// and without, on a desktop and on a phone. Run by walk.t, or by hand:
//
//   BA_DEMO_URL=http://127.0.0.1:8080 node --test-reporter=tap walk.mjs
//
// BA_FORM_PAGE is a guarded page with a form, "Note", that shows what was sent; without
// it, the steps that need one are skipped. BA_SCREENSHOTS names a directory that gets a picture of each state.

import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { after, before, describe, test } from 'node:test'

const require = createRequire(new URL('../node/package.json', import.meta.url))
const { chromium } = require('playwright-core')

const site = process.env.BA_DEMO_URL?.replace(/\/+$/, '')
const pictures = process.env.BA_SCREENSHOTS
const wanted = '/members/'
const formPage = process.env.BA_FORM_PAGE
const person = {
  // Quotes and an ampersand, so that a page that escapes wrongly shows it.
  name: `Ada "Countess" O'Lovelace & Sons`,
  password: 'analytical engine 1843',
}

const sizes = {
  desktop: { viewport: { width: 1280, height: 800 }, colorScheme: 'light' },
  phone: { viewport: { width: 390, height: 844 }, colorScheme: 'dark', isMobile: true, hasTouch: true },
}

let browser

before(async () => {
  assert.ok(site, 'BA_DEMO_URL names the demo site')
  browser = await chromium.launch({ executablePath: process.env.BA_CHROMIUM ?? '/usr/bin/chromium' })
})

after(() => browser?.close())

for (const [size, options] of Object.entries(sizes)) {
  for (const javaScriptEnabled of [true, false]) {
    const mode = `${size}, JavaScript ${javaScriptEnabled ? 'on' : 'off'}`
    describe(mode, () => walk(mode, { ...options, javaScriptEnabled }))
  }
}

function walk (mode, options) {
  const email = `ada.${Date.now().toString(36)}.${mode.replace(/\W+/g, '-').toLowerCase()}@example.org`
  const violations = []
  let context, page
  let password // typed last
  let pictured = 0
  let stopped = false

  before(async () => {
    context = await browser.newContext(options)
    context.setDefaultTimeout(10_000)
    page = await context.newPage()
    page.on('console', message => {
      if (/Content Security Policy/i.test(message.text())) violations.push(message.text())
    })
    page.on('pageerror', error => violations.push(String(error)))
  })

  after(() => context?.close())

  // Each step starts where the one before ended: after a failure the rest
  // would only repeat it.
  function step (name, run) {
    test(name, async t => {
      if (stopped) return t.skip('an earlier step failed')
      stopped = true
      await run(t).catch(explain)
      stopped = false
    })
  }

  // Says where the browser was.
  async function explain (error) {
    await picture('failed').catch(() => {})
    throw new Error(`${error.message.replace(/\x1b\[[\d;]*m/g, '')}\nat ${page.url()}: ${await page.title()}`)
  }

  async function picture (name) {
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
    assert.ok(wide <= 0, `${name}: the page scrolls sideways by ${wide} px`)
    if (!pictures) return
    mkdirSync(pictures, { recursive: true })
    const file = `${mode.replace(/\W+/g, '-').toLowerCase()}-${String(++pictured).padStart(2, '0')}-${name}.png`
    await page.screenshot({ path: `${pictures}/${file}`, fullPage: true })
  }

  // Sends a form and returns the answer to the POST itself, which may be a
  // redirect.
  async function send (press) {
    const posted = page.waitForResponse(r => r.request().method() === 'POST')
    await press()
    const answer = await posted
    // by the pages' script: until it has left, or shows what is wrong
    await page.locator('form[data-busy]').waitFor({ state: 'detached' })
    await page.waitForLoadState('load')
    return answer
  }

  // The same, as often as the site asks to wait, for as long as it says: we
  // are faster than people.
  async function sendPatiently (press) {
    for (;;) {
      const answer = await send(press)
      if (answer.status() !== 429) return answer
      await new Promise(resolve => setTimeout(resolve, Number(answer.headers()['x-retry-after']) * 1000))
      await fill('Password', password)
    }
  }

  const click = button => () => page.getByRole('button', { name: button, exact: true }).click()
  const submit = button => sendPatiently(click(button))

  // On to another page: by the browser, or by the pages' own script.
  function led (answer) {
    assert.ok(answer.status() === 303 || answer.headers()['x-betterauth-page'], `leads on, not ${answer.status()}`)
  }

  function refused (answer) {
    assert.ok(answer.status() >= 400 && answer.status() < 500, `refused with 4xx, not ${answer.status()}`)
  }

  async function sees (...texts) {
    for (const text of texts) await page.getByText(text).first().waitFor()
  }

  async function at (path) {
    await page.waitForURL(url => url.pathname === path)
  }

  // GOV.UK's pattern: the summary takes the focus and leads to the field,
  // and the field is tied to its message.
  async function namesError (field) {
    assert.match(await page.title(), /^Error: /)
    await summaryHasFocus()
    const input = page.locator(`#${field}`)
    assert.equal(await input.getAttribute('aria-invalid'), 'true')
    assert.ok((await input.getAttribute('aria-describedby')).split(' ').includes(`${field}-error`))
    const message = (await page.locator(`#${field}-error`).textContent()).trim()
    assert.notEqual(message, '')
    const link = page.getByRole('alert').getByRole('link', { name: message, exact: true })
    assert.equal(await link.getAttribute('href'), `#${field}`)
    await link.click()
    assert.ok(await input.evaluate(e => e === document.activeElement), 'its link leads to the field')
  }

  async function summaryHasFocus () {
    // The browser gives the focus at its first rendering, after "load".
    for (let i = 0; i < 40; i++) {
      if (await page.getByRole('alert').evaluate(e => e === document.activeElement)) return
      await new Promise(resolve => setTimeout(resolve, 50))
    }
    assert.fail('the error summary takes the focus')
  }

  async function holds (values) {
    for (const [label, value] of Object.entries(values)) {
      assert.equal(await page.getByLabel(label, { exact: true }).inputValue(), value, `${label} is kept`)
    }
  }

  async function fill (label, value) {
    if (label === 'Password') password = value
    await page.getByLabel(label, { exact: true }).fill(value)
  }

  async function sessionCookie () {
    return (await context.cookies()).find(cookie => cookie.name.endsWith('session_token'))
  }

  async function isProtected () {
    await at('/auth/sign-in')
    assert.equal(new URL(page.url()).searchParams.get('callbackURL'), wanted)
    assert.equal(await page.getByText('Only members see this page').count(), 0)
  }

  step("the start page offers sign-in and the members' page", async () => {
    const answer = await page.goto(`${site}/`)
    assert.equal(answer.status(), 200)
    await page.getByRole('link', { name: 'Sign in', exact: true }).waitFor()
    await page.getByRole('link', { name: 'Create account', exact: true }).waitFor()
    await picture('start')
  })

  step('the protected page leads to sign-in', async () => {
    await page.getByRole('link', { name: 'Open the members’ page' }).click()
    await isProtected()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    await picture('sign-in')
  })

  step('"create an account" remembers where to return', async () => {
    await page.getByRole('link', { name: 'Create an account' }).click()
    await at('/auth/sign-up')
    assert.equal(new URL(page.url()).searchParams.get('callbackURL'), wanted)
    await picture('sign-up')
    await page.getByRole('link', { name: 'Sign in instead' }).click()
    await isProtected()
    await page.getByRole('link', { name: 'Create an account' }).click()
    await at('/auth/sign-up')
  })

  step('an address without a domain is refused at its field', async () => {
    await fill('Name', person.name)
    await fill('Email address', 'ada@example')
    await fill('Password', person.password)
    refused(await submit('Create account'))
    await picture('sign-up-bad-email')
    await namesError('email')
    await holds({ Name: person.name, 'Email address': 'ada@example', Password: '' })
  })

  step('a short password is refused at its field', async () => {
    await fill('Email address', email)
    await fill('Password', 'short')
    refused(await submit('Create account'))
    await picture('sign-up-short-password')
    await namesError('password')
    await holds({ Name: person.name, 'Email address': email, Password: '' })
  })

  step('the account is created and the wanted page opens', async () => {
    await fill('Password', person.password)
    const answer = await submit('Create account')
    led(answer)
    await at(wanted)
    await sees(`Hello, ${person.name}`, email)
    await picture('members')
  })

  step('the header says who is signed in', async () => {
    await page.getByRole('link', { name: 'Back to the start page' }).click()
    await at('/')
    await sees(`Signed in as ${person.name}`)
    assert.equal(await page.getByRole('link', { name: 'Create account' }).count(), 0)
    await picture('start-signed-in')
  })

  step('who is signed in is forwarded from sign-in and sign-up', async () => {
    for (const form of ['sign-in', 'sign-up']) {
      await page.goto(`${site}/auth/${form}?callbackURL=${encodeURIComponent(wanted)}`)
      await at(wanted)
    }
    await page.goto(`${site}/auth/`)
    await at('/auth/account')
    await picture('account')
  })

  // What was typed survives a session that ended meanwhile, in both ways the page offers.
  for (const way of ['reload', 'back']) {
    step(`a form whose session is over is not lost: ${way}`, async t => {
      if (!formPage) return t.skip('no page with a form')
      const note = `An "hour" of work & <more>\nüber ${way}`
      await page.goto(`${site}${formPage}`)
      await page.getByLabel('Note').fill(note)
      await revokeSessions()
      const refused = await send(click('Send'))
      assert.equal(refused.status(), 401)
      await sees('has not been sent')
      await picture(`form-expired-${way}`)
      await signInInNewTab()
      const kept = way === 'reload' ? await send(() => page.reload()) : await backAndSend(note)
      assert.equal(kept.status(), 200)
      assert.equal((await page.locator('pre').innerText()).trim(), note, 'the program gets what was typed')
      await sees(email)
    })
  }

  // Somebody else does it, so this browser keeps its cookie and knows nothing.
  async function revokeSessions () {
    const { name, value } = await sessionCookie()
    const headers = { cookie: `${name}=${value}`, origin: site, 'content-type': 'application/json' }
    const answer = await fetch(`${site}/api/auth/revoke-sessions`, { method: 'POST', headers, body: '{}' })
    assert.equal(answer.status, 200)
  }

  async function signInInNewTab () {
    const first = page
    const opened = context.waitForEvent('page')
    await page.getByRole('link', { name: 'Sign in in a new tab' }).click()
    page = await opened
    await page.waitForLoadState('load')
    await fill('Email address', email)
    await fill('Password', person.password)
    led(await submit('Sign in'))
    await at('/')
    await page.close()
    page = first
  }

  async function backAndSend (note) {
    await page.goBack()
    assert.equal(await page.getByLabel('Note').inputValue(), note, 'the form still holds what was typed')
    return send(click('Send'))
  }

  step('sign-out asks and names the person', async () => {
    await page.goto(`${site}/auth/sign-out`)
    await sees(person.name, email)
    await picture('sign-out')
    await page.getByRole('link', { name: 'Stay signed in' }).click()
    await at('/')
    await sees(`Signed in as ${person.name}`)
  })

  step("the header's button signs out", async () => {
    await page.goto(`${site}${wanted}`)
    const answer = await submit('Sign out')
    led(answer)
    await at('/')
    await page.getByRole('link', { name: 'Sign in', exact: true }).waitFor()
    assert.equal(await sessionCookie(), undefined)
  })

  step('the back button shows nothing protected', async () => {
    await page.goBack()
    await isProtected()
  })

  step('a wrong password is refused and the address kept', async () => {
    await fill('Email address', email)
    await fill('Password', 'a wrong password')
    await page.getByLabel('Keep me signed in').uncheck()
    refused(await submit('Sign in'))
    await summaryHasFocus()
    await picture('sign-in-refused')
    await holds({ 'Email address': email, Password: '' })
    assert.equal(await page.getByLabel('Keep me signed in').isChecked(), false)
    assert.equal(await sessionCookie(), undefined)
  })

  step('an unknown address is refused in the same words', async () => {
    const words = await page.getByRole('alert').innerText()
    await fill('Email address', `nobody.${email}`)
    await fill('Password', 'a wrong password')
    refused(await submit('Sign in'))
    assert.equal(await page.getByRole('alert').innerText(), words)
  })

  step('not remembered, the cookie ends with the browser', async () => {
    await fill('Email address', email)
    await fill('Password', person.password)
    const answer = await submit('Sign in')
    led(answer)
    await at(wanted)
    await sees(`Hello, ${person.name}`)
    assert.equal((await sessionCookie()).expires, -1)
    await submit('Sign out')
    await at('/')
  })

  step('sign-in by keyboard alone opens the page, remembered', async () => {
    await page.goto(`${site}${wanted}`)
    await isProtected()
    await page.locator('#email:focus').waitFor()
    await page.keyboard.type(email)
    await page.keyboard.press('Tab')
    await page.keyboard.type(password = person.password)
    await sendPatiently(() => page.keyboard.press('Enter'))
    await at(wanted)
    await sees(`Hello, ${person.name}`)
    const cookie = await sessionCookie()
    assert.ok(cookie.expires > Date.now() / 1000 + 3600, 'the cookie outlives the browser')
    assert.ok(cookie.httpOnly)
    await submit('Sign out')
    await at('/')
  })

  step('a taken address is refused at its field', async () => {
    await page.getByRole('link', { name: 'Create account', exact: true }).click()
    await at('/auth/sign-up')
    await fill('Name', 'Somebody Else')
    await fill('Email address', email.toUpperCase())
    await fill('Password', 'another password')
    refused(await submit('Create account'))
    await picture('sign-up-taken')
    await namesError('email')
    await holds({ Name: 'Somebody Else', 'Email address': email.toUpperCase(), Password: '' })
  })

  step('the signed-out page leads back to sign-in', async () => {
    await page.goto(`${site}/auth/sign-out`)
    await page.getByRole('heading', { name: 'You are signed out' }).waitFor()
    await picture('signed-out')
    await page.getByRole('link', { name: 'Sign in', exact: true }).click()
    await at('/auth/sign-in')
  })

  step('too many tries are refused, with the time to wait', async () => {
    let answer
    for (let i = 0; i < 20 && answer?.status() !== 429; i++) {
      await fill('Email address', `impatient.${email}`)
      await fill('Password', 'a wrong password')
      answer = await send(click('Sign in'))
    }
    assert.equal(answer.status(), 429)
    await summaryHasFocus()
    await sees(/Wait \d+ (?:second|minute)s?, then try again\./)
    await holds({ 'Email address': `impatient.${email}`, Password: '' })
    await picture('sign-in-too-often')
    await fill('Password', 'a wrong password')
    assert.equal((await submit('Sign in')).status(), 401)
  })

  step('an unknown page says so and leads on', async () => {
    const answer = await page.goto(`${site}/auth/nowhere`)
    assert.equal(answer.status(), 404)
    await picture('not-found')
    await page.getByRole('link', { name: 'Go to the start page' }).click()
    await at('/')
  })

  step('a foreign return address is not followed', async () => {
    const answer = await page.goto(`${site}/auth/sign-in?callbackURL=${encodeURIComponent('https://evil.example/')}`)
    assert.ok(answer.status() < 500)
    assert.equal(await page.locator('input[name=callbackURL][value*="evil.example"]').count(), 0)
    assert.equal(await page.locator('a[href*="evil.example"]').count(), 0)
  })

  step('the browser reported no broken rule of the content policy', async () => {
    assert.deepEqual(violations, [])
  })
}
