// A person's browser without a screen: cookies per origin, redirects followed one by one, forms filled in. It stops at
// the client's redirect URI and hands that URL back.

export class Browser {
  cookies = new Map() // host -> Map(name -> value); cookies know no ports

  async get (url) { return this.#send('GET', url) }

  async #send (method, url, form) {
    const headers = { accept: 'text/html', 'sec-fetch-site': this.origin === new URL(url).origin ? 'same-origin' : 'cross-site' }
    if (method === 'GET' && this.origin === undefined) headers['sec-fetch-site'] = 'none'
    const jar = this.cookies.get(new URL(url).hostname)
    if (jar?.size) headers.cookie = [...jar].map(([k, v]) => `${k}=${v}`).join('; ')
    if (method === 'POST') {
      headers['content-type'] = 'application/x-www-form-urlencoded'
      headers.origin = this.origin
    }
    const res = await fetch(url, { method, headers, body: form && new URLSearchParams(form).toString(), redirect: 'manual' })
    for (const line of res.headers.getSetCookie()) this.#keep(new URL(url).hostname, line)
    return res
  }

  #keep (host, line) {
    const [pair, ...attributes] = line.split(';').map((s) => s.trim())
    const at = pair.indexOf('=')
    if (!this.cookies.has(host)) this.cookies.set(host, new Map())
    const gone = attributes.some((a) => /^max-age=(0|-\d+)$/i.test(a) || /^expires=Thu, 01 Jan 1970/i.test(a))
    if (gone) this.cookies.get(host).delete(pair.slice(0, at))
    else this.cookies.get(host).set(pair.slice(0, at), pair.slice(at + 1))
  }

  // go follows url until it leads to back, answering the forms it meets: decision on the consent page, who at the
  // provider. Every page met is noted in pages.
  async go (url, back, { who, decision = 'allow', pages = [] }) {
    let res = await this.get(url)
    for (let hops = 0; hops < 30; hops++) {
      this.origin = new URL(url).origin
      if (res.status >= 300 && res.status < 400) {
        url = new URL(res.headers.get('location'), url).href
        if (url.startsWith(back)) return { url: new URL(url), pages }
        res = await this.#send('GET', url)
        continue
      }
      const html = await res.text()
      const page = { url, status: res.status, title: /<h1[^>]*>(.*?)<\/h1>/s.exec(html)?.[1].replace(/<[^>]*>/g, '') ?? '', csp: res.headers.get('content-security-policy') }
      pages.push(page)
      const form = /<form method="post" action="([^"]*)"[\s\S]*?<\/form>/.exec(html)
      if (!form) {
        const link = /<a class="button[^"]*" href="([^"]*)"/.exec(html)
        if (!link) return { url: null, pages }
        url = new URL(unescape(link[1]), url).href
        if (url.startsWith(back)) return { url: new URL(url), pages }
        res = await this.#send('GET', url)
        continue
      }
      const fields = {}
      for (const [input] of form[0].matchAll(/<input[^>]*>/g)) {
        fields[/name="([^"]*)"/.exec(input)[1]] = unescape(/value="([^"]*)"/.exec(input)?.[1] ?? '')
      }
      if ('who' in fields) fields.who = who
      else fields.decision = decision
      url = new URL(unescape(form[1]), url).href
      res = await this.#send('POST', url, fields)
    }
    throw new Error('redirected in a circle')
  }
}

function unescape (s) {
  return s.replace(/&#(\d+);/g, (_, n) => String.fromCodePoint(n)).replace(/&quot;/g, '"').replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&')
}
