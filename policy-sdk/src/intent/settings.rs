//! Intents as a table of settings.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{KeyValue, ObjectStore, Rights, Stream, kv, messages, object_store, stream};
use crate::Subject;

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
/// | `domain`, `api-prefix` | how the client reaches `JetStream`: [`Stream::in_domain`], [`Stream::with_api_prefix`] |
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
/// | `publish` | subjects to [publish](Stream::publish) on |
/// | `read` | filters to [read](Stream::read) in order |
/// | `last` | subjects whose [last](Stream::last) message may be read |
/// | `consume` | consumers to [consume](Stream::consume) from |
/// | `consume-filtered.NAME` | the filter of a consumer to make and [consume](Stream::consume_filtered) from |
/// | `receive.NAME` | the deliver subject of a push consumer to [receive](Stream::receive) from; also `"subject queue"` |
/// | `manage`, `manage-consumers` | whether the login may [manage](Stream::manage) the stream, and [its consumers](Stream::manage_consumers) |
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    rename_all = "kebab-case",
    expecting = "a table like { consume = [\"worker\"] }"
)]
pub struct StreamIntents {
    /// Subjects to [publish](Stream::publish) on.
    pub(crate) publish: Vec<String>,
    /// Filters to [read](Stream::read) in order.
    pub(crate) read: Vec<String>,
    /// Subjects whose [last](Stream::last) message may be read.
    pub(crate) last: Vec<String>,
    /// Consumers to [consume](Stream::consume) from.
    pub(crate) consume: Vec<String>,
    /// Consumers to make and [consume](Stream::consume_filtered) from, each with its filter.
    pub(crate) consume_filtered: BTreeMap<String, String>,
    /// Push consumers to [receive](Stream::receive) from, each with its deliver subject, optionally
    /// `subject queue`.
    pub(crate) receive: BTreeMap<String, String>,
    /// Whether the login may [manage](Stream::manage) the stream. Default: `false`.
    pub(crate) manage: bool,
    /// Whether the login may [manage its consumers](Stream::manage_consumers). Default: `false`.
    pub(crate) manage_consumers: bool,
}

/// What a login may do with a key-value bucket, as a table of settings.
///
/// | key | meaning |
/// | --- | --- |
/// | `get`, `create` | keys to [get](KeyValue::get) and to [create](KeyValue::create) |
/// | `watch` | keys to [watch](KeyValue::watch), list and read the history of |
/// | `put` | keys to [put](KeyValue::put), update, delete and purge |
/// | `manage` | whether the login may [manage](KeyValue::manage) the bucket |
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    rename_all = "kebab-case",
    expecting = "a table like { get = [\"app.>\"] }"
)]
pub struct KeyValueIntents {
    /// Keys to [get](KeyValue::get).
    pub(crate) get: Vec<String>,
    /// Keys to [watch](KeyValue::watch), list and read the history of.
    pub(crate) watch: Vec<String>,
    /// Keys to [put](KeyValue::put), update, delete and purge.
    pub(crate) put: Vec<String>,
    /// Keys to [create](KeyValue::create).
    pub(crate) create: Vec<String>,
    /// Whether the login may [manage](KeyValue::manage) the bucket. Default: `false`.
    pub(crate) manage: bool,
}

/// What a login may do with an object store, as a table of settings.
///
/// | key | meaning |
/// | --- | --- |
/// | `get`, `put` | objects to [get](ObjectStore::get) and to [put](ObjectStore::put) |
/// | `replace` | objects to [replace](ObjectStore::replace) and delete |
/// | `list`, `manage` | whether the login may [list](ObjectStore::list) the objects, and [manage](ObjectStore::manage) the store |
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    rename_all = "kebab-case",
    expecting = "a table like { get = [\"report.pdf\"] }"
)]
pub struct ObjectStoreIntents {
    /// Objects to [get](ObjectStore::get).
    pub(crate) get: Vec<String>,
    /// Objects to [put](ObjectStore::put).
    pub(crate) put: Vec<String>,
    /// Objects to [replace](ObjectStore::replace) and delete.
    pub(crate) replace: Vec<String>,
    /// Whether the login may [list](ObjectStore::list) the objects. Default: `false`.
    pub(crate) list: bool,
    /// Whether the login may [manage](ObjectStore::manage) the store. Default: `false`.
    pub(crate) manage: bool,
}

/// The account and domain in acknowledgements of version 2, as a table of settings. See
/// [`Stream::with_v2_acks`].
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

