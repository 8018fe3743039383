// An OpenID provider for the tests: oidc-provider with a few people, a groups claim, refresh tokens that rotate, and a
// login page of one form that a script can fill in. Usage: node provider.mjs PORT CALLBACK
import http from 'node:http'
import { Provider } from 'oidc-provider'

const [port, callback] = [Number(process.argv[2]), process.argv[3]]
const issuer = `http://127.0.0.1:${port}`

const people = {
  alice: { email: 'alice@example.com', email_verified: true, name: 'Alice', groups: ['eng', 'data'] },
  bob: { email: 'bob@example.com', email_verified: true, name: 'Bob', groups: ['eng'] },
  mallory: { email: 'mallory@elsewhere.test', email_verified: true, name: 'Mallory', groups: [] },
  // Says that she is Alice, and nobody has checked it.
  eve: { email: 'alice@example.com', email_verified: false, name: 'Eve', groups: [] },
}

const provider = new Provider(issuer, {
  clients: [{
    client_id: 'gatehouse', client_secret: 'a secret of thirty-two bytes, or more', redirect_uris: [callback],
    grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], scope: 'openid profile email groups offline_access',
  }],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] },
  scopes: ['openid', 'profile', 'email', 'groups', 'offline_access'],
  conformIdTokenClaims: false,
  findAccount: (_, id) => people[id] && { accountId: id, claims: () => ({ sub: id, ...people[id] }) },
  issueRefreshToken: async (_, client) => client.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: true,
  pkce: { required: () => true },
  features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: false } },
  interactions: { url: (_, interaction) => `/login/${interaction.uid}` },
  cookies: { keys: ['for tests only'] },
  ttl: { AccessToken: 3600, IdToken: 3600, Interaction: 600, Session: 3600, Grant: 86400, RefreshToken: 86400 },
})

// grant agrees to everything: the consent that matters in these tests is gatehouse's.
async function grant (details, accountId) {
  const g = details.grantId ? await provider.Grant.find(details.grantId) : new provider.Grant({ accountId, clientId: details.params.client_id })
  g.addOIDCScope(details.params.scope)
  return g.save()
}

async function login (req, res) {
  const details = await provider.interactionDetails(req, res)
  if (details.prompt.name === 'consent') {
    const result = { consent: { grantId: await grant(details, details.session.accountId) } }
    return provider.interactionFinished(req, res, result, { mergeWithLastSubmission: true })
  }
  if (req.method !== 'POST') {
    res.setHeader('Content-Type', 'text/html; charset=utf-8')
    return res.end(`<!doctype html><html lang="en"><title>Sign in</title><h1>Provider</h1>
<form method="post" action="/login/${details.uid}"><label>Name <input name="who" autofocus></label><button type="submit">Sign in</button></form>`)
  }
  let body = ''
  for await (const chunk of req) body += chunk
  const who = new URLSearchParams(body).get('who')
  if (!people[who]) {
    res.statusCode = 403
    return res.end('nobody of this name')
  }
  const result = { login: { accountId: who }, consent: { grantId: await grant(details, who) } }
  return provider.interactionFinished(req, res, result, { mergeWithLastSubmission: false })
}

// Every sign-in first makes a detour over a third origin, as providers do that ask another provider.
const detour = `http://localhost:${port}`
const answer = provider.callback()
const server = http.createServer((req, res) => {
  if (req.url.startsWith('/auth?') && !req.url.endsWith('&been=there')) {
    const from = req.headers.host === new URL(detour).host
    res.writeHead(302, { location: from ? `${issuer}${req.url}&been=there` : `${detour}${req.url}` })
    return res.end()
  }
  if (!req.url.startsWith('/login/')) return answer(req, res)
  login(req, res).catch((err) => {
    console.error(err)
    res.statusCode = 500
    res.end('error')
  })
})
server.listen(port, '127.0.0.1', () => console.log(`ready ${issuer}`))
