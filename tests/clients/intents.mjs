// The steps of the tests of intents, on nats.js: what a login does with streams, buckets and services.
//
// Every step answers with `got`: a text that shows that the action worked. intents.py does the same.

import { AckPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";

const MS = 10_000;

const streams = (connection, prefix) =>
  jetstream(connection, { timeout: MS, ...(prefix && { apiPrefix: prefix }) });
const manager = (connection) => jetstreamManager(connection, { checkAPI: false, timeout: MS });
const open = (connection, bucket) =>
  new Kvm(streams(connection)).open(bucket, { allow_direct: true, timeout: MS });

async function first(messages) {
  for await (const message of messages) return message;
  throw new Error("no message");
}

export const intents = {
  async store(connection, { subject }) {
    return { got: (await streams(connection).publish(subject, "stored")).stream };
  },

  async consume(connection, { stream, consumer, prefix }) {
    const known = await streams(connection, prefix).consumers.get(stream, consumer);
    const message = await known.next({ expires: MS });
    await message.ackAck();
    return { got: message.subject };
  },

  async "consume-filtered"(connection, step) {
    const config = {
      name: step.consumer,
      durable_name: step.consumer,
      filter_subject: step.filter,
      ack_policy: AckPolicy.Explicit,
    };
    await (await manager(connection)).consumers.add(step.stream, config);
    return await intents.consume(connection, step);
  },

  async receive(connection, { stream, consumer }) {
    const pushed = await streams(connection).consumers.getPushConsumer(stream, consumer);
    const message = await first(await pushed.consume());
    message.ack();
    return { got: message.subject };
  },

  async read(connection, { stream, filter }) {
    const ordered = await streams(connection).consumers.get(stream, { filter_subjects: filter });
    const message = await first(await ordered.consume());
    return { got: message.subject };
  },

  async last(connection, { stream, subject }) {
    const message = await (await manager(connection)).direct.getMessage(stream, {
      last_by_subj: subject,
    });
    return { got: message.subject };
  },

  async get(connection, { bucket, key }) {
    return { got: (await (await open(connection, bucket)).get(key)).string() };
  },

  async put(connection, { bucket, key }) {
    await (await open(connection, bucket)).put(key, "new");
    return { got: "put" };
  },

  async create(connection, { bucket, key }) {
    await (await open(connection, bucket)).create(key, "new");
    return { got: "created" };
  },

  async watch(connection, { bucket, key }) {
    const entry = await first(await (await open(connection, bucket)).watch({ key }));
    return { got: entry.key };
  },

  // Answers requests, and sends one.
  async answer(connection, { subject, queue }) {
    const callback = (_error, message) => message.respond("answer");
    connection.subscribe(subject, { queue, callback });
    await connection.flush();
    return { got: (await connection.request(subject, "", { timeout: MS })).string() };
  },
};
