// A NATS client for the end-to-end tests, on nats.js.
//
// Reads one JSON object from standard input, logs in, takes the steps it names, and prints one JSON object.
// Every step answers with an object; `failed` in it says that the step could not be taken. client.py does
// the same.

import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { setTimeout as after } from "node:timers/promises";
import { connect, credsAuthenticator, nkeyAuthenticator, wsconnect } from "@nats-io/transport-node";
import { WebSocket } from "ws";

import { intents } from "./intents.mjs";

const CONNECT_MS = 10_000;
const REPLY_MS = 10_000;

const messageOf = (error) => error.message || error.name || String(error);

const bytes = (text) => new TextEncoder().encode(text);

// What proves who the client is, where a signature does. `nkey` is what the client presents instead of the
// key that signs.
function authenticator(login) {
  if (login.credentials) return credsAuthenticator(bytes(login.credentials));
  if (!login.seed) return undefined;
  const sign = nkeyAuthenticator(bytes(login.seed));
  return (nonce) => ({ ...sign(nonce), ...(login.nkey && { nkey: login.nkey }) });
}

// How a client gets to the server: over TCP or TLS, or over WebSocket with cookies as a browser sends them.
function transport(login) {
  const { authority, certificate, key } = login.tls ?? {};
  if (!login.url.startsWith("ws")) {
    const tls = login.tls && { caFile: authority, certFile: certificate, keyFile: key };
    return [connect, { tls }];
  }
  const read = (file) => file && readFileSync(file);
  const cookies = Object.entries(login.cookies ?? {}).map(([name, value]) => `${name}=${value}`);
  const options = {
    headers: cookies.length > 0 ? { Cookie: cookies.join("; ") } : {},
    ca: read(authority),
    cert: read(certificate),
    key: read(key),
  };
  const wsFactory = async (url) => ({
    socket: new WebSocket(url, options),
    encrypted: url.startsWith("wss:"),
  });
  return [wsconnect, { wsFactory }];
}

class Session {
  errors = [];

  async logIn(login) {
    const [open, how] = transport(login);
    this.connection = await open({
      ...how,
      authenticator: authenticator(login),
      servers: login.url,
      user: login.user,
      pass: login.password,
      token: login.token,
      name: login.name,
      inboxPrefix: login["inbox-prefix"],
      reconnect: false,
      timeout: CONNECT_MS,
    });
    this.watch();
  }

  async watch() {
    for await (const status of this.connection.status()) {
      if (status.type === "error") this.errors.push(messageOf(status.error));
    }
  }

  async take(step) {
    switch (step.do) {
      case "user-info":
        return { info: JSON.parse(await this.request("$SYS.REQ.USER.INFO", "")).data };
      case "publish":
        this.connection.publish(step.subject, step.payload ?? "");
        return await this.refusal();
      case "subscribe":
        this.connection.subscribe(step.subject, { queue: step.queue, callback: () => {} });
        return await this.refusal();
      case "request":
        return { reply: await this.request(step.subject, step.payload ?? "") };
      case "expect-closed":
        return await this.expectClosed(step.seconds);
      default:
        if (Object.hasOwn(intents, step.do)) return await intents[step.do](this.connection, step);
        throw new Error(`unknown step \`${step.do}\``);
    }
  }

  async request(subject, payload) {
    const reply = await this.connection.request(subject, payload, { timeout: REPLY_MS });
    return reply.string();
  }

  async expectClosed(seconds) {
    const late = new AbortController();
    const closed = this.connection.closed().then((error) => {
      late.abort();
      if (error) this.errors.push(messageOf(error));
      return { closed: true, errors: this.errors };
    });
    const timeout = after(seconds * 1000, { closed: false }, { signal: late.signal });
    return await Promise.race([closed, timeout.catch(() => closed)]);
  }

  // The error that the last operation caused, once the server has seen it.
  async refusal() {
    const known = this.errors.length;
    await this.connection.flush();
    await new Promise(setImmediate); // Let `watch` take what arrived before the answer to the flush.
    const fresh = this.errors.slice(known);
    return fresh.length > 0 ? { refused: fresh[0] } : { accepted: true };
  }
}

async function main() {
  const login = JSON.parse(await text(process.stdin));
  const session = new Session();
  try {
    await session.logIn(login);
  } catch (error) {
    return { connected: false, errors: [messageOf(error)] };
  }
  const results = [];
  for (const step of login.steps ?? []) {
    try {
      results.push(await session.take(step));
    } catch (error) {
      results.push({ failed: messageOf(error) });
    }
  }
  await session.connection.close();
  return { connected: true, results };
}

console.log(JSON.stringify(await main()));
