// SPDX-License-Identifier: Apache-2.0
//
// A real OAuth 2.0 token service (oidc-provider) for the system tests and the demo.
//
//   node server.mjs CERTIFICATE KEY AUTHORITY
//
// It listens on three free loopback ports and prints, when ready, one line of JSON:
//   port        HTTPS: the service itself (/auth and its login page, /oauth/token)
//   plain       HTTP: the same
//   control     HTTP: the tests' side door, see control() below
//   issuer      what stands in the tokens
//   kid, public_key  (PEM) what a mail server needs to check the tokens' signatures
// Access tokens are JWTs; the claim `email` is who logged in, else the one address the client is
// bound to; `tenant` is the first label of a host name of several that the request was sent to.
// A refresh token is good for one request, which gives the next one; presented again, it ends the
// whole family. Clients with certificates need one that AUTHORITY signed.
// It ends with its standard input, so that it never outlives who started it.

import { createPublicKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import Provider from 'oidc-provider';

const AUDIENCE = 'urn:maildest:mail';
const SCOPE = 'openid offline_access mail';

// What a client is until a test says otherwise.
const fresh = () => ({
	secret: randomUUID(),
	auth: 'client_secret_post',
	subject: undefined, // with auth tls_client_auth: the distinguished name in its certificate
	redirects: ['https://client.example.com/callback'],
	ttl: 3600, // seconds that the answer's expires_in announces
	valid: undefined, // seconds after which the mail server refuses the token, if other than ttl
	codeTtl: 600, // seconds that a code is good for
	delay: 0, // milliseconds before the answer leaves
	padding: 0, // octets that make the token longer
	requests: 0, // how many token requests there were, and for each:
	asked: [], // { grant, host, answer: the error if it was refused }
	issued: [], // every token and code that it was given, oldest first
	revoked: 0, // how many of its families of tokens have been ended
});

const clients = new Map(); // id -> as above

class Store {
	constructor(name) {
		this.name = name;
		this.items = new Map();
	}

	async find(id) {
		if (this.name !== 'Client')
			return this.items.get(id);
		const client = clients.get(id);
		return client && {
			client_id: id,
			client_secret: client.secret,
			token_endpoint_auth_method: client.auth,
			tls_client_auth_subject_dn: client.subject,
			grant_types: ['client_credentials', 'authorization_code', 'refresh_token'],
			redirect_uris: client.redirects,
			response_types: ['code'],
			scope: SCOPE,
		};
	}

	async upsert(id, value) { this.items.set(id, value); }
	async destroy(id) { this.items.delete(id); }
	async consume(id) { this.items.get(id).consumed = true; }
	async findByUid(uid) { return [...this.items.values()].find((item) => item.uid === uid); }
	async findByUserCode() {}

	async revokeByGrantId(grant) {
		for (const [id, item] of this.items) {
			if (item.grantId === grant)
				this.items.delete(id);
		}
	}
}

// tenant-a of tenant-a.localhost
function tenant(host) {
	const [label, ...rest] = host.split('.');
	return rest.length ? label : undefined;
}

function provider(issuer, signingKey) {
	return new Provider(issuer, {
		adapter: Store,
		jwks: { keys: [signingKey] },
		scopes: SCOPE.split(' '),
		clientBasedCORS: () => false,
		clientAuthMethods: ['client_secret_post', 'client_secret_basic', 'tls_client_auth'],
		routes: { token: '/oauth/token' },
		pkce: { required: () => false, methods: ['S256'] },
		findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
		cookies: { keys: [randomUUID()] },
		rotateRefreshToken: true,
		ttl: {
			AuthorizationCode: (ctx, code, client) => clients.get(client.clientId).codeTtl,
			Grant: 86400, IdToken: 3600, Interaction: 600, RefreshToken: 86400, Session: 600,
		},
		features: {
			devInteractions: { enabled: true },
			clientCredentials: { enabled: true },
			mTLS: {
				enabled: true,
				tlsClientAuth: true,
				getCertificate: (ctx) => ctx.socket.getPeerX509Certificate?.(),
				certificateAuthorized: (ctx) => ctx.socket.authorized,
				certificateSubjectMatches: (ctx, property, expected) =>
					property === 'tls_client_auth_subject_dn' &&
					ctx.socket.getPeerX509Certificate().subject === expected,
			},
			resourceIndicators: {
				enabled: true,
				defaultResource: () => AUDIENCE,
				useGrantedResource: () => true,
				getResourceServerInfo: (ctx, resource, client) => ({
					scope: 'mail',
					audience: resource,
					accessTokenTTL: clients.get(client.clientId).ttl,
					accessTokenFormat: 'jwt',
					jwt: { sign: { alg: 'RS256', kid: signingKey.kid } },
				}),
			},
		},
		extraTokenClaims: (ctx, token) => {
			const { email, padding } = clients.get(token.clientId);
			return {
				email: token.accountId ?? email,
				tenant: tenant(ctx.hostname),
				padding: padding ? 'x'.repeat(padding) : undefined,
			};
		},
		formats: {
			customizers: {
				jwt: (ctx, token, parts) => {
					const { valid } = clients.get(token.clientId);
					// Dovecot 2.3 takes no other type than plain "JWT".
					parts.header = { typ: 'JWT' };
					if (valid !== undefined)
						parts.payload.exp = parts.payload.iat + valid;
				},
			},
		},
	});
}

// Remembers codes, tokens and their end, so that tests can look for them in logs.
function watch(service) {
	const remember = (token) => clients.get(token.clientId).issued.push(token.jti);
	service.on('authorization_code.saved', remember);
	service.on('refresh_token.saved', remember);
	service.on('grant.revoked', (ctx) => { clients.get(ctx.oidc.client.clientId).revoked += 1; });
	service.on('server_error', (ctx, error) => console.error(error));
}

async function record(ctx, next) {
	await next();
	if (ctx.oidc?.route !== 'token')
		return;
	const client = clients.get(ctx.oidc.client?.clientId ?? ctx.oidc.params?.client_id);
	if (!client)
		return;
	client.requests += 1;
	client.asked.push({
		grant: ctx.oidc.params?.grant_type, host: ctx.hostname,
		answer: ctx.body?.error,
	});
	if (ctx.body?.access_token)
		client.issued.push(ctx.body.access_token);
	await sleep(client.delay);
}

async function body(request) {
	const chunks = [];
	for await (const chunk of request)
		chunks.push(chunk);
	return JSON.parse(Buffer.concat(chunks).toString() || '{}');
}

// PUT /ID creates or changes a client, GET /ID tells its state.
async function control(request, response) {
	const id = decodeURIComponent(request.url.slice(1));
	if (request.method === 'PUT') {
		clients.set(id, { ...fresh(), ...clients.get(id), ...await body(request) });
	}
	const client = clients.get(id);
	response.writeHead(client ? 200 : 404, { 'content-type': 'application/json' });
	response.end(JSON.stringify(client ?? {}));
}

function listen(server) {
	return new Promise((resolve) => {
		server.listen(0, '127.0.0.1', () => resolve(server.address().port));
	});
}

const [cert, key, ca] = process.argv.slice(2).map((path) => readFileSync(path));
const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
const kid = randomUUID();
const signingKey = { ...pair.privateKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' };

// Whoever shows a certificate is looked at by the client's own way to authenticate.
const https = createHttps({ cert, key, ca, requestCert: true, rejectUnauthorized: false });
const port = await listen(https);
const issuer = `https://localhost:${port}`;
const service = provider(issuer, signingKey);
service.use(record);
watch(service);
https.on('request', service.callback());

console.log(JSON.stringify({
	port,
	plain: await listen(createHttp(service.callback())),
	control: await listen(createHttp(control)),
	issuer,
	kid,
	public_key: createPublicKey(pair.privateKey).export({ format: 'pem', type: 'spki' }),
}));
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
