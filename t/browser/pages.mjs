// SPDX-License-Identifier: Apache-2.0
// Copyright the mod_betterauth authors
//
// Every page in every state, as somebody meets it who loses a password, proves an address, looks after an account and
// leaves: with JavaScript and without, on a desktop and on a phone; axe-core in light and dark.
// Run by pages.t, or by hand as walk.mjs is. BA_MAILS names the folder of BetterAuthMailer dir:. With BA_SCREENSHOTS,
// as in ./setup pictures, all modes are walked, else two that have everything once.

import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { axe, mailed, open, pictures, site, start, stop } from './browser.mjs'

const PASSWORD = 'analytical engine 1843'
const NEXT = 'difference engine 1822'
// Markup and a directive, so that a page that escapes wrongly shows it.
const NAME = `Ada "Countess" O'Lovelace <b>&</b> <!--#exec cmd="id" -->`
const WEIGHT = 30_000

const desktop = { viewport: { width: 1280, height: 800 }, colorScheme: 'light' }
const phone = { viewport: { width: 390, height: 844 }, colorScheme: 'dark', isMobile: true, hasTouch: true }
const modes = {
  desktop,
  'phone without JavaScript': { ...phone, javaScriptEnabled: false },
  ...(pictures && { phone, 'desktop without JavaScript': { ...desktop, javaScriptEnabled: false } }),
}

const totals = { states: 0, checks: 0, steps: 0 }
const states = {} // name -> { checks, bytes }
let assets // bytes of what each page loads

before(async () => {
  await start()
  const sizes = await Promise.all(['style.css', 'pages.js'].map(async file => (await (await fetch(`${site}/auth/${file}`)).arrayBuffer()).byteLength))
  assets = sizes[0] + sizes[1]
})
after(async () => {
  await stop()
  const heaviest = Object.entries(states).reduce((a, b) => (b[1].bytes > a[1].bytes ? b : a), ['', { bytes: 0 }])
  console.log(`# axe: ${totals.checks} checks of ${totals.states} states, no violation; ${totals.steps} steps in ${Object.keys(modes).length} modes; heaviest page ${heaviest[1].bytes} bytes (${heaviest[0]}), ${assets} of them style and script`)
  if (pictures) for (const [name, { checks, bytes }] of Object.entries(states)) console.log(`# ${name}: axe ${checks} checks, 0 violations; ${bytes} bytes`)
})

for (const [mode, options] of Object.entries(modes)) describe(mode, () => walk(mode, options))

