//! The tables of settings that stand for intents.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The intents of a profile: a table of settings.
///
/// | key | meaning |
/// | --- | --- |
/// | `private-inbox` | whether the login has a [`private_inbox`](super::private_inbox) |
/// | `publish`, `subscribe` | subjects; for `subscribe` also `"subject queue"` |
/// | `request`, `reply` | subjects of requests to send, and to answer; for `reply` also `"subject queue"` |
/// | `services.NAME` | the subjects of the endpoints of a [`service`](super::service) |
/// | `discover`, `user-info` | whether the login may [`discover`](super::discover) services, and ask for its [`user_info`](super::user_info) |
/// | `streams.NAME` | [`StreamIntents`] |
/// | `key-values.NAME` | [`KeyValueIntents`] |
/// | `object-stores.NAME` | [`ObjectStoreIntents`] |
/// | `domain`, `api-prefix` | how the client reaches `JetStream`: [`Stream::in_domain`](super::Stream::in_domain), [`Stream::with_api_prefix`](super::Stream::with_api_prefix) |
/// | `v2-acks` | [`V2Acks`] |
///
/// Where a profile takes templates, every name and subject may have places, apart from names of
/// objects, `domain`, `api-prefix` and `v2-acks`.
///
/// Only settings make intents. A policy that computes a right calls a function of
/// [`intent`](super), which takes literals and what [`subject!`](crate::subject!) makes:
///
/// ```compile_fail,E0616
/// use portcullis_sdk::intent::Intents;
///
/// let team = String::from("*");
/// let mut intents = Intents::default();
/// intents.publish.push(format!("team.{team}.>"));
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    rename_all = "kebab-case",
    expecting = "a table with `private-inbox`, `request`, `streams`, `key-values` and other intents"
)]
pub struct Intents {
    /// Whether the login has a private inbox. Default: `false`.
    pub(crate) private_inbox: bool,
    /// Subjects to publish on.
    pub(crate) publish: Vec<String>,
    /// Subjects to subscribe to, optionally `subject queue`.
    pub(crate) subscribe: Vec<String>,
    /// Subjects to send requests on.
    pub(crate) request: Vec<String>,
    /// Subjects to answer requests on, optionally `subject queue`.
    pub(crate) reply: Vec<String>,
    /// Endpoints of micro services, by the service's name.
    pub(crate) services: BTreeMap<String, Vec<String>>,
    /// Whether the login may discover services. Default: `false`.
    pub(crate) discover: bool,
    /// Whether the login may ask for its own user and permissions. Default: `false`.
    pub(crate) user_info: bool,
    /// Streams, by name.
    pub(crate) streams: BTreeMap<String, StreamIntents>,
    /// Key-value buckets, by name.
    pub(crate) key_values: BTreeMap<String, KeyValueIntents>,
    /// Object stores, by name.
    pub(crate) object_stores: BTreeMap<String, ObjectStoreIntents>,
    /// The `JetStream` domain, if the client connects to a leafnode of another domain.
    pub(crate) domain: Option<String>,
    /// The prefix under which the account imports the API of another account.
    pub(crate) api_prefix: Option<String>,
    /// Acknowledgements of version 2.
    pub(crate) v2_acks: Option<V2Acks>,
}

