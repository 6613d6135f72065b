// An OpenID provider for the end-to-end tests, on oidc-provider.
//
// Listens on a port of its own choice, prints `{"issuer": …}`, then reads one JSON command a line from standard input
// and answers each with one line. `failed` in an answer says that the command could not be carried out. Ends when
// standard input does.

import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import Provider from "oidc-provider";

const CLIENT = { id: "service", secret: "service-secret" };
const PAGE = "https://app.example/signed-in";
const HOUR = 3600;

// What the next token says and how long it lasts, in seconds.
let claims = {};
let lifetime = HOUR;

// The keys that are published, the one that signs first.
let keys = [];
// How often the keys, and the configuration, were fetched.
const fetches = { keys: 0, configuration: 0 };
// Whether the provider answers at all.
let down = false;

let provider;

function newKey(kid, algorithm) {
  const kind = { RS256: ["rsa", { modulusLength: 2048 }], ES256: ["ec", { namedCurve: "P-256" }], EdDSA: ["ed25519", {}] };
  const { privateKey } = generateKeyPairSync(...kind[algorithm]);
  return { ...privateKey.export({ format: "jwk" }), kid, use: "sig", alg: algorithm };
}

// A provider's keys are fixed when it is made: another set takes another provider at the same address.
function serve(issuer) {
  const algorithm = keys[0].alg;
  provider = new Provider(issuer, {
    jwks: { keys },
    clients: [
      {
        client_id: CLIENT.id,
        client_secret: CLIENT.secret,
        grant_types: ["client_credentials", "authorization_code"],
        redirect_uris: [PAGE],
        token_endpoint_auth_method: "client_secret_basic",
        id_token_signed_response_alg: algorithm,
      },
    ],
    cookies: { keys: [randomBytes(16).toString("hex")] },
    // The claims stand in the ID token itself, as with the providers that people run.
    conformIdTokenClaims: false,
    scopes: ["openid", "nats"],
    claims: { openid: ["sub"], nats: ["email", "roles", "groups", "scope", "clearance"] },
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, ...claims }) }),
    extraTokenClaims: () => claims,
    ttl: {
      ...{ ClientCredentials: () => lifetime, AccessToken: () => lifetime, IdToken: () => lifetime },
      ...{ Interaction: HOUR, Grant: HOUR, Session: HOUR },
    },
    interactions: { url: (_context, interaction) => `/sign-in/${interaction.uid}` },
    // Whoever signed in has agreed to everything.
    async loadExistingGrant({ oidc }) {
      const grant = new oidc.provider.Grant({ accountId: oidc.session.accountId, clientId: oidc.client.clientId });
      grant.addOIDCScope("openid nats");
      await grant.save();
      return grant;
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, resource) => ({
          scope: "",
          audience: resource,
          accessTokenFormat: "jwt",
          accessTokenTTL: lifetime,
          jwt: { sign: { alg: algorithm, kid: keys[0].kid } },
        }),
      },
    },
  });
}

async function answerRequest(request, response) {
  const { pathname } = new URL(request.url, "http://127.0.0.1");
  if (down) {
    response.writeHead(503).end();
  } else if (pathname.startsWith("/sign-in/")) {
    await provider.interactionFinished(request, response, { login: { accountId: "alice" } });
  } else {
    if (pathname === "/jwks") fetches.keys += 1;
    if (pathname === "/.well-known/openid-configuration") fetches.configuration += 1;
    await provider.callback()(request, response);
  }
}

async function tokens(issuer, form) {
  const basic = Buffer.from(`${CLIENT.id}:${CLIENT.secret}`).toString("base64");
  const response = await fetch(`${issuer}/token`, {
    method: "POST",
    headers: { authorization: `Basic ${basic}` },
    body: new URLSearchParams(form),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(JSON.stringify(answer));
  return answer;
}

// What a browser does: follows redirects with its cookies until it is sent back to the page that asked.
async function signIn(issuer) {
  const verifier = randomBytes(32).toString("base64url");
  const challenge = createHash("sha256").update(verifier).digest("base64url");
  const query = new URLSearchParams({
    client_id: CLIENT.id,
    redirect_uri: PAGE,
    response_type: "code",
    scope: "openid nats",
    code_challenge: challenge,
    code_challenge_method: "S256",
  });
  const cookies = new Map();
  let url = `${issuer}/auth?${query}`;
  for (let hop = 0; !url.startsWith(PAGE); hop += 1) {
    if (hop > 10) throw new Error(`still not signed in at ${url}`);
    const cookie = [...cookies].map((pair) => pair.join("=")).join("; ");
    const response = await fetch(url, { redirect: "manual", headers: { cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      cookies.set(name, value);
    }
    const next = response.headers.get("location");
    if (!next) throw new Error(`no redirect from ${url}: ${response.status} ${await response.text()}`);
    url = new URL(next, url).href;
  }
  const code = new URL(url).searchParams.get("code");
  return { code, verifier };
}

async function carryOut(issuer, command) {
  claims = command.claims ?? claims;
  lifetime = command.lifetime ?? lifetime;
  switch (command.do) {
    case "client-credentials": {
      const form = { grant_type: "client_credentials", resource: command.audience };
      return { token: (await tokens(issuer, form)).access_token };
    }
    case "authorization-code": {
      const { code, verifier } = await signIn(issuer);
      const form = { grant_type: "authorization_code", code, redirect_uri: PAGE, code_verifier: verifier };
      return { token: (await tokens(issuer, form)).id_token };
    }
    case "rotate":
      keys = [newKey(command.kid, command.algorithm), ...(command.keep ? keys : [])];
      serve(issuer);
      return {};
    case "fetches":
      return fetches;
    case "down":
      down = true;
      return {};
    case "up":
      down = false;
      return {};
    default:
      throw new Error(`unknown command \`${command.do}\``);
  }
}

const server = createServer((request, response) => {
  answerRequest(request, response).catch((error) => {
    console.error(error);
    response.writeHead(500).end();
  });
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const issuer = `http://127.0.0.1:${server.address().port}`;
keys = [newKey("first", "RS256")];
serve(issuer);
console.log(JSON.stringify({ issuer }));

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = await carryOut(issuer, JSON.parse(line));
  } catch (error) {
    answer = { failed: error.message };
  }
  console.log(JSON.stringify(answer));
}
server.close();
server.closeAllConnections();
