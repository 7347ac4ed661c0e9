// OpenID issuers for tests, all honest, each known by the host that it is asked for. A line of JSON on standard input opens or closes one, and is answered by a line.
// It ends when standard input does, which also happens when the tests are killed.
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'

for (const name of ['log', 'info', 'warn', 'error']) console[name] = (...words) => process.stderr.write(words.join(' ') + '\n') // standard output is for answers

const { Provider, interactionPolicy } = await import('oidc-provider')
const { Check, base } = interactionPolicy
const issuers = new Map()

// policy asks everybody to sign in, every time: a browser may be used by several people.
function policy() {
  const prompts = base()
  prompts.get('login').checks.add(new Check('everybody', 'whoever comes signs in', (ctx) => (ctx.oidc.result?.login ? Check.NO_NEED_TO_PROMPT : Check.REQUEST_PROMPT)))
  return prompts
}

// open begins an issuer in place of the one of that host, if there was one; that one's accounts stay.
function open({ host, url, keys, algorithm, client, routes, scopes, claims, atUserInfo }) {
  const accounts = issuers.get(host)?.accounts ?? new Map()
  const provider = new Provider(url, {
    jwks: { keys },
    routes,
    scopes: ['openid', ...scopes],
    claims: { openid: ['sub', 'azp'], ...claims },
    conformIdTokenClaims: atUserInfo,
    clients: [{
      client_id: client.id, client_secret: client.secret, redirect_uris: client.redirects, response_types: ['code'], grant_types: ['authorization_code'],
      token_endpoint_auth_method: client.method, id_token_signed_response_alg: algorithm,
    }],
    cookies: { keys: [client.secret] },
    features: { devInteractions: { enabled: false } },
    pkce: { required: () => false },
    interactions: { policy: policy(), url: (_, interaction) => `/interaction/${interaction.uid}` },
    ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
    findAccount: (_, subject) => ({ accountId: subject, claims: () => ({ ...accounts.get(subject), sub: subject }) }),
    // Nobody is asked whether an app may know what it asks for.
    async loadExistingGrant(ctx) {
      const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId })
      grant.addOIDCScope(ctx.oidc.params.scope)
      await grant.save()
      return grant
    },
  })
  provider.proxy = true
  issuers.set(host, { provider, accounts, answer: provider.callback() })
}

// interact signs in whom the request names, or goes back as somebody who has changed their mind.
async function interact({ provider, accounts }, request, response) {
  const who = JSON.parse(Buffer.from(request.headers['x-issuertest-account'], 'base64').toString())
  if (!who.sub) return provider.interactionFinished(request, response, { error: 'access_denied', error_description: 'the person said no' })
  accounts.set(who.sub, who)
  return provider.interactionFinished(request, response, { login: { accountId: who.sub } }, { mergeWithLastSubmission: false })
}

const server = createServer(async (request, response) => {
  const issuer = issuers.get(request.headers.host)
  try {
    if (!issuer) throw new Error(`nobody is called ${request.headers.host}`)
    if (request.url.startsWith('/interaction/')) return await interact(issuer, request, response)
    return await issuer.answer(request, response)
  } catch (error) {
    console.error(error.stack)
    response.writeHead(500).end(`${error.name}: ${error.error_description ?? error.message}`)
  }
})

function obey(line) {
  const asked = JSON.parse(line)
  try {
    if (asked.close) issuers.delete(asked.host)
    else open(asked)
    return {}
  } catch (error) {
    return { error: `${error.message} ${error.error_description ?? ''}` }
  }
}

server.listen(0, '127.0.0.1', () => {
  const say = (answer) => process.stdout.write(JSON.stringify(answer) + '\n')
  say({ port: server.address().port })
  createInterface({ input: process.stdin }).on('line', (line) => say(obey(line))).on('close', () => process.exit(0))
})
