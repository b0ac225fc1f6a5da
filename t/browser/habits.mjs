// SPDX-License-Identifier: Apache-2.0
// Copyright the mod_betterauth authors
//
// What people do besides walking from page to page: by keyboard alone, back and forth, in old tabs, with a password
// manager. Run by habits.t, or by hand as walk.mjs is.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { axe, mailed, open, site, start, stop } from './browser.mjs'

const PASSWORD = 'analytical engine 1843'
const NEXT = 'difference engine 1822'

before(start)
after(stop)

describe('one person', () => {
  for (const javaScriptEnabled of [true, false]) {
    test(`by keyboard alone, JavaScript ${javaScriptEnabled ? 'on' : 'off'}`, async () => {
      const { context, page } = await open({ viewport: { width: 1280, height: 800 }, javaScriptEnabled })
      const email = `tab.${Date.now().toString(36)}@example.org`
      const type = text => page.keyboard.type(text)
      const press = key => page.keyboard.press(key)
      const at = path => page.waitForURL(url => url.pathname === path)
      const focus = selector => page.locator(`${selector}:focus`).waitFor()
      const sees = text => page.getByText(text).first().waitFor()
      const refused = () => focus('.summary')
      // Tab by Tab to what is called so; wherever the focus rests on the way, people see it.
      const tabTo = async (name, selector = 'a, button, input, summary') => {
        for (let i = 0; i < 20; i++) {
          await press('Tab')
          const stop = await page.evaluate(selector => {
            const e = document.activeElement
            const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(e)
            const { x, y, width, height } = e.getBoundingClientRect()
            return {
              name: e.matches(selector) ? (e.labels?.[0] ?? e).textContent.trim().replace(/\s+/g, ' ') : '',
              isBody: e === document.body,
              isSeen: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 && !/, 0\)$/.test(outlineColor) && width > 8 && height > 8 && x >= 0 && y >= 0 && y + height <= innerHeight
            }
          }, selector)
          if (stop.isBody) continue // the browser's own bars
          assert.ok(stop.isSeen, `the focus on "${stop.name}" can be seen`)
          if (stop.name === name) return
        }
        assert.fail(`no way to "${name}" by Tab`)
      }
      const follow = async (name, key = 'Enter') => { await tabTo(name, 'a, button, summary'); await press(key) }

      await page.goto(`${site}/auth/sign-up`)
      await focus('#name')
      await type('ada')
      await tabTo('Email address')
      await type(email)
      await tabTo('Password')
      await type(PASSWORD)
      if (javaScriptEnabled) {
        await follow('Show', 'Space')
        assert.equal(await page.locator('#password').getAttribute('type'), 'text')
        await focus('#password')
      }
      await follow('Create account', 'Space')
      await at('/')

      await page.goto(`${site}/auth/account`)
      await follow('Change (Name)')
      await focus('#name')
      await press('Shift+Tab')
      await tabTo('Name')
      await press('Backspace')
      await press('Enter')
      await refused()
      await follow('Enter your name.')
      await focus('#name')
      await type('grace')
      await press('Enter')
      await sees('Your name has been changed.')

      await follow('Change (Picture)')
      await focus('#image')
      await type('nowhere')
      await press('Enter')
      await refused()
      await tabTo('Address of the picture')
      await press('Backspace')
      await follow('Save', 'Space')
      await sees('Your picture has been changed.')

      await follow('Change (Email address)')
      await focus('#newEmail')
      await type(email)
      await press('Enter')
      await refused()
      await tabTo('New email address')
      await type(`new.${email}`)
      await follow('Change address')
      await at('/auth/check-mail')
      await page.goto(await mailed(`new.${email}`, '/auth/verify-email'))
      await follow('Change address', 'Space')
      await at('/auth/account')
      await sees(`new.${email}`)

      await page.goto(`${site}/auth/sign-in?again=1&callbackURL=/auth/account/password`)
      await focus('#password')
      await type(NEXT)
      await press('Enter')
      await refused()
      await follow('This password is not right.')
      await focus('#password')
      await type(PASSWORD)
      await press('Enter')
      await at('/auth/account/password')
      await focus('#currentPassword')
      await type(PASSWORD)
      await tabTo('New password')
      await type(NEXT)
      await tabTo('Sign out everywhere else')
      await press('Space')
      assert.equal(await page.locator('#revokeOtherSessions').isChecked(), false)
      await follow('Change password')
      await sees('Your password has been changed.')

      await follow('Where you are signed in')
      await at('/auth/account/sessions')
      await follow('Sign out everywhere else', 'Space')
      await sees('Signed out.')
      await follow('Language: English', 'Space')
      await follow('Deutsch', 'Space')
      await page.getByRole('heading', { name: 'Wo Sie angemeldet sind' }).waitFor()
      await follow('Sprache: Deutsch')
      await follow('English')
      await page.getByRole('heading', { name: 'Where you are signed in' }).waitFor()
      await follow('Back to your account')
      await at('/auth/account')
      await follow('Sign out')
      await at('/auth/sign-out')
      await follow('Sign out')
      await at('/')

      await page.goto(`${site}/auth/sign-in?callbackURL=/auth/account/delete`)
      await focus('#email')
      await follow('Forgot your password?')
      await focus('#email')
      await type(`new.${email}`)
      await press('Enter')
      await at('/auth/check-mail')
      await page.goto(await mailed(`new.${email}`, '/reset-password/'))
      await focus('#newPassword')
      await type(PASSWORD)
      await press('Enter')
      await sees('Sign in with the new one.')
      await focus('#email')
      await type(`new.${email}`)
      await tabTo('Password')
      await type(PASSWORD)
      await tabTo('Keep me signed in on this device')
      await press('Space')
      await follow('Sign in')
      await at('/auth/account/delete')
      await focus('#password')
      await type(PASSWORD)
      await press('Enter')
      await at('/auth/check-mail')
      await page.goto(await mailed(`new.${email}`, '/auth/delete-account'))
      await follow('Delete for ever', 'Space')
      await at('/auth/deleted')
      await context.close()
    })
  }

  test('a button shows that it is working, and is pressed once', async () => {
    const { context, page } = await open({})
    const posts = []
    await page.goto(`${site}/auth/sign-in`)
    await page.route('**/auth/sign-in', async route => {
      posts.push(route.request().url())
      await new Promise(resolve => setTimeout(resolve, 300))
      await route.continue()
    })
    await page.locator('#email').fill('ada@example.org')
    await page.locator('#password').fill('x')
    const button = page.locator('main').getByRole('button', { name: 'Sign in' })
    await button.dblclick()
    assert.equal(await button.getAttribute('aria-busy'), 'true')
    await page.locator('.summary:focus').waitFor()
    assert.equal(posts.length, 1)
    // the network goes away: what was typed stays
    await page.unroute('**/auth/sign-in')
    await page.route('**/auth/sign-in', route => route.abort())
    await page.locator('#password').fill('still here')
    await button.click()
    await page.getByText('The site cannot be reached.').waitFor()
    assert.equal(await page.locator('#password').inputValue(), 'still here')
    await context.close()
  })

  test('forms that are not of our pages are left to the browser', async () => {
    const { context, page, complaints } = await open({})
    const taken = []
    page.on('request', r => { if (r.resourceType() === 'fetch') taken.push(new URL(r.url()).pathname) })
    await page.goto(`${site}/auth/sign-up?callbackURL=/auth/check-mail`)
    await page.locator('#name').fill('Forms')
    await page.locator('#email').fill(`forms.${Date.now().toString(36)}@example.org`)
    await page.locator('#password').fill(PASSWORD)
    await page.locator('main button[type=submit]').click()
    await page.waitForURL(`${site}/auth/check-mail`)
    assert.deepEqual(taken.splice(0), ['/auth/sign-up'], 'ours are not')
    for (const [button, method, query] of [['Search', 'GET', '?note=get'], ['Note', 'POST', ''], ['By its button', 'GET', '?method=&action=']]) {
      await page.goto(`${site}/auth/check-mail`)
      await page.getByRole('button', { name: button }).click()
      await page.waitForURL(`${site}/members/note.cgi${query}`)
      await page.getByText(new RegExp(`by forms\\..*, ${method}`)).waitFor()
    }
    assert.deepEqual(taken, [])
    // whatever the fields of ours are called
    await page.goto(`${site}/auth/check-mail`)
    await page.getByRole('button', { name: 'Ours' }).click()
    await page.locator('.summary:focus').waitFor()
    assert.deepEqual(taken, ['/auth/sign-in'])
    assert.equal(page.url(), `${site}/auth/check-mail`)
    assert.deepEqual(complaints, [])
    await context.close()
  })

  test('password managers find what they look for', async () => {
    const { context, page, complaints } = await open({ javaScriptEnabled: false })
    const email = `keys.${Date.now().toString(36)}@example.org`
    const seen = {}
    const look = async path => {
      if (!path.startsWith('http')) await page.goto(`${site}/auth/${path}`)
      seen[path] = await page.locator('main form').evaluate(form => [...form.querySelectorAll('input:not([type=hidden])')].map(e => [e.id || e.name, e.type, e.autocomplete, e.inputMode, e.enterKeyHint].join(' ').trim()))
    }
    for (const path of ['sign-in', 'forgot-password', 'sign-up']) await look(path)
    await page.locator('#name').fill('Keys')
    await page.locator('#email').fill(email)
    await page.locator('#password').fill(PASSWORD)
    await page.locator('main button').click()
    await page.waitForURL(`${site}/`)
    for (const path of ['account/password', 'account/delete', 'sign-in?again=1']) await look(path)
    await page.goto(`${site}/auth/forgot-password`)
    await page.locator('#email').fill(email)
    await page.locator('main button').click()
    await page.goto(await mailed(email, '/reset-password/'))
    await look(page.url())
    assert.equal(await page.locator('[name=username]').inputValue(), email)
    seen['reset-password'] = seen[page.url()]
    delete seen[page.url()]
    assert.deepEqual(seen, {
      'sign-in': ['email email username email next', 'password password current-password  go', 'remember checkbox'],
      'sign-up': ['name text name  next', 'email email username email next', 'password password new-password  go'],
      'sign-in?again=1': ['email email username', 'password password current-password  go'],
      'forgot-password': ['email email username email send'],
      'reset-password': ['username text username', 'newPassword password new-password  go'],
      'account/password': ['username text username', 'currentPassword password current-password  next', 'newPassword password new-password  done', 'revokeOtherSessions checkbox'],
      'account/delete': ['username text username', 'password password current-password  go'],
    })
    // Chromium names in its console what its password manager misses
    assert.deepEqual(complaints, [])
    await context.close()
  })

  test('a new password gets advice that is no false praise, and is said once', async () => {
    const { context, page, complaints } = await open({ viewport: { width: 1280, height: 800 } })
    await page.goto(`${site}/auth/sign-in`)
    await page.locator('#password').fill(PASSWORD)
    assert.equal(await page.locator('#password').evaluate(e => e.closest('.field').innerText.includes('enough')), false, 'not where it is known')
    await page.goto(`${site}/auth/sign-up`)
    const hint = page.locator('.field:has(#password) [role=status]').first()
    const button = page.locator('main button[type=submit]')
    const said = async password => {
      await page.locator('#password').fill(password)
      return (await hint.textContent()).split(/[.:]/)[0]
    }
    await page.locator('#name').fill('Ada Lovelace')
    await page.locator('#email').fill('countess@harbour.example')
    for (const password of ['', 'kJ8fz2q']) assert.equal(await said(password), '', password)
    for (const password of ['password', 'Password1!', 'newPassword', '12345678', '87654321', 'aaaaaaaaaaaa', 'abcd1234', 'Lovelace1815', 'harbour.example', 'Demo2026', 'create-your-account']) {
      assert.equal(await said(password), 'Easy to guess', password)
    }
    await axe(page, 'a password that is easy to guess')
    for (const password of ['kJ8fz2qL', PASSWORD, 'mein langes Passwort am Hafen', '\u{1f511}\u{1f40e}\u{1f9f2}\u{1f4ce}\u{2693}', 'kJ8fz2qL'.repeat(16)]) {
      assert.equal(await said(password), 'Long enough', password)
    }
    await axe(page, 'a password that is long enough')
    assert.equal(await said('correct horse '.repeat(10)), 'Use at most 128 characters')
    assert.equal(await said(''), '')
    await hint.evaluate(e => {
      globalThis.said = []
      new MutationObserver(() => globalThis.said.push(e.textContent.split('.')[0])).observe(e, { childList: true })
    })
    await page.locator('#password').pressSequentially(PASSWORD)
    assert.deepEqual(await page.evaluate(() => globalThis.said), ['Long enough'], 'while it is typed')
    // Caps Lock's hint stays while the button is pressed, which would slip away from under the mouse
    await page.locator('#password').evaluate(e => e.dispatchEvent(new KeyboardEvent('keydown', { key: 'A', modifierCapsLock: true })))
    await page.getByText('Caps Lock is on.').waitFor()
    const before = await button.boundingBox()
    await button.focus()
    assert.deepEqual(await button.boundingBox(), before)
    assert.deepEqual(complaints, [])
    await context.close()
  })
})