function walk (mode, options) {
  const scripts = options.javaScriptEnabled !== false
  const short = mode.split(' ')[0] + (scripts ? '' : '-plain')
  const email = `ada.${short}.${Date.now().toString(36)}@example.org`
  const newEmail = `new.${email}`
  let w, page
  let number = 0
  let stopped = false

  before(async () => { w = await open(options); page = w.page })
  after(() => w?.context.close())

  function step (name, run) {
    test(name, async t => {
      if (stopped) return t.skip('an earlier step failed')
      stopped = true
      totals.steps++
      await run().catch(async error => {
        await picture('failed').catch(() => {})
        throw new Error(`${error.message.replace(/\x1b\[[\d;]*m/g, '')}\nat ${page.url()}: ${await page.title()}`)
      })
      stopped = false
    })
  }

  async function picture (name, of = page) {
    if (!pictures) return
    mkdirSync(pictures, { recursive: true })
    await of.screenshot({ path: `${pictures}/pages-${short}-${String(++number).padStart(2, '0')}-${name}.png`, fullPage: true })
  }

  // A state of a page that somebody looks at.
  async function look (name, where = w) {
    const of = where.page
    await picture(name, of)
    totals.states++
    const state = states[name] ??= { checks: 0, bytes: 0 }
    const wide = await of.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
    assert.ok(wide <= 0, `${name}: the page scrolls sideways by ${wide} px`)
    assert.equal(await of.getByText('an error occurred while processing').count(), 0, `${name}: no mistake in the document`)
    assert.deepEqual(await of.locator('main b, main [onclick]').count(), 0, `${name}: what was typed is no markup`)
    assert.equal(await of.locator('h1').count(), 1, `${name}: one heading`)
    const bytes = assets + where.bytes()
    assert.ok(bytes < WEIGHT, `${name} weighs ${bytes} bytes`)
    state.bytes = Math.max(state.bytes, bytes)
    if (scripts) {
      await axe(of, name)
      totals.checks += 2
      state.checks += 2
    }
    await of.emulateMedia({ colorScheme: options.colorScheme })
  }

  const go = path => page.goto(`${site}/auth/${path}`)
  const at = path => page.waitForURL(url => url.pathname === path)
  const fill = (label, value) => page.getByLabel(label, { exact: true }).fill(value)
  const button = name => page.locator('main').getByRole('button', { name, exact: true })
  const sees = text => page.getByText(text).first().waitFor()

  // Presses, and waits for the answer to the POST.
  async function press (name) {
    const [answer] = await Promise.all([page.waitForResponse(r => r.request().method() === 'POST'), button(name).click()])
    if (!scripts) await page.waitForLoadState('load')
    return answer
  }

  // Refused: the summary has the focus, the field is tied to its sentence; with scripts, all without a new page.
  async function refused (name, field, sentence, kept = {}) {
    if (scripts) await page.evaluate(() => { globalThis.same = true })
    const answer = await press(name)
    assert.ok(answer.status() >= 400 && answer.status() < 500, `refused, not ${answer.status()}`)
    await page.locator('.summary').getByText(sentence).first().waitFor()
    assert.match(await page.title(), /^Error: /)
    await page.locator('.summary:focus').waitFor()
    if (scripts) assert.equal(await page.evaluate(() => globalThis.same), true, 'no page was loaded anew')
    if (field) {
      const input = page.locator(`#${field}`)
      assert.equal(await input.getAttribute('aria-invalid'), 'true')
      assert.ok((await input.getAttribute('aria-describedby')).split(' ').includes(`${field}-error`))
      assert.match(await page.locator(`#${field}-error`).textContent(), sentence)
      await page.locator('.summary').getByRole('link', { name: sentence }).first().click()
      assert.ok(await input.evaluate(e => e === document.activeElement), 'the summary leads to the field')
    }
    for (const [id, value] of Object.entries(kept)) assert.equal(await page.locator(`#${id}`).inputValue(), value, `${id} is kept`)
    for (const value of await page.locator('input[autocomplete$=password]').evaluateAll(all => all.map(e => e.value))) assert.equal(value, '', 'no password comes back')
  }

  step('all that is wrong with a sign-up is said at once', async () => {
    await go('sign-up')
    await look('sign-up')
    await page.getByLabel('Name').fill(NAME)
    await refused('Create account', 'email', /Enter an email address/, { name: NAME })
    assert.equal(await page.locator('.summary li').count(), 2)
    await look('sign-up-errors')
  })

  step('sign-up, and the account', async () => {
    await fill('Email address', email)
    await fill('Password', PASSWORD)
    await press('Create account')
    await at('/')
    await go('account')
    await sees(NAME)
    await look('account')
  })

  step('the address is confirmed by a button, however often the link was opened before', async () => {
    await page.getByRole('link', { name: 'Send a new confirmation link' }).click()
    assert.equal(await page.getByLabel('Email address').inputValue(), email)
    await look('resend')
    await press('Send link')
    await at('/auth/check-mail')
    await look('check-mail')
    const link = await mailed(email, '/auth/verify-email')
    for (let i = 0; i < 2; i++) {
      assert.equal((await page.goto(link)).status(), 200)
      await look(`verify-email-${i}`)
    }
    await go('account')
    await sees('Not confirmed yet.')
    await page.goto(link)
    await press('Confirm address')
    await at('/auth/verified')
    await look('verified')
    await go('account')
    assert.equal(await page.getByText('Not confirmed yet.').count(), 0)
    await page.goto(link.replace(/token=\w{9}/, 'token=xxxxxxxxx'))
    await sees('This link does not work any more')
    await look('verify-email-bad')
  })

  step('another name', async () => {
    await go('account')
    await page.getByRole('link', { name: 'Change (Name)' }).click()
    await look('name')
    await fill('Name', ' ')
    await refused('Save', 'name', /Enter your name/)
    await look('name-error')
    await fill('Name', 'Ada')
    await press('Save')
    await at('/auth/account')
    await page.getByRole('status').getByText('Your name has been changed.').waitFor()
    await look('account-notice')
  })

  step('a picture', async () => {
    await page.getByRole('link', { name: 'Change (Picture)' }).click()
    await fill('Address of the picture', 'javascript:alert(1)')
    await refused('Save', 'image', /starts with https/, { image: 'javascript:alert(1)' })
    await look('picture-error')
    await fill('Address of the picture', `${site}/style.css`)
    await press('Save')
    await at('/auth/account')
    await page.goto(`${site}/auth/account/picture`)
    await fill('Address of the picture', '')
    await press('Save')
    await at('/auth/account')
  })

  step('sessions: this one, another, and the other signed out', async () => {
    const other = await open({ ...options, userAgent: 'Mozilla/5.0 (Windows NT 10.0) Firefox/150.0' })
    const signIn = async () => {
      await other.page.goto(`${site}/auth/sign-in`)
      await other.page.getByLabel('Email address', { exact: true }).fill(email)
      await other.page.getByLabel('Password', { exact: true }).fill(PASSWORD)
      await other.page.locator('main').getByRole('button', { name: 'Sign in', exact: true }).click()
      await other.page.waitForURL(`${site}/`)
    }
    await signIn()
    await page.getByRole('link', { name: 'Where you are signed in' }).click()
    await sees('Firefox · Windows')
    assert.equal(await page.getByText('This device').count(), 1)
    await look('sessions')
    const posted = page.waitForResponse(r => r.request().method() === 'POST')
    await page.getByRole('button', { name: /^Sign out \(Firefox/ }).click()
    await posted
    await page.getByRole('status').getByText('Signed out.').waitFor()
    assert.equal(await page.getByText('Firefox · Windows').count(), 0)
    await other.page.goto(`${site}/auth/account`)
    await other.page.waitForURL(url => url.pathname === '/auth/sign-in')
    // the form of an old tab: nothing is lost
    await signIn()
    await other.page.goto(`${site}/auth/account/name`)
    await go('account/sessions')
    await press('Sign out everywhere else')
    await page.waitForURL(/done=sessions/)
    await other.page.getByLabel('Name', { exact: true }).fill('From an old tab')
    await other.page.locator('main').getByRole('button', { name: 'Save' }).click()
    await other.page.getByText('You need to sign in again').waitFor()
    await look('expired', other)
    await other.context.close()
  })

  step('another password', async () => {
    await go('account/password')
    await look('password')
    await fill('Current password', 'a wrong password')
    await fill('New password', NEXT)
    await refused('Change password', 'currentPassword', /not right/)
    await look('password-error')
    await fill('Current password', PASSWORD)
    await fill('New password', 'short')
    await refused('Change password', 'newPassword', /at least 8/)
    await fill('Current password', PASSWORD)
    await fill('New password', NEXT)
    await press('Change password')
    await at('/auth/account')
    await page.getByRole('status').getByText('Your password has been changed.').waitFor()
  })

  step('another address: the old one agrees, the new one is proved', async () => {
    await go('account/email')
    await look('email')
    await fill('New email address', email)
    await refused('Change address', 'newEmail', /your address already/, { newEmail: email })
    await look('email-error')
    await fill('New email address', newEmail)
    await press('Change address')
    await at('/auth/check-mail')
    await sees('to your present address')
    await page.goto(await mailed(email, '/auth/verify-email', 2))
    await sees(newEmail)
    await look('change-confirm')
    await press('Allow the change')
    await at('/auth/check-mail')
    await sees('to the new address')
    await page.goto(await mailed(newEmail, '/auth/verify-email'))
    await look('change-new')
    await press('Change address')
    await at('/auth/account')
    await sees(newEmail)
    await page.getByRole('status').getByText('Your email address has been changed.').waitFor()
  })

  step('sign-out asks', async () => {
    await page.getByRole('link', { name: 'Sign out' }).click()
    await look('sign-out')
    await press('Sign out')
    await at('/')
    await go('sign-out')
    await look('signed-out')
    await go('account')
    await at('/auth/sign-in')
    assert.equal(new URL(page.url()).searchParams.get('callbackURL'), '/auth/account')
  })

  step('a forgotten password', async () => {
    await page.getByRole('link', { name: 'Forgot your password?' }).click()
    await look('forgot-password')
    await refused('Send link', 'email', /Enter an email address/)
    await fill('Email address', newEmail)
    await press('Send link')
    await at('/auth/check-mail')
    await look('check-mail-reset')
    const link = await mailed(newEmail, '/reset-password/')
    await page.goto(link)
    await at('/auth/reset-password')
    await look('reset-password')
    await fill('New password', 'short')
    await refused('Change password', 'newPassword', /at least 8/)
    await look('reset-password-error')
    await fill('New password', PASSWORD)
    await press('Change password')
    await at('/auth/sign-in')
    await page.getByRole('status').getByText('Sign in with the new one.').waitFor()
    await look('sign-in-after-reset')
    await page.goto(link)
    await sees('This link does not work any more')
    await look('reset-password-bad')
    await page.getByRole('link', { name: 'Get a new link' }).click()
    await at('/auth/forgot-password')
    await page.getByRole('link', { name: 'Back to sign-in' }).click()
  })

  step('sign-in leads to where it was asked for', async () => {
    await fill('Email address', newEmail)
    await fill('Password', NEXT)
    await refused('Sign in', null, /is not right/, { email: newEmail })
    await look('sign-in-refused')
    await fill('Password', PASSWORD)
    await press('Sign in')
    await at('/auth/account')
  })

  step('the password is asked for again', async () => {
    await go('sign-in?again=1&callbackURL=/auth/account/name')
    await look('again')
    await fill('Password', NEXT)
    await refused('Continue', 'password', /This password is not right/)
    await sees('Confirm that it is you')
    await look('again-refused')
    await fill('Password', PASSWORD)
    await press('Continue')
    await at('/auth/account/name')
  })

  step('pages that are not there, or not for everybody', async () => {
    assert.equal((await go('nowhere')).status(), 404)
    await look('not-found')
    await go('forbidden')
    await at('/')
  })

  step('the account is deleted by a mailed link and a button', async () => {
    await go('account/delete')
    await look('delete')
    await fill('Password', NEXT)
    await refused('Send link', 'password', /not right/)
    await look('delete-error')
    await fill('Password', PASSWORD)
    await press('Send link')
    await at('/auth/check-mail')
    const link = await mailed(newEmail, '/auth/delete-account')
    await page.goto(link)
    await look('delete-link')
    await go('account')
    await sees(newEmail)
    await page.goto(link)
    await press('Delete for ever')
    await at('/auth/deleted')
    await look('deleted')
    await page.goto(link)
    await at('/auth/sign-in')
    await fill('Email address', newEmail)
    await fill('Password', PASSWORD)
    await refused('Sign in', null, /is not right/)
  })

  step('the browser reported no broken rule, and nothing came from elsewhere', async () => assert.deepEqual(w.complaints, []))
}
