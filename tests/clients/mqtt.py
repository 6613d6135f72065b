"""An MQTT client for the end-to-end tests, on paho-mqtt.

Reads the same JSON object as client.py and prints the same one; the connection's name is its MQTT client id.
"""

import json
import queue
import sys
from urllib.parse import urlsplit

from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

CONNECT_SECONDS = 10
REPLY_SECONDS = 10


class Session:
    """One connection, and what the server said on it."""

    def __init__(self, login):
        self.said = queue.Queue()
        self.client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=login["name"],
            clean_session=True,
            protocol=MQTTv311,
            reconnect_on_failure=False,
        )
        self.client.on_connect = lambda _client, _data, _flags, code, _properties: self.said.put(code)
        self.client.on_subscribe = lambda _client, _data, _id, codes, _properties: self.said.put(codes[0])
        self.client.on_message = lambda _client, _data, message: self.said.put(message.payload.decode())
        if "user" in login:
            self.client.username_pw_set(login["user"], login.get("password"))
        if "tls" in login:
            files = login["tls"]
            self.client.tls_set(files["authority"], files.get("certificate"), files.get("key"))

    def log_in(self, login):
        """What the server answers to CONNECT."""
        url = urlsplit(login["url"])
        self.client.connect(url.hostname, url.port)
        self.client.loop_start()
        return self.said.get(timeout=CONNECT_SECONDS)

    def take(self, step):
        return getattr(self, "do_" + step["do"].replace("-", "_"))(step)

    def do_subscribe(self, step):
        self.client.subscribe(step["subject"])
        code = self.said.get(timeout=REPLY_SECONDS)
        return {"refused": f"permissions violation: {code}"} if code.is_failure else {"accepted": True}

    def do_publish_and_hear(self, step):
        """For a subject that the client has subscribed to."""
        self.client.publish(step["subject"], step["payload"])
        return {"heard": self.said.get(timeout=REPLY_SECONDS)}


def main():
    login = json.load(sys.stdin)
    session = Session(login)
    try:
        answer = session.log_in(login)
    except Exception as error:  # Whatever it is, the test wants to see it.
        return {"connected": False, "errors": [str(error) or type(error).__name__]}
    if answer.is_failure:
        return {"connected": False, "errors": [str(answer)]}
    results = []
    for step in login.get("steps", []):
        try:
            results.append(session.take(step))
        except Exception as error:
            results.append({"failed": str(error) or type(error).__name__})
    session.client.disconnect()
    session.client.loop_stop()
    return {"connected": True, "results": results}


print(json.dumps(main()))