/// What a login may do with a stream, as a table of settings.
///
/// | key | meaning |
/// | --- | --- |
/// | `publish` | subjects to [publish](super::Stream::publish) on |
/// | `read` | filters to [read](super::Stream::read) in order |
/// | `last` | subjects whose [last](super::Stream::last) message may be read |
/// | `consume` | consumers to [consume](super::Stream::consume) from |
/// | `consume-filtered.NAME` | the filter of a consumer to make and [consume](super::Stream::consume_filtered) from |
/// | `receive.NAME` | the deliver subject of a push consumer to [receive](super::Stream::receive) from; also `"subject queue"` |
/// | `manage`, `manage-consumers` | whether the login may [manage](super::Stream::manage) the stream, and [its consumers](super::Stream::manage_consumers) |
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    rename_all = "kebab-case",
    expecting = "a table like { consume = [\"worker\"] }"
)]
pub struct StreamIntents {
    /// Subjects to [publish](super::Stream::publish) on.
    pub(crate) publish: Vec<String>,
    /// Filters to [read](super::Stream::read) in order.
    pub(crate) read: Vec<String>,
    /// Subjects whose [last](super::Stream::last) message may be read.
    pub(crate) last: Vec<String>,
    /// Consumers to [consume](super::Stream::consume) from.
    pub(crate) consume: Vec<String>,
    /// Consumers to make and [consume](super::Stream::consume_filtered) from, each with its filter.
    pub(crate) consume_filtered: BTreeMap<String, String>,
    /// Push consumers to [receive](super::Stream::receive) from, each with its deliver subject,
    /// optionally `subject queue`.
    pub(crate) receive: BTreeMap<String, String>,
    /// Whether the login may [manage](super::Stream::manage) the stream. Default: `false`.
    pub(crate) manage: bool,
    /// Whether the login may [manage its consumers](super::Stream::manage_consumers). Default:
    /// `false`.
    pub(crate) manage_consumers: bool,
}

/// What a login may do with a key-value bucket, as a table of settings.
///
/// | key | meaning |
/// | --- | --- |
/// | `get`, `create` | keys to [get](super::KeyValue::get) and to [create](super::KeyValue::create) |
/// | `watch` | keys to [watch](super::KeyValue::watch), list and read the history of |
/// | `put` | keys to [put](super::KeyValue::put), update, delete and purge |
/// | `manage` | whether the login may [manage](super::KeyValue::manage) the bucket |
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    rename_all = "kebab-case",
    expecting = "a table like { get = [\"app.>\"] }"
)]
pub struct KeyValueIntents {
    /// Keys to [get](super::KeyValue::get).
    pub(crate) get: Vec<String>,
    /// Keys to [watch](super::KeyValue::watch), list and read the history of.
    pub(crate) watch: Vec<String>,
    /// Keys to [put](super::KeyValue::put), update, delete and purge.
    pub(crate) put: Vec<String>,
    /// Keys to [create](super::KeyValue::create).
    pub(crate) create: Vec<String>,
    /// Whether the login may [manage](super::KeyValue::manage) the bucket. Default: `false`.
    pub(crate) manage: bool,
}

/// What a login may do with an object store, as a table of settings.
///
/// | key | meaning |
/// | --- | --- |
/// | `get`, `put` | objects to [get](super::ObjectStore::get) and to [put](super::ObjectStore::put) |
/// | `replace` | objects to [replace](super::ObjectStore::replace) and delete |
/// | `list`, `manage` | whether the login may [list](super::ObjectStore::list) the objects, and [manage](super::ObjectStore::manage) the store |
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    rename_all = "kebab-case",
    expecting = "a table like { get = [\"report.pdf\"] }"
)]
pub struct ObjectStoreIntents {
    /// Objects to [get](super::ObjectStore::get).
    pub(crate) get: Vec<String>,
    /// Objects to [put](super::ObjectStore::put).
    pub(crate) put: Vec<String>,
    /// Objects to [replace](super::ObjectStore::replace) and delete.
    pub(crate) replace: Vec<String>,
    /// Whether the login may [list](super::ObjectStore::list) the objects. Default: `false`.
    pub(crate) list: bool,
    /// Whether the login may [manage](super::ObjectStore::manage) the store. Default: `false`.
    pub(crate) manage: bool,
}

/// The account and domain in acknowledgements of version 2, as a table of settings. See
/// [`Stream::with_v2_acks`](super::Stream::with_v2_acks).
///
/// | key | meaning |
/// | --- | --- |
/// | `account` | the account that has the streams, as the server knows it |
/// | `domain` | the domain of the server's `JetStream`. Default: `_`, for none |
#[derive(Clone, Debug, Deserialize)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table like { account = \"APP\" }"
)]
pub struct V2Acks {
    /// The account that has the streams, as the server knows it.
    pub(crate) account: String,
    /// The domain of the server's `JetStream`. Default: `_`, for none.
    #[serde(default = "no_domain")]
    pub(crate) domain: String,
}

fn no_domain() -> String {
    "_".to_owned()
}