/// How the texts of a table are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Texts {
    /// The text itself.
    Literal,
    /// The text itself, to be parsed as a template. The checks of intents do not apply.
    Template,
    /// A template with a stand-in for each place, for the checks of intents.
    Shape,
}

impl Texts {
    fn name(self, text: &str) -> String {
        match self {
            Self::Literal => text.to_owned(),
            // Without blanks in places, a blank separates a queue.
            Self::Template => {
                with_places(text, |place| format!("{{{{{}}}}}", place.trim_matches(' ')))
            }
            Self::Shape => shape(text),
        }
    }

    fn subject(self, text: &str) -> Subject {
        // A place at the start stays, because a subject of an application cannot begin with one.
        let shown = match self {
            Self::Shape if text.starts_with("{{") => Self::Template,
            _ => self,
        };
        Subject::from_checked(shown.name(text))
    }

    fn key(self, text: &str) -> Subject {
        Subject::from_checked(self.name(text))
    }

    fn subjects(self, texts: &[String]) -> impl Iterator<Item = Subject> {
        texts.iter().map(move |text| self.subject(text))
    }

    fn keys(self, texts: &[String]) -> impl Iterator<Item = Subject> {
        texts.iter().map(move |text| self.key(text))
    }

    /// Returns the problem of a name of an object. It cannot have places, because a server knows
    /// objects by an encoding of the whole name.
    fn object_problem(self, name: &str) -> Option<String> {
        (self != Self::Literal && name.contains("{{")).then(|| {
            format!(
                "object `{}`: no place is possible in it",
                name.escape_debug()
            )
        })
    }
}

/// Returns a template with `x` for each place.
fn shape(text: &str) -> String {
    with_places(text, |_| "x".to_owned())
}

/// Returns a template with another text for each place. The parser of templates reports a place
/// without an end, which stays.
fn with_places(text: &str, replacement: impl Fn(&str) -> String) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("{{") {
        let Some((place, after)) = behind.split_once("}}") else {
            break;
        };
        replaced.push_str(before);
        replaced.push_str(&replacement(place));
        rest = after;
    }
    replaced.push_str(rest);
    replaced
}

impl Intents {
    /// Returns the rights of each key that is set, by its path in the table.
    ///
    /// The private inbox is not among them, because it needs the user's name.
    pub(crate) fn parts(&self, texts: Texts) -> Vec<(String, Rights)> {
        let mut parts = Parts(Vec::new());
        parts.list("publish", &self.publish, |list| {
            messages::publish(texts.subjects(list))
        });
        parts.list("subscribe", &self.subscribe, |list| {
            queued(
                texts,
                list,
                messages::subscribe,
                messages::subscribe_in_queue,
            )
        });
        parts.list("request", &self.request, |list| {
            messages::request(texts.subjects(list))
        });
        parts.list("reply", &self.reply, |list| {
            queued(texts, list, messages::reply, messages::reply_in_queue)
        });
        for (name, endpoints) in &self.services {
            let rights = messages::service(texts.name(name), texts.subjects(endpoints));
            parts.add(format!("services.{name}"), rights);
        }
        parts.flag("discover", self.discover, messages::discover);
        parts.flag("user-info", self.user_info, messages::user_info);
        for (name, intents) in &self.streams {
            let stream = self.reach(
                stream(texts.name(name)),
                Stream::in_domain,
                Stream::with_api_prefix,
                Stream::with_v2_acks,
            );
            intents.add_to(&stream, texts, &mut parts, name);
        }
        for (name, intents) in &self.key_values {
            let bucket = self.reach(
                kv(texts.name(name)),
                KeyValue::in_domain,
                KeyValue::with_api_prefix,
                KeyValue::with_v2_acks,
            );
            intents.add_to(&bucket, texts, &mut parts, name);
        }
        for (name, intents) in &self.object_stores {
            let store = self.reach(
                object_store(texts.name(name)),
                ObjectStore::in_domain,
                ObjectStore::with_api_prefix,
                ObjectStore::with_v2_acks,
            );
            intents.add_to(&store, texts, &mut parts, name);
        }
        parts.0
    }

    /// Applies how the client reaches `JetStream`.
    fn reach<'intents, T>(
        &'intents self,
        object: T,
        in_domain: impl FnOnce(T, &'intents str) -> T,
        with_prefix: impl FnOnce(T, Subject) -> T,
        with_acks: impl FnOnce(T, &'intents str, &'intents str) -> T,
    ) -> T {
        let object = match &self.domain {
            Some(domain) => in_domain(object, domain),
            None => object,
        };
        let object = match &self.api_prefix {
            Some(prefix) => with_prefix(object, Subject::from_checked(prefix.clone())),
            None => object,
        };
        match &self.v2_acks {
            Some(acks) => with_acks(object, &acks.account, &acks.domain),
            None => object,
        }
    }

