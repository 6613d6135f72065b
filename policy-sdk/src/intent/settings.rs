//! The rights that a table of settings stands for.

use super::tables::{Intents, KeyValueIntents, ObjectStoreIntents, StreamIntents};
use super::texts::Texts;
use super::{KeyValue, ObjectStore, Rights, Stream, kv, messages, object_store, stream};
use crate::Subject;

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
