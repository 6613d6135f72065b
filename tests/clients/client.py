"""A NATS client for the end-to-end tests, on nats-py.

Reads one JSON object from standard input, logs in, takes the steps it names, and prints one JSON object.
Every step answers with an object; `failed` in it says that the step could not be taken. client.mjs does the same.
"""

import asyncio
import json
import ssl
import sys

import nats
from nats.aio.client import RawCredentials

from intents import Intents

CONNECT_SECONDS = 10
REPLY_SECONDS = 10


class Session(Intents):
    """One connection and what went wrong on it."""

    def __init__(self):
        self.errors = []
        self.closed = asyncio.Event()
        self.connection = None

    async def log_in(self, login):
        credentials = {
            key: login[key] for key in ("user", "password", "token", "name") if key in login
        }
        if "seed" in login:
            credentials["nkeys_seed_str"] = login["seed"]
        if "credentials" in login:
            credentials["user_credentials"] = RawCredentials(login["credentials"])
        if "inbox-prefix" in login:
            credentials["inbox_prefix"] = login["inbox-prefix"].encode()
        if "tls" in login:
            credentials["tls"] = tls_context(login["tls"])
        self.connection = await nats.connect(
            login["url"],
            allow_reconnect=False,
            connect_timeout=CONNECT_SECONDS,
            error_cb=self.on_error,
            closed_cb=self.on_closed,
            **credentials,
        )

    async def on_error(self, error):
        self.errors.append(str(error))

    async def on_closed(self):
        self.closed.set()

    async def take(self, step):
        return await getattr(self, "do_" + step["do"].replace("-", "_"))(step)

    async def do_user_info(self, _step):
        reply = await self.connection.request("$SYS.REQ.USER.INFO", timeout=REPLY_SECONDS)
        return {"info": json.loads(reply.data)["data"]}

    async def do_publish(self, step):
        await self.connection.publish(step["subject"], step.get("payload", "").encode())
        return await self.refusal()

    async def do_subscribe(self, step):
        await self.connection.subscribe(step["subject"], step.get("queue", ""))
        return await self.refusal()

    async def do_request(self, step):
        payload = step.get("payload", "").encode()
        reply = await self.connection.request(step["subject"], payload, timeout=REPLY_SECONDS)
        return {"reply": reply.data.decode()}

    async def do_expect_closed(self, step):
        try:
            await asyncio.wait_for(self.closed.wait(), step["seconds"])
        except asyncio.TimeoutError:
            return {"closed": False}
        return {"closed": True, "errors": self.errors}

    async def refusal(self):
        """The error that the last operation caused, once the server has seen it."""
        known = len(self.errors)
        # Twice: nats-py can take the late pong of its own handshake for the answer to a flush, and
        # from then on answers every flush one pong too early.
        await self.connection.flush(REPLY_SECONDS)
        await self.connection.flush(REPLY_SECONDS)
        fresh = self.errors[known:]
        return {"refused": fresh[0]} if fresh else {"accepted": True}


def tls_context(files):
    context = ssl.create_default_context(cafile=files["authority"])
    if "certificate" in files:
        context.load_cert_chain(files["certificate"], files["key"])
    return context


async def main():
    login = json.load(sys.stdin)
    session = Session()
    try:
        await asyncio.wait_for(session.log_in(login), CONNECT_SECONDS)
    except Exception as error:  # Whatever it is, the test wants to see it.
        said = session.errors or [str(error) or type(error).__name__]
        return {"connected": False, "errors": said}
    results = []
    for step in login.get("steps", []):
        try:
            results.append(await session.take(step))
        except Exception as error:
            results.append({"failed": str(error) or type(error).__name__})
    await session.connection.close()
    return {"connected": True, "results": results}


print(json.dumps(asyncio.run(main())))
