// SPDX-License-Identifier: Apache-2.0
//
// A real OAuth 2.0 token service (oidc-provider) for the system tests and the demo.
//
//   node server.mjs CERTIFICATE KEY
//
// It listens on two free loopback ports and prints, when ready, one line of JSON:
//   port        HTTPS: the token service itself (/token)
//   control     HTTP: the tests' side door, see control() below
//   issuer      what stands in the tokens
//   kid, public_key  (PEM) what a mail server needs to check the tokens' signatures
// Tokens are JWTs; the claim `email` is the one address the client is bound to.
// It ends with its standard input, so that it never outlives who started it.

import { createPublicKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import Provider from 'oidc-provider';

const AUDIENCE = 'urn:maildest:mail';

// id -> { secret, auth, email, ttl, valid, delay, padding, requests, issued }
//   ttl      seconds that the answer's expires_in announces
//   valid    seconds after which the mail server refuses the token, if other than ttl
//   delay    milliseconds before the answer leaves
//   padding  octets that make the token longer
const clients = new Map();

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
			grant_types: ['client_credentials'],
			redirect_uris: [],
			response_types: [],
			scope: 'mail',
		};
	}

	async upsert(id, value) { this.items.set(id, value); }
	async destroy(id) { this.items.delete(id); }
	async consume() {}
	async findByUid() {}
	async findByUserCode() {}
	async revokeByGrantId() {}
}

function provider(issuer, signingKey) {
	return new Provider(issuer, {
		adapter: Store,
		jwks: { keys: [signingKey] },
		scopes: ['mail'],
		clientBasedCORS: () => false,
		features: {
			devInteractions: { enabled: false },
			clientCredentials: { enabled: true },
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
			return { email, padding: padding ? 'x'.repeat(padding) : undefined };
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

// Counts requests and remembers tokens, so that tests can look for them in logs.
async function record(ctx, next) {
	await next();
	if (ctx.oidc?.route !== 'token')
		return;
	const client = clients.get(ctx.oidc.client?.clientId ?? ctx.oidc.params?.client_id);
	if (!client)
		return;
	client.requests += 1;
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
		const fresh = {
			secret: randomUUID(), auth: 'client_secret_post', ttl: 3600,
			delay: 0, padding: 0, requests: 0, issued: [],
		};
		clients.set(id, { ...fresh, ...clients.get(id), ...await body(request) });
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

const [certificate, key] = process.argv.slice(2).map((path) => readFileSync(path));
const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
const kid = randomUUID();
const signingKey = { ...pair.privateKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' };

const https = createHttps({ cert: certificate, key });
const port = await listen(https);
const issuer = `https://localhost:${port}`;
const service = provider(issuer, signingKey);
service.use(record);
service.on('server_error', (ctx, error) => console.error(error));
https.on('request', service.callback());
const controlPort = await listen(createHttp(control));

console.log(JSON.stringify({
	port,
	control: controlPort,
	issuer,
	kid,
	public_key: createPublicKey(pair.privateKey).export({ format: 'pem', type: 'spki' }),
}));
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
