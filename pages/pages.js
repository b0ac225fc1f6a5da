// SPDX-License-Identifier: Apache-2.0
// Copyright the mod_betterauth authors
//
// What makes the pages more comfortable. All of them work without it.

(() => {
  'use strict'

  const words = document.body.dataset
  const pages = new URL('.', document.currentScript.src).href

  // What a screen reader says as soon as it is there.
  function status (after) {
    const line = document.createElement('p')
    line.className = 'hint status'
    line.setAttribute('role', 'status')
    after.after(line)
    return line
  }

  // A new password, as far as it can be judged here. The server decides; it counts as a script does.
  function advice (input) {
    const { max, enough, easy, long } = input.dataset
    const length = input.value.length
    return length < input.minLength ? '' : length > max ? long : isEasy(input) ? easy : enough
  }

  // Made of what everybody can see, or of one key and its neighbours, whatever kinds of characters there are.
  function isEasy (input) {
    const own = [...input.form.querySelectorAll('input:not([type=hidden], [autocomplete$=password])')].map(e => e.value)
    const seen = [document.title, input.labels[0]?.textContent, input.autocomplete, ...own].join(' ').toLowerCase()
    const rest = seen.match(/[\p{L}\p{N}]{3,}/gu).reduce((text, word) => text.replaceAll(word, ''), input.value.toLowerCase())
    return [...rest].filter((c, i, all) => !i || Math.abs(c.codePointAt() - all[i - 1].codePointAt()) > 1).length < 5
  }

  // A password can be looked at while it is typed, and says when Caps Lock is on.
  function password (input) {
    const box = document.createElement('div')
    const button = document.createElement('button')
    const label = input.labels[0] ? ': ' + input.labels[0].textContent : ''
    const show = on => {
      input.type = on ? 'text' : 'password'
      button.textContent = on ? words.hide : words.show
      button.setAttribute('aria-label', button.textContent + label)
    }
    // whoever has the focus already loses it with the move
    const focused = document.activeElement === input
    box.className = 'password'
    input.before(box)
    button.type = 'button'
    button.setAttribute('aria-controls', input.id)
    button.addEventListener('click', () => {
      show(input.type === 'password')
      input.focus()
    })
    show(false)
    box.append(input, button)
    if (focused) input.focus()
    // not gone with the focus: the button below must not move while it is pressed
    const caps = status(box)
    for (const event of ['keydown', 'keyup', 'mousedown']) {
      input.addEventListener(event, e => { caps.textContent = e.getModifierState?.('CapsLock') ? words.caps : '' })
    }
    // password managers look for a password when the form leaves
    input.form?.addEventListener('submit', () => show(false))
    if (!input.dataset.enough) return
    const hint = status(box)
    input.addEventListener('input', () => {
      const text = advice(input)
      hint.classList.toggle('enough', text === input.dataset.enough)
      if (hint.textContent !== text) hint.textContent = text
    })
  }

  // The server's times are in UTC.
  function time (element) {
    const date = new Date(element.dateTime)
    if (!isNaN(date)) {
      element.textContent = date.toLocaleString(document.documentElement.lang, { dateStyle: 'medium', timeStyle: 'short' })
    }
  }

  function enhance (root) {
    root.querySelectorAll('input[type=password]').forEach(password)
    root.querySelectorAll('time').forEach(time)
  }

  function focus () {
    const to = document.querySelector('.summary') || document.querySelector('main [autofocus]')
    to?.focus()
  }

  // What was typed is still there.
  function complain (form) {
    const box = document.querySelector('.summary') || document.createElement('div')
    box.className = 'summary'
    box.tabIndex = -1
    box.setAttribute('role', 'alert')
    box.textContent = words.lost
    form.before(box)
    box.focus()
  }

  function busy (form, button, on) {
    form.toggleAttribute('data-busy', on)
    if (on) button?.setAttribute('aria-busy', 'true')
    else button?.removeAttribute('aria-busy')
  }

  // A page without a form would take what was typed with it: as an answer to the browser itself, the back
  // button and loading anew still have that.
  function sendPlainly (form, button) {
    if (button?.name) form.append(Object.assign(document.createElement('input'), { type: 'hidden', name: button.name, value: button.value }))
    form.submit()
  }

  // Where a form of our pages is sent; nothing for others in an operator's document, which the browser sends as it
  // always did. By attributes: a field may be called "action".
  function addressOf (form, button) {
    if (form.getAttribute('method')?.toLowerCase() !== 'post' || button?.matches('[formaction], [formmethod]')) return
    const { href } = new URL(form.getAttribute('action') ?? '', location)
    if (href.startsWith(pages)) return href
  }

  // The server answers with where to go, or with the page again and what is wrong: then only that part of it is new.
  async function send (form, button, to) {
    const body = new URLSearchParams(new FormData(form, button))
    try {
      const answer = await fetch(to, { method: 'POST', body, headers: { 'X-BetterAuth-Page': '1' } })
      const next = answer.headers.get('X-BetterAuth-Page')
      if (next) return location.assign(next)
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html')
      const main = page.querySelector('main')
      if (!main) throw new Error('no page')
      if (!main.querySelector('form')) return sendPlainly(form, button)
      document.title = page.title
      document.querySelector('main').replaceWith(document.adoptNode(main))
      enhance(main)
      focus()
    } catch {
      busy(form, button, false)
      complain(form)
    }
  }

  document.addEventListener('submit', event => {
    const form = event.target
    const button = event.submitter
    const to = addressOf(form, button)
    if (!to) return
    event.preventDefault()
    if (form.hasAttribute('data-busy')) return // pressed twice
    busy(form, button, true)
    send(form, button, to)
  })

  // Back from the next page: the form is as it was left.
  addEventListener('pageshow', event => {
    if (event.persisted) document.querySelectorAll('[data-busy]').forEach(form => busy(form, form.querySelector('[aria-busy]'), false))
  })

  enhance(document)
})()