// A page that the browser shows again, or still, when somebody has signed in or out meanwhile.
for (const javaScriptEnabled of [true, false]) describe(`back and forth, JavaScript ${javaScriptEnabled ? 'on' : 'off'}`, () => {
  const email = `back.${javaScriptEnabled}.${Date.now().toString(36)}@example.org`
  let window, page

  before(async () => {
    window = await open({ javaScriptEnabled })
    page = window.page
    await page.goto(`${site}/auth/sign-up`)
    await page.locator('#name').fill('Ada')
    await page.locator('#email').fill(email)
    await page.locator('#password').fill(PASSWORD)
    await press()
    await at('/')
  })
  after(() => window?.context.close())

  const at = (path, where = page) => where.waitForURL(url => url.pathname === path)
  const go = (path, where = page) => where.goto(`${site}${path}`)
  const press = (where = page) => where.locator('main button[type=submit]').click()
  const signIn = async (where, password = PASSWORD) => {
    if (await where.locator('#email').isEditable()) await where.locator('#email').fill(email)
    await where.locator('#password').fill(password)
    await press(where)
  }
  const signOut = async (where = page) => {
    await go('/auth/sign-out', where)
    await press(where)
    await at('/', where)
  }
  // Another tab of the same browser.
  const tab = async (path, run) => {
    const other = await window.context.newPage()
    await go(path, other)
    await run(other)
    await other.close()
  }

  test('back after sign-in leads on to where it led', async () => {
    await signOut()
    await go('/members/')
    await at('/auth/sign-in')
    await signIn(page)
    await at('/members/')
    await page.goBack()
    await at('/members/')
    assert.equal(await page.locator('input[type=password]').count(), 0)
    await go('/auth/account')
    await go('/auth/sign-in?again=1&callbackURL=/auth/account')
    await signIn(page)
    await at('/auth/account')
    await page.goBack()
    await page.getByRole('heading', { name: 'Confirm that it is you' }).waitFor()
    await signIn(page)
    await at('/auth/account')
  })

  test('back after sign-out shows nothing of anybody, and where to sign in', async () => {
    await go('/auth/account')
    await signOut()
    await page.goBack()
    await page.getByRole('heading', { name: 'You are signed out' }).waitFor()
    assert.equal(await page.getByText(email).count(), 0)
    await page.goBack()
    await at('/auth/sign-in')
    assert.equal(await page.getByText(email).count(), 0)
    await signIn(page)
    await at('/auth/account')
  })

  test('an old form of sign-in or sign-up, after another tab has signed in', async () => {
    await signOut()
    await go('/auth/sign-in?callbackURL=/members/')
    await tab('/auth/sign-in', async other => {
      await signIn(other)
      await at('/', other)
    })
    await signIn(page, 'a wrong password')
    await page.locator('.summary:focus').waitFor()
    await signIn(page)
    await at('/members/')
    await signOut()
    await go('/auth/sign-up?callbackURL=/members/')
    await tab('/auth/sign-in', async other => {
      await signIn(other)
      await at('/', other)
    })
    await page.reload()
    await at('/members/')
  })

  for (const way of ['loaded anew', 'back']) {
    test(`an old form that came too late is not lost: ${way}`, async () => {
      await go('/auth/account/name')
      await page.locator('#name').fill(`Grace, ${way}`)
      await tab('/auth/sign-out', async other => {
        await press(other)
        await at('/', other)
      })
      await press()
      await page.getByRole('heading', { name: 'You need to sign in again' }).waitFor()
      const opened = window.context.waitForEvent('page')
      await page.getByRole('link', { name: 'Sign in in a new tab' }).click()
      const other = await opened
      await signIn(other)
      await at('/', other)
      await other.close()
      if (way === 'back') {
        await page.goBack()
        assert.equal(await page.locator('#name').inputValue(), `Grace, ${way}`)
        await press()
      } else {
        await page.reload()
      }
      await at('/auth/account')
      await page.getByText(`Grace, ${way}`).waitFor()
    })
  }

  test('an old form that asks for the password again, after sign-out', async () => {
    await go('/auth/sign-in?again=1&callbackURL=/members/')
    await tab('/auth/sign-out', async other => {
      await press(other)
      await at('/', other)
    })
    await signIn(page, 'a wrong password')
    await page.locator('.summary:focus').waitFor()
    await page.getByRole('heading', { name: 'Sign in', exact: true }).waitFor()
    await signIn(page)
    await at('/members/')
  })

  test('an old form of sign-out, pressed twice', async () => {
    await go('/auth/sign-out')
    await tab('/auth/sign-out', async other => {
      await press(other)
      await at('/', other)
    })
    await press()
    await at('/')
  })

  test('the browser reported no broken rule', () => assert.deepEqual(window.complaints, []))
})
