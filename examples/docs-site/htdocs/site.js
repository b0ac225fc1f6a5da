// SPDX-License-Identifier: Apache-2.0
// Copyright the mod_betterauth authors

// What a page does with who is signed in: now, and whenever that changes.
const greeting = document.getElementById('greeting')

function greet (user) {
  greeting.hidden = !user
  greeting.textContent = user ? `Welcome back, ${user.name}.` : ''
}

betterauth.user().then(greet)
addEventListener('betterauth', event => greet(event.detail))
