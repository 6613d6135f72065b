"""The steps of the tests of intents, on nats-py: what a login does with streams, buckets and services.

Every step answers with `got`: a text that shows that the action worked. intents.mjs does the same.
"""

from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

SECONDS = 10


class Intents:
    """A session with `self.connection`."""

    @property
    def streams(self):
        return self.streams_of({})

    def streams_of(self, step):
        prefix = step.get("prefix", "$JS.API")
        return self.connection.jetstream(timeout=SECONDS, prefix=prefix)

    async def do_store(self, step):
        stored = await self.streams.publish(step["subject"], b"stored")
        return {"got": stored.stream}

    async def do_consume(self, step):
        streams = self.streams_of(step)
        consumer = await streams.pull_subscribe_bind(step["consumer"], stream=step["stream"])
        [message] = await consumer.fetch(1, timeout=SECONDS)
        await message.ack_sync(timeout=SECONDS)
        return {"got": message.subject}

    async def do_consume_filtered(self, step):
        config = ConsumerConfig(
            name=step["consumer"],
            durable_name=step["consumer"],
            filter_subject=step["filter"],
            ack_policy=AckPolicy.EXPLICIT,
        )
        await self.connection.jsm(timeout=SECONDS).add_consumer(step["stream"], config)
        return await self.do_consume(step)

    async def do_receive(self, step):
        config = ConsumerConfig(deliver_subject=step["subject"])
        pushed = await self.streams.subscribe_bind(step["stream"], config, step["consumer"])
        message = await pushed.next_msg(timeout=SECONDS)
        await message.ack()
        return {"got": message.subject}

    async def do_read(self, step, deliver=DeliverPolicy.ALL):
        # A name makes the client put the filter into the subject of its call.
        config = ConsumerConfig(name=step["consumer"], deliver_policy=deliver)
        ordered = await self.streams.subscribe(
            step["filter"], stream=step["stream"], ordered_consumer=True, config=config
        )
        message = await ordered.next_msg(timeout=SECONDS)
        await ordered.unsubscribe()
        return {"got": message.subject}

    async def do_last(self, step):
        streams = self.connection.jsm(timeout=SECONDS)
        message = await streams.get_msg(step["stream"], subject=step["subject"], direct=True)
        return {"got": message.subject}

    async def do_get(self, step):
        bucket = await self.streams.key_value(step["bucket"])
        return {"got": (await bucket.get(step["key"])).value.decode()}

    async def do_put(self, step):
        bucket = await self.streams.key_value(step["bucket"])
        await bucket.put(step["key"], b"new")
        return {"got": "put"}

    async def do_create(self, step):
        bucket = await self.streams.key_value(step["bucket"])
        await bucket.create(step["key"], b"new")
        return {"got": "created"}

    async def do_watch(self, step):
        # The client's own watch puts no filter into its call.
        bucket = step["bucket"]
        entries = {
            "stream": f"KV_{bucket}",
            "consumer": "watch",
            "filter": f"$KV.{bucket}.{step['key']}",
        }
        got = (await self.do_read(entries, DeliverPolicy.LAST_PER_SUBJECT))["got"]
        return {"got": got.removeprefix(f"$KV.{bucket}.")}

    async def do_answer(self, step):
        """Answers requests, and sends one."""

        async def answer(message):
            await message.respond(b"answer")

        await self.connection.subscribe(step["subject"], step.get("queue", ""), cb=answer)
        # Twice, as in client.py.
        await self.connection.flush(SECONDS)
        await self.connection.flush(SECONDS)
        reply = await self.connection.request(step["subject"], b"", timeout=SECONDS)
        return {"got": reply.data.decode()}
