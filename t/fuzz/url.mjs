// SPDX-License-Identifier: Apache-2.0
// Copyright the mod_betterauth authors

// url.mjs DRIVER COUNT: as many URLs, the same ones each time, as our reader and as Node's, which is that of browsers, read
// them. We may refuse what Node reads; what we take must lead where Node says that it leads. Prints what does not, and
// how often who refused what.

import { spawn } from "node:child_process"
import { createInterface } from "node:readline"

const [driver, count] = [process.argv[2], Number(process.argv[3])]
const base = "http://auth.test"

// mulberry32: the same numbers on every machine
let state = 20261121
const random = () => {
	state = (state + 0x6d2b79f5) | 0
	let t = Math.imul(state ^ (state >>> 15), 1 | state)
	t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
	return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}
const below = (n) => Math.floor(random() * n)
const pick = (list) => list[below(list.length)]

const schemes = ["http", "https", "HTTP", "hTTps", "myapp", "ftp", "ws", "javascript", "data", "file", "blob", "vbscript", "x+y", "x.y", "1x", "view-source", "about", "mailto", ""]
const joins = ["://", "://", "://", "://", ":", ":/", ":///", "//", ":\\\\", "::", "/", "", " ://", ":/\\"]
const hosts = ["auth.test", "AUTH.test", "a.x.example", "x.example", "b.a.x.example", "evil.test", "127.0.0.1", "2130706433", "0x7f.1", "0177.1", "1.2.3", "256.1.1.1", "1.2.3.4.5", "[::1]", "[::ffff:1.2.3.4]", "[1:2:3:4:5:6:7:8]",
	"[::g]", "[::1", "[v1.x]", "[fe80::1%25eth0]", "[0:0:0:0:0:0:0:1]", "[1::2::3]", "localhost", "a..b", ".a", "a.", "a.x.example.", "-a", "a_b", "xn--a", "xn--mnchen-3ya.x.example", "münchen.x.example", "ａ.x.example", "a。x.example", "a%2ex.example", "ß.x.example",
	"a\u00adb.x.example", "evil.test\\.x.example", "auth.test\t", "", " ", "*", "a b", "home", "cb", "0", "08", "0x", "1e3", "999999999999", "a.1", "a.0x1", "a.09", "1.a.x.example"]
const ports = ["", "", "", "", ":80", ":443", ":", ":0", ":00080", ":8080", ":65535", ":65536", ":-1", ":x", ":8 0", ":+80", ":080", ":99999", ":1:2", ":8\t0", ":٣"]
const users = ["", "", "", "", "", "", "a@", "a:b@", "auth.test@", "@", ":@", "a%40", "http://auth.test@", "a@b@"]
const paths = ["", "/", "/x", "/a/../b", "/..", "/%2e%2e/", "//evil.test", "/\\evil.test", "/%2f", "/%5C", "/a//b", "\\", "/é", "/ ", "/a b", "?x", "#x", "?a=1&token=2", "/x?y#z", "?#", "/?error=1&error=2", "/%zz", "/a;b", "/.", "/..//evil.test", "/./", "/\t/evil.test", "//", "///", "/@evil.test", "/:x"]
const bits = ["/", "\\", ":", "@", "?", "#", ".", "%", "%2f", "%5c", "%40", "%00", "%09", "%0a", "\t", "\n", "\r", " ", "\u00a0", "\u3000", "\ufeff", "\u2028", "。", "／", "＠", "[", "]", "*", "'", "\"", "<", "|", "^", "`", "{", "\x01", "\x1f", "\x7f", "\u0085", "é", "ａ", "\u00ad", "😀", "0", "a", "A", "-", "_", "~", "+", ",", ";", "&", "=", "$", "!", "(", "//", "..", "xn--"]

const fresh = () => below(5) ? pick(schemes) + pick(joins) + pick(users) + pick(hosts) + pick(ports) + pick(paths) : pick(paths) + pick(paths)

