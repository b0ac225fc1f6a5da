// SPDX-License-Identifier: Apache-2.0
// Copyright the mod_betterauth authors
//
// The pages in every language and at any size; and their shape, which is the same however they are shown. Compared
// within one run, so that no picture has to be kept for one machine's fonts. Run by shape.t, or by hand as walk.mjs is.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { axe, open, pictures, site, start, stop } from './browser.mjs'

before(start)
after(stop)

const languages = { en: 'ltr', de: 'ltr', fr: 'ltr', es: 'ltr', zh: 'ltr', ar: 'rtl' }
test('every language, narrow, zoomed and in forced colours', async () => {
  for (const [locale, direction] of Object.entries(languages)) {
    const { context, page, complaints } = await open({ locale, viewport: { width: 320, height: 640 } })
    for (const path of ['sign-in', 'sign-up', 'forgot-password', 'nowhere']) {
      await page.goto(`${site}/auth/${path}`)
      assert.deepEqual(await page.evaluate(() => [document.documentElement.lang, document.documentElement.dir]), [locale, direction])
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), `${locale} ${path} fits 320 px`)
      if (path === 'sign-up') {
        await page.locator('#password').fill('12345678')
        assert.notEqual(await page.locator('.field:has(#password) [role=status]').first().textContent(), '')
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), `${locale} with a hint fits 320 px`)
      }
      if (pictures) await page.screenshot({ path: `${pictures}/language-${locale}-${path}.png`, fullPage: true })
    }
    await axe(page, `not found in ${locale}`)
    // text at twice its size, on half a screen
    await page.setViewportSize({ width: 640, height: 480 })
    await page.goto(`${site}/auth/sign-up`)
    await page.evaluate(() => { document.documentElement.style.fontSize = '200%' })
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), `${locale} fits at 200 %`)
    if (pictures) await page.screenshot({ path: `${pictures}/language-${locale}-zoomed.png`, fullPage: true })
    await page.emulateMedia({ forcedColors: 'active', reducedMotion: 'reduce' })
    await page.goto(`${site}/auth/sign-in`)
    assert.equal(await page.locator('main button[type=submit]').evaluate(e => getComputedStyle(e).transitionDuration), '0s')
    if (pictures) await page.screenshot({ path: `${pictures}/language-${locale}-forced-colours.png`, fullPage: true })
    assert.notEqual(await page.locator('main button[type=submit]').evaluate(e => getComputedStyle(e).borderTopStyle), 'none')
    assert.deepEqual(complaints, [])
    await context.close()
  }
})

for (const javaScriptEnabled of [true, false]) {
  test(`the menu of languages, JavaScript ${javaScriptEnabled ? 'on' : 'off'}`, async () => {
    const { context, page } = await open({ javaScriptEnabled })
    await page.goto(`${site}/auth/sign-up?callbackURL=%2Fmembers%2F`)
    await page.locator('.languages summary').click()
    await page.getByRole('button', { name: 'Deutsch' }).click()
    await page.getByRole('heading', { name: 'Konto anlegen' }).waitFor()
    assert.equal(new URL(page.url()).search, '?callbackURL=%2Fmembers%2F')
    await page.goto(`${site}/auth/sign-in`)
    await page.getByRole('heading', { name: 'Anmelden' }).waitFor()
    await context.close()
  })
}

// Where all boxes are: "input#email 440 312 400x44". Texts are left out, whose place in a line is the font's business.
const boxes = (page, mirrored = false) => page.evaluate(mirrored => {
  const seen = 'header.brand, main, h1, main > p, form, .button, label, input:not([type=hidden]), button[type=submit], .field, .hint:not(.status), .error, .summary, .summary li, .check, .rows > div, .links li, footer'
  return [...document.querySelectorAll(seen)].filter(e => !e.closest('.languages') && e.offsetParent).map(e => {
    const { x, y, width, height } = e.getBoundingClientRect()
    const left = mirrored ? innerWidth - x - width : x
    return `${e.localName}${e.id && '#' + e.id}${e.className && '.' + e.className} ${[left, y, width, height].map(Math.round).join(' ')}`
  })
}, mirrored)

for (const [name, viewport] of Object.entries({ desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } })) {
  test(`one shape on a ${name}: light and dark, left and right, with JavaScript and without`, async () => {
    const scripted = await open({ viewport })
    const plain = await open({ viewport, javaScriptEnabled: false })
    const shapes = []
    const compare = async page => {
      const shape = await boxes(scripted.page)
      assert.ok(shape.length > 5, `${page}: has boxes`)
      assert.deepEqual(await boxes(plain.page), shape, `${page}: without JavaScript`)
      await scripted.page.emulateMedia({ colorScheme: 'dark' })
      assert.deepEqual(await boxes(scripted.page), shape, `${page}: dark`)
      await scripted.page.emulateMedia({ colorScheme: 'light' })
      await scripted.page.evaluate(() => { document.documentElement.dir = 'rtl' })
      assert.deepEqual(await boxes(scripted.page, true), shape, `${page}: from right to left`)
      shapes.push(shape)
    }
    const both = run => Promise.all([scripted, plain].map(({ page }, i) => run(page, i)))
    for (const path of ['sign-in', 'sign-up', 'forgot-password', 'sign-out', 'check-mail', 'nowhere']) {
      await both(page => page.goto(`${site}/auth/${path}`))
      await compare(path)
    }
    await both(async page => {
      await page.goto(`${site}/auth/sign-up`)
      await page.locator('main button[type=submit]').click()
      await page.locator('.summary:focus').waitFor()
    })
    await compare('errors')
    await both(async (page, i) => {
      await page.goto(`${site}/auth/sign-up`)
      await page.locator('#name').fill('Ada')
      await page.locator('#email').fill(`${i}${Date.now() % 1e6}@b.co`) // short: both fit in a line
      await page.locator('#password').fill('analytical engine 1843')
      await page.locator('main button[type=submit]').click()
      await page.waitForURL(`${site}/`)
    })
    for (const path of ['account', 'account/password', 'account/email', 'account/delete', 'sign-in?again=1']) {
      await both(page => page.goto(`${site}/auth/${path}`))
      await compare(path)
    }
    // what is in the same place on all pages is so
    const place = selector => new Set(shapes.map(shape => shape.find(box => box.startsWith(selector))?.split(' ').slice(1, 3).join(' ')))
    assert.equal(place('header').size, name === 'phone' ? 1 : 2, 'the name of the site; the account is wider')
    await scripted.context.close()
    await plain.context.close()
  })
}