    /// Returns the problem of the keys that say how the client reaches `JetStream`.
    pub(crate) fn reach_problem(&self) -> Option<&'static str> {
        (self.domain.is_some() && self.api_prefix.is_some())
            .then_some("`domain` and `api-prefix` exclude each other")
    }
}

/// Rights by the path of their key.
struct Parts(Vec<(String, Rights)>);

impl Parts {
    fn add(&mut self, key: String, rights: Rights) {
        self.0.push((key, rights));
    }

    fn list(
        &mut self,
        key: impl Into<String>,
        list: &[String],
        rights: impl FnOnce(&[String]) -> Rights,
    ) {
        if !list.is_empty() {
            self.add(key.into(), rights(list));
        }
    }

    fn flag(&mut self, key: impl Into<String>, set: bool, rights: impl FnOnce() -> Rights) {
        if set {
            self.add(key.into(), rights());
        }
    }
}

impl StreamIntents {
    fn add_to(&self, stream: &Stream, texts: Texts, parts: &mut Parts, name: &str) {
        let key = |key: &str| format!("streams.{name}.{key}");
        parts.list(key("publish"), &self.publish, |list| {
            stream.publish(texts.subjects(list))
        });
        parts.list(key("read"), &self.read, |list| {
            stream.read(texts.keys(list))
        });
        parts.list(key("last"), &self.last, |list| {
            stream.last(texts.keys(list))
        });
        parts.list(key("consume"), &self.consume, |list| {
            let consume =
                |rights: Rights, name: &String| rights.and(stream.consume(texts.name(name)));
            list.iter().fold(Rights::default(), consume)
        });
        for (consumer, filter) in &self.consume_filtered {
            let rights = stream.consume_filtered(texts.name(consumer), texts.key(filter));
            parts.add(key(&format!("consume-filtered.{consumer}")), rights);
        }
        for (consumer, deliver) in &self.receive {
            let rights = stream.receive(texts.name(consumer), texts.subject(deliver));
            parts.add(key(&format!("receive.{consumer}")), rights);
        }
        parts.flag(key("manage"), self.manage, || stream.manage());
        parts.flag(key("manage-consumers"), self.manage_consumers, || {
            stream.manage_consumers()
        });
    }
}

impl KeyValueIntents {
    fn add_to(&self, bucket: &KeyValue, texts: Texts, parts: &mut Parts, name: &str) {
        let key = |key: &str| format!("key-values.{name}.{key}");
        parts.list(key("get"), &self.get, |list| bucket.get(texts.keys(list)));
        parts.list(key("watch"), &self.watch, |list| {
            bucket.watch(texts.keys(list))
        });
        parts.list(key("put"), &self.put, |list| bucket.put(texts.keys(list)));
        parts.list(key("create"), &self.create, |list| {
            bucket.create(texts.keys(list))
        });
        parts.flag(key("manage"), self.manage, || bucket.manage());
    }
}

impl ObjectStoreIntents {
    fn add_to(&self, store: &ObjectStore, texts: Texts, parts: &mut Parts, name: &str) {
        let key = |key: &str| format!("object-stores.{name}.{key}");
        let checked = |rights: Rights, list: &[String]| {
            let problems = list.iter().map(|name| texts.object_problem(name));
            problems.fold(rights, Rights::refusing)
        };
        parts.list(key("get"), &self.get, |list| checked(store.get(list), list));
        parts.list(key("put"), &self.put, |list| checked(store.put(list), list));
        parts.list(key("replace"), &self.replace, |list| {
            checked(store.replace(list), list)
        });
        parts.flag(key("list"), self.list, || store.list());
        parts.flag(key("manage"), self.manage, || store.manage());
    }
}

/// Returns the rights of a list of subjects, each with or without a queue.
fn queued(
    texts: Texts,
    list: &[String],
    plain: fn([Subject; 1]) -> Rights,
    in_queue: fn(String, [Subject; 1]) -> Rights,
) -> Rights {
    let rights = |text: &String| {
        let text = texts.subject(text);
        match text.as_str().split_once(' ') {
            Some((subject, queue)) => in_queue(
                queue.to_owned(),
                [Subject::from_checked(subject.to_owned())],
            ),
            None => plain([text]),
        }
    };
    list.iter().map(rights).fold(Rights::default(), Rights::and)
}