const make = () => {
	let text = fresh()
	for (let n = below(4); n > 0; n--) {
		const at = below(text.length + 1)
		const what = below(5)
		if (what < 2) text = text.slice(0, at) + pick(bits) + text.slice(at)
		else if (what === 2) text = text.slice(0, at) + text.slice(at + 1 + below(3))
		else if (what === 3) text = text.slice(0, at) + String.fromCharCode(1 + below(255)) + text.slice(at + 1)
		else text = text.slice(0, at) + fresh().slice(below(6))
	}
	return text.replaceAll("\0", "").toWellFormed()
}

const parse = (text, from) => { try { return new URL(text, from) } catch { return null } }
const friends = (url) => url.origin === base || (url.protocol === "https:" && /\.x\.example(?::\d+)?$/.test(url.host)) || url.protocol === "myapp:"

const problems = new Map()
const tally = { both: 0, "only Node": 0, "only we": 0, neither: 0, "safe paths": 0, "safe to Node alone": 0, allowed: 0, "no Punycode": 0 }
const note = (kind, text, more) => {
	const list = problems.get(kind) ?? []
	list.push(`${JSON.stringify(text)} ${more ?? ""}`)
	problems.set(kind, list)
}

const look = (text, ours) => {
	const theirs = parse(text)
	tally[ours.scheme !== undefined ? theirs ? "both" : "only we" : theirs ? "only Node" : "neither"]++
	if (ours.scheme !== undefined) {
		// docs/deviations.md
		if (!theirs && /(?:^|\.)xn--/.test(ours.authority)) tally["no Punycode"]++
		else if (!theirs) note("we read what Node refuses", text)
		else if (`${ours.scheme}:` !== theirs.protocol) note("another scheme", text, `${ours.scheme} ${theirs.protocol}`)
		else if (ours.origin !== null && ours.origin !== theirs.origin) note("another origin", text, `${ours.origin} ${theirs.origin}`)
		else if (ours.origin === null && /^https?:$/.test(theirs.protocol)) note("no origin", text, theirs.origin)
		else if (ours.authority.toLowerCase() !== theirs.host.toLowerCase()) note("another host", text, `${ours.authority} ${theirs.host}`)
		if (theirs && (theirs.username || theirs.password)) note("a user", text)
	}
	const here = parse(text, `${base}/a/b`)
	if (text.startsWith("/") && here?.origin === base) tally[ours.safe ? "safe paths" : "safe to Node alone"]++
	if (ours.safe && here?.origin !== base) note("a safe path that leads elsewhere", text, here?.origin)
	if (ours.append === undefined) return
	tally.allowed++
	if (!here || !friends(here)) note("a stranger is allowed", text, here?.href)
	for (const longer of [ours.append, ours.set]) {
		const there = parse(longer, `${base}/a/b`)
		if (!there || there.origin !== here?.origin || there.host !== here?.host) note("a parameter leads elsewhere", text, longer)
	}
	if (here && parse(ours.set, base)?.searchParams.get("token") !== "a b") note("a parameter is lost", text, ours.set)
}

const child = spawn(driver, { stdio: ["pipe", "pipe", "inherit"] })
const sent = []
const answers = createInterface({ input: child.stdout })
answers.on("line", (line) => look(sent.shift(), JSON.parse(line)))
const ended = new Promise((done) => answers.on("close", done))
for (let n = 0; n < count;) {
	let lines = ""
	for (const end = Math.min(count, n + 1000); n < end; n++) {
		const text = make()
		sent.push(text)
		lines += `${Buffer.from(text).toString("hex")}\n`
	}
	if (!child.stdin.write(lines)) await new Promise((done) => child.stdin.once("drain", done))
}
child.stdin.end()
await ended
console.log(`${count} URLs: ${Object.entries(tally).map(([what, n]) => `${n} ${what}`).join(", ")}; ${sent.length} without answer`)
for (const [kind, list] of problems) {
	console.log(`${kind}: ${list.length}`)
	for (const one of list.slice(0, 20)) console.log(`    ${one}`)
}
process.exitCode = problems.size || sent.length ? 1 : 0
