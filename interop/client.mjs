// The official TypeScript SDK's client against one MCP URL: discovery, registration, authorize, consent, token,
// tools/list, tools/call, refresh. Prints one JSON object of what happened. Usage: node client.mjs '{"url":…,"who":…}'
//   url       MCP URL of the proxy
//   who       the person at the provider
//   decision  allow (default) or deny
//   call      tools to call: [{name, arguments}]
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js'
import { Browser } from './browser.mjs'

const task = JSON.parse(process.argv[2])
const back = 'http://127.0.0.1:41999/callback'
const out = { pages: [], calls: [], saved: 0 }
const seen = []

class Person {
  browser = new Browser()
  get redirectUrl () { return back }
  get clientMetadata () {
    return { client_name: 'TypeScript SDK', redirect_uris: [back], grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], token_endpoint_auth_method: 'none' }
  }

  state () { return 'state-of-the-client' }
  clientInformation () { return this.client }
  saveClientInformation (c) { this.client = c }
  tokens () { return this.kept }
  saveTokens (t) { this.kept = t; out.saved++; seen.push(t) }
  saveCodeVerifier (v) { this.verifier = v }
  codeVerifier () { return this.verifier }
  async redirectToAuthorization (url) {
    out.authorize = url.href
    const { url: end } = await this.browser.go(url.href, back, { who: task.who, decision: task.decision, pages: out.pages })
    this.answer = end
  }
}

const person = new Person()
const fresh = () => new StreamableHTTPClientTransport(new URL(task.url), { authProvider: person })
const connect = async (transport) => {
  const client = new Client({ name: 'interop', version: '1' })
  await client.connect(transport)
  return client
}

try {
  const first = fresh()
  try {
    await connect(first)
    out.error = 'connected without a token'
  } catch (err) {
    if (!(err instanceof UnauthorizedError)) throw err
  }
  const answer = person.answer
  out.returned = answer ? Object.fromEntries(answer.searchParams) : null
  if (out.returned) { out.returned.code &&= 'present' }
  if (answer?.searchParams.get('code')) {
    await first.finishAuth(answer.searchParams.get('code'))
    const client = await connect(fresh())
    out.tools = (await client.listTools()).tools.map((t) => t.name).sort()
    for (const c of task.call ?? []) {
      try {
        const r = await client.callTool(c)
        out.calls.push({ name: c.name, text: r.content?.[0]?.text })
      } catch (err) {
        out.calls.push({ name: c.name, code: err.code, data: err.data, message: err.message })
      }
    }
    await client.close()
    // An access token that is worthless makes the SDK refresh.
    person.kept = { ...person.kept, access_token: 'worthless' }
    const again = await connect(fresh())
    out.afterRefresh = (await again.listTools()).tools.length
    out.rotated = seen.length > 1 && seen.at(-1).refresh_token !== seen[0].refresh_token
    await again.close()
  }
} catch (err) {
  out.error = `${err.name}: ${err.message}`
  out.status = err.code
}
console.log(JSON.stringify(out))
process.exit(0)
