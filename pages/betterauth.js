// SPDX-License-Identifier: Apache-2.0
// Copyright the mod_betterauth authors
//
// Who is signed in, for static pages: docs/static-sites.md. The server sends a line before this
// that says where API and pages are: window.betterauth = { api, pages, account }

(() => {
  if (customElements.get('betterauth-button')) return // loaded twice

  const { api, pages, account } = window.betterauth
  const channel = new BroadcastChannel('betterauth') // to the other tabs
  const buttons = new Set()
  let who // undefined: not known yet
  let asking // the answer that all callers share
  let asked // when it came; Infinity: it is on its way
  let told = 0 // how often another tab, or a sign-out, knew better than what we asked before

  // Who it was on the page before, so that none starts with a flash of "Sign in".
  let guess = null
  try { guess = JSON.parse(sessionStorage.betterauth) } catch {}

  function learn (user) {
    const changed = JSON.stringify(user) !== JSON.stringify(who)
    who = guess = user
    asking = Promise.resolve(user)
    if (!changed) return
    try { sessionStorage.betterauth = JSON.stringify(user) } catch {}
    for (const button of buttons) button.render()
    dispatchEvent(new CustomEvent('betterauth', { detail: user }))
  }

  async function call (path, options) {
    const answer = await fetch(api + path, { ...options, cache: 'no-store', signal: AbortSignal.timeout(15000) })
    if (!answer.ok) throw new Error(`${path} was answered with ${answer.status}`)
    return answer.json()
  }

  async function ask () {
    const before = told
    asked = Infinity
    try {
      const session = await call('/get-session')
      if (told === before) {
        learn(session?.user ?? null)
        channel.postMessage(who)
      }
    } catch { // busy or offline: what was known stays, and the next caller asks again
      asking = null
      guess = who
      for (const button of buttons) button.render()
    }
    asked = Date.now()
    return who ?? null
  }

  const user = () => asking ??= ask()

  async function signOut () {
    await call('/sign-out', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' })
    told++
    learn(null)
    channel.postMessage(null)
  }

  channel.onmessage = event => {
    told++
    learn(event.data)
  }
  for (const type of ['visibilitychange', 'focus', 'pageshow', 'online']) {
    addEventListener(type, () => { if (Date.now() - asked > 1000 && !document.hidden) asking = ask() })
  }
  addEventListener('pointerdown', event => {
    for (const button of buttons) if (!button.contains(event.target)) button.toggle(false)
  })

  const sheet = new CSSStyleSheet() // which a Content-Security-Policy allows
  sheet.replaceSync(`
    :host { display: inline-block; position: relative; }
    [hidden] { display: none; }
    button, [part=menu] {
      border: 1px solid var(--betterauth-line, color-mix(in srgb, currentColor 30%, transparent));
      border-radius: var(--betterauth-radius, .5rem);
    }
    button:not([hidden]) {
      display: flex; align-items: center; gap: .5em; max-inline-size: min(16rem, 60vw);
      padding: .4em .8em; background: none; color: inherit; font: inherit; cursor: pointer;
    }
    button::after { content: "▾"; content: "▾" / ""; }
    [part=name] { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
    [part=menu] {
      position: absolute; z-index: 10; inset-block-start: calc(100% + .25rem); inset-inline-end: 0;
      min-inline-size: 100%; box-sizing: border-box; padding: .25rem;
      background: var(--betterauth-surface, Canvas); color: var(--betterauth-ink, CanvasText); box-shadow: 0 4px 16px #0003;
    }
    [part=menu].start { inset-inline: 0 auto; }
    a[role]:not([hidden]) { display: block; padding: .5em .75em; color: inherit; text-decoration: none; white-space: nowrap; }
    a[role]:is(:hover, :focus) { background: var(--betterauth-hover, color-mix(in srgb, currentColor 12%, transparent)); }
    :focus-visible { outline: 2px solid; outline-offset: -2px; border-radius: var(--betterauth-radius, .5rem); }`)

  function make (tag, attributes, ...children) {
    const element = document.createElement(tag)
    for (const name in attributes) element.setAttribute(name, attributes[name])
    element.append(...children)
    return element
  }

  customElements.define('betterauth-button', class extends HTMLElement {
    #name = make('span', { part: 'name' })
    #button = make('button', { part: 'button', id: 'button', tabindex: 0, 'aria-haspopup': 'menu' }, this.#name)
    #account = make('a', { part: 'item account', role: 'menuitem', tabindex: -1 })
    #signOut = make('a', { part: 'item sign-out', role: 'menuitem', tabindex: -1, href: `${pages}/sign-out` })
    #menu = make('div', { part: 'menu', role: 'menu', 'aria-labelledby': 'button' }, this.#account, this.#signOut)
    #signIn = make('a', { part: 'sign-in', href: `${pages}/sign-in` })
    #slot = make('slot', {}, this.#signIn) // the page's own links, else ours

    constructor () {
      super()
      const root = this.attachShadow({ mode: 'open' })
      root.adoptedStyleSheets = [sheet]
      root.append(this.#slot, this.#button, this.#menu)
      this.#button.addEventListener('click', () => this.toggle(this.#menu.hidden))
      this.#signOut.addEventListener('click', event => this.#leave(event))
      this.addEventListener('keydown', event => this.#key(event))
      this.addEventListener('focusout', event => { if (!this.contains(event.relatedTarget)) this.toggle(false) })
      // before a link is followed: the page's own address may have changed
      for (const type of ['pointerdown', 'focusin', 'click']) this.addEventListener(type, () => this.#aim())
    }

    connectedCallback () {
      buttons.add(this)
      this.render()
      user()
    }

    disconnectedCallback () {
      buttons.delete(this)
    }

    render () {
      const focused = this.shadowRoot.activeElement
      const text = (name, usual) => this.getAttribute(name) ?? usual
      this.#slot.hidden = !!guess
      this.#button.hidden = !guess
      this.#button.title = guess?.email ?? ''
      this.#name.textContent = guess?.name ?? ''
      this.#signIn.textContent = text('sign-in-text', 'Sign in')
      this.#signOut.textContent = text('sign-out-text', 'Sign out')
      this.#account.textContent = text('account-text', 'Account')
      this.#account.href = text('account-url', account ?? '')
      this.#account.hidden = !text('account-url', account)
      this.#aim()
      if (!guess || !focused) this.toggle(false)
      if (!guess && focused) this.#links[0].focus()
    }

    toggle (open, index = 0) {
      this.#menu.hidden = !open
      this.#button.ariaExpanded = open
      if (!open) return
      this.#menu.className = ''
      const { left, right } = this.#menu.getBoundingClientRect()
      if (left < 0 || right > innerWidth) this.#menu.className = 'start'
      this.#items.at(index).focus()
    }

    get #items () {
      return [this.#account, this.#signOut].filter(item => !item.hidden)
    }

    get #links () {
      const own = [...this.querySelectorAll('a')]
      return own.length ? own : [this.#signIn]
    }

    #aim () {
      for (const link of [...this.#links, this.#signOut]) {
        if (link.pathname.startsWith(`${pages}/sign-`)) {
          link.search = `callbackURL=${encodeURIComponent(location.pathname + location.search + location.hash)}`
        }
      }
    }

    #key (event) {
      const items = this.#items
      const at = items.indexOf(this.shadowRoot.activeElement)
      const open = !this.#menu.hidden
      const to = { ArrowDown: at + 1, ArrowUp: open ? at - 1 : -1, Home: open && 0, End: open && -1 }[event.key]
      if (this.#button.hidden) return
      if (typeof to === 'number') this.toggle(true, to % items.length)
      else if (event.key === ' ' && at >= 0) items[at].click()
      else if (open && ['Escape', 'Tab'].includes(event.key)) {
        this.toggle(false)
        this.#button.focus()
        if (event.key === 'Tab') return // which goes on from there
      } else return
      event.preventDefault()
    }

    // The link leads to the page that asks, and says so when signing out does not work just now.
    async #leave (event) {
      const then = this.getAttribute('signed-out-url')
      event.preventDefault()
      try {
        await signOut()
        if (then) location.assign(then)
      } catch {
        location.assign(this.#signOut.href)
      }
    }
  })

  Object.defineProperty(window, 'betterauth', { value: Object.freeze({ api, pages, account, user, signOut }) })
})()
