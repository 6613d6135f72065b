// A NATS client for the end-to-end tests, on nats.js.
//
// Reads one JSON object from standard input, logs in, takes the steps it names, and prints one JSON object.
// Every step answers with an object; `failed` in it says that the step could not be taken. client.py does
// the same.

import { text } from "node:stream/consumers";
import { setTimeout as after } from "node:timers/promises";
import { connect } from "@nats-io/transport-node";

const CONNECT_MS = 10_000;
const REPLY_MS = 10_000;

const messageOf = (error) => error.message || error.name || String(error);

class Session {
  errors = [];

  async logIn(login) {
    this.connection = await connect({
      servers: login.url,
      user: login.user,
      pass: login.password,
      token: login.token,
      name: login.name,
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
