// Clicks through the pages once in Chromium, as a person would, and fails on any violation of the pages' own
// Content-Security-Policy. Usage: node pages.mjs '{"chromium":…,"url":…,"who":…,"decision":…,"width":…,"dark":…,"again":…,"address":…}'
// Prints one JSON object: the pages seen, what came back to the loopback client, violations.
import http from 'node:http'
import crypto from 'node:crypto'
import { chromium } from 'playwright-core'

const task = JSON.parse(process.argv[2])
const out = { pages: [], violations: [], returned: null }

// The client: a listener on loopback, as native apps have one.
let arrived
let returned = new Promise((resolve) => { arrived = resolve })
const client = http.createServer((req, res) => {
  res.setHeader('Content-Type', 'text/html')
  res.end('<!doctype html><title>client</title><p>done')
  if (req.url.startsWith('/callback')) arrived(Object.fromEntries(new URL(req.url, 'http://x').searchParams))
})
await new Promise((resolve) => client.listen(0, task.address ?? '127.0.0.1', resolve))
const back = `http://${task.address ? `[${task.address}]` : '127.0.0.1'}:${client.address().port}/callback`

const json = async (url, init) => (await fetch(url, init)).json()
const challenge = (await fetch(task.url, {
  method: 'POST', headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }, body: '{}',
})).headers.get('www-authenticate')
const resource = await json(/resource_metadata="([^"]+)"/.exec(challenge)[1])
const issuer = new URL(resource.authorization_servers[0])
const path = issuer.pathname === '/' ? '' : issuer.pathname
const server = await json(`${issuer.origin}/.well-known/oauth-authorization-server${path}`)
const registered = await json(server.registration_endpoint, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ client_name: 'Chromium <b>test</b>', redirect_uris: [back], token_endpoint_auth_method: 'none' }),
})
const verifier = crypto.randomBytes(32).toString('base64url')
const authorize = new URL(server.authorization_endpoint)
authorize.search = new URLSearchParams({
  response_type: 'code', client_id: registered.client_id, redirect_uri: back, state: 'st', resource: resource.resource,
  code_challenge: crypto.createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256',
}).toString()

const browser = await chromium.launch({
  executablePath: task.chromium,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
})
try {
  const context = await browser.newContext({ viewport: { width: task.width ?? 1024, height: 900 }, colorScheme: task.dark ? 'dark' : 'light' })
  const page = await context.newPage()
  page.setDefaultTimeout(20000)
  page.on('console', (m) => { if (/content security policy|refused to|violat/i.test(m.text())) out.violations.push(m.text()) })
  await page.exposeFunction('violated', (v) => out.violations.push(v))
  await page.addInitScript(() => document.addEventListener('securitypolicyviolation', (e) => window.violated(`${e.violatedDirective} ${e.blockedURI}`)))
  const note = async () => out.pages.push(await page.evaluate(() => ({
    url: location.href,
    h1: [...document.querySelectorAll('h1')].map((h) => h.textContent),
    text: document.body.innerText,
    styled: document.styleSheets.length === 1 && getComputedStyle(document.body).margin === '0px',
    ground: getComputedStyle(document.body).backgroundColor,
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    focused: document.activeElement === document.body ? '' : document.activeElement.outerHTML,
    small: [...document.querySelectorAll('body *')].filter((e) => e.innerText && parseFloat(getComputedStyle(e).fontSize) < 16).map((e) => e.tagName),
  })))

  // Pages go on by themselves, so the client hears of it while the browser is still on its way.
  const settled = async (answer) => {
    if (answer !== null && typeof answer === 'object') await page.waitForURL((u) => u.href.startsWith(back))
    await page.waitForLoadState()
  }

  const first = await page.goto(authorize.href)
  out.csp = first.headers()['content-security-policy']
  await note()
  if (task.screenshot) await page.screenshot({ path: task.screenshot, fullPage: true })
  // The first control that the keyboard reaches and that decides is Cancel.
  for (let i = 0; i < 20 && !out.firstDecision; i++) {
    await page.keyboard.press('Tab')
    out.firstDecision = await page.evaluate(() => document.activeElement.name === 'decision' ? document.activeElement.value : '')
  }
  if (task.decision === 'deny') {
    await page.getByRole('button', { name: 'Cancel' }).click()
  } else {
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.getByLabel('Name').fill(task.who)
    await page.getByRole('button', { name: 'Sign in' }).click()
  }
  const end = await Promise.race([returned, page.getByRole('heading', { name: 'not admitted' }).waitFor().then(() => null), new Promise((resolve) => setTimeout(resolve, 20000, 'nothing came back'))])
  await settled(end)
  await note()
  if (end === null) {
    const link = page.getByRole('link', { name: /^Back to/ })
    if (await link.count()) {
      await link.click()
      out.returned = await Promise.race([returned, new Promise((resolve) => setTimeout(resolve, 20000, 'nothing came back'))])
    }
  } else {
    out.returned = end
  }
  if (out.returned?.code) out.returned.code = 'present'

  // Once more in the same browser. The provider knows the person and answers at once, so Allow leads over three origins
  // back to the client without anything to press. Chromium applies form-action to the whole chain behind a form.
  if (task.again) {
    returned = new Promise((resolve) => { arrived = resolve })
    await page.goto(authorize.href)
    await note()
    await page.getByRole('button', { name: 'Allow' }).click()
    out.again = await Promise.race([returned, new Promise((resolve) => setTimeout(resolve, 20000, 'nothing came back'))])
    await settled(out.again)
    if (out.again.code) out.again.code = 'present'
  }
  await page.evaluate(() => 0) // what the page reported before has arrived now
} catch (err) {
  out.error = String(err)
} finally {
  await browser.close()
  client.close()
}
console.log(JSON.stringify(out))
process.exit(0)
