//! Descriptions of the keys of a profile, for schemas of settings.

use crate::KeyDoc;

/// The descriptions of the keys of a [`Profile`](super::Profile) and of its intents, for
/// [`SettingsDoc::with`](crate::SettingsDoc::with).
pub const KEYS: &[KeyDoc] = &[
    KeyDoc::new("publish", "subjects to publish on"),
    KeyDoc::new("publish.allow", "allowed subjects").or("[]"),
    KeyDoc::new("publish.deny", "denied subjects; deny wins over allow").or("[]"),
    KeyDoc::new("subscribe", "subjects to subscribe to"),
    KeyDoc::new("subscribe.allow", "allowed subjects, also `subject queue`").or("[]"),
    KeyDoc::new("subscribe.deny", "denied subjects; deny wins over allow").or("[]"),
    KeyDoc::new(
        "responses",
        "permission to publish on the reply subject of a received message. Default: none",
    ),
    KeyDoc::new(
        "responses.max",
        "replies to one message; 0 is the server's default, one",
    )
    .or("0"),
    KeyDoc::new(
        "responses.ttl",
        "time for replies; zero is the server's default, two minutes",
    )
    .or(r#""0s""#),
    KeyDoc::new(
        "role",
        "name of the account's signing key to sign with, in operator mode. Default: none",
    ),
    KeyDoc::new(
        "sources",
        "networks that clients may connect from, such as `10.0.0.0/8`. Default: any",
    ),
    KeyDoc::new(
        "connection-types",
        "types of connection that clients may use: `STANDARD`, `WEBSOCKET`, `LEAFNODE`, `MQTT`, `IN_PROCESS`. Default: any",
    ),
    KeyDoc::new(
        "times",
        "parts of every day in which clients may log in. Default: always",
    ),
    KeyDoc::new("times[].start", "beginning of the part, as `HH:MM:SS`"),
    KeyDoc::new("times[].end", "end of the part, as `HH:MM:SS`"),
    KeyDoc::new(
        "times-location",
        "time zone of `times`, such as `Europe/Berlin`. Default: the server's",
    ),
    KeyDoc::new(
        "proxy-required",
        "whether clients must connect through a trusted proxy",
    )
    .or("false"),
    KeyDoc::new(
        "intents",
        "rights in the language of intent, in addition. Default: none",
    ),
    KeyDoc::new(
        "intents.private-inbox",
        "whether the login has an inbox of its own",
    )
    .or("false"),
    KeyDoc::new("intents.publish", "subjects to publish on").or("[]"),
    KeyDoc::new(
        "intents.subscribe",
        "subjects to subscribe to, also `subject queue`",
    )
    .or("[]"),
    KeyDoc::new("intents.request", "subjects to send requests on").or("[]"),
    KeyDoc::new(
        "intents.reply",
        "subjects to answer requests on, also `subject queue`",
    )
    .or("[]"),
    KeyDoc::new(
        "intents.services",
        "endpoints of micro services, by the service's name",
    )
    .or("{}"),
    KeyDoc::new(
        "intents.services.NAME",
        "subjects of the service's endpoints",
    ),
    KeyDoc::new(
        "intents.discover",
        "whether the login may discover services",
    )
    .or("false"),
    KeyDoc::new(
        "intents.user-info",
        "whether the login may ask for its own user and permissions",
    )
    .or("false"),
    KeyDoc::new("intents.streams", "rights to streams, by the stream's name").or("{}"),
    KeyDoc::new(
        "intents.streams.NAME.publish",
        "subjects of the stream to publish on",
    )
    .or("[]"),
    KeyDoc::new(
        "intents.streams.NAME.read",
        "filters of messages to read in order",
    )
    .or("[]"),
    KeyDoc::new(
        "intents.streams.NAME.last",
        "subjects whose last message may be read",
    )
    .or("[]"),
    KeyDoc::new("intents.streams.NAME.consume", "consumers to consume from").or("[]"),
    KeyDoc::new(
        "intents.streams.NAME.consume-filtered",
        "consumers to make and consume from, each with its filter",
    )
    .or("{}"),
    KeyDoc::new(
        "intents.streams.NAME.consume-filtered.NAME",
        "filter of the consumer",
    ),
    KeyDoc::new(
        "intents.streams.NAME.receive",
        "push consumers to receive from, each with its deliver subject, also `subject queue`",
    )
    .or("{}"),
    KeyDoc::new(
        "intents.streams.NAME.receive.NAME",
        "deliver subject of the consumer",
    ),
    KeyDoc::new(
        "intents.streams.NAME.manage",
        "whether the login may manage the stream",
    )
    .or("false"),
    KeyDoc::new(
        "intents.streams.NAME.manage-consumers",
        "whether the login may manage the stream's consumers",
    )
    .or("false"),
    KeyDoc::new(
        "intents.key-values",
        "rights to key-value buckets, by the bucket's name",
    )
    .or("{}"),
    KeyDoc::new("intents.key-values.NAME.get", "keys to get").or("[]"),
    KeyDoc::new(
        "intents.key-values.NAME.watch",
        "keys to watch, list and read the history of",
    )
    .or("[]"),
    KeyDoc::new(
        "intents.key-values.NAME.put",
        "keys to put, update, delete and purge",
    )
    .or("[]"),
    KeyDoc::new("intents.key-values.NAME.create", "keys to create").or("[]"),
    KeyDoc::new(
        "intents.key-values.NAME.manage",
        "whether the login may manage the bucket",
    )
    .or("false"),
    KeyDoc::new(
        "intents.object-stores",
        "rights to object stores, by the store's name",
    )
    .or("{}"),
    KeyDoc::new("intents.object-stores.NAME.get", "objects to get").or("[]"),
    KeyDoc::new("intents.object-stores.NAME.put", "objects to put").or("[]"),
    KeyDoc::new(
        "intents.object-stores.NAME.replace",
        "objects to replace and delete",
    )
    .or("[]"),
    KeyDoc::new(
        "intents.object-stores.NAME.list",
        "whether the login may list the objects",
    )
    .or("false"),
    KeyDoc::new(
        "intents.object-stores.NAME.manage",
        "whether the login may manage the store",
    )
    .or("false"),
    KeyDoc::new(
        "intents.domain",
        "JetStream domain, if the client connects to a leafnode of another one. Default: none",
    ),
    KeyDoc::new(
        "intents.api-prefix",
        "prefix under which the account imports the API of another account. Default: none",
    ),
    KeyDoc::new(
        "intents.v2-acks",
        "acknowledgements of version 2. Default: none",
    ),
    KeyDoc::new(
        "intents.v2-acks.account",
        "account that has the streams, as the server knows it",
    ),
    KeyDoc::new(
        "intents.v2-acks.domain",
        "domain of the server's JetStream; `_` for none",
    )
    .or(r#""_""#),
];
