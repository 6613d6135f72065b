//! Intents on a key-value bucket.

use super::Rights;
use super::check::filter_problem;
use super::jetstream::{JetStream, reach};
use super::stream::manage;
use crate::Subject;

/// A key-value bucket, to say what a login may do with it. [`kv`] creates it.
///
/// Each method takes keys: a literal key, or a prefix that ends in `>`. `>` stands for the bucket.
/// A key made of data is `subject!("users.{}", key(name))`, with [`key`](crate::key).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyValue {
    bucket: String,
    api: JetStream,
}

/// Names a key-value bucket.
///
/// ```
/// use portcullis_sdk::intent::kv;
/// use portcullis_sdk::{key, subject};
///
/// let rights = kv("config").put([subject!("users.{}", key("a.b"))]);
/// assert!(rights.publish().contains(&"$KV.config.users.a=2Eb".to_owned()));
/// ```
pub fn kv(bucket: impl Into<String>) -> KeyValue {
    let bucket = bucket.into();
    let api = JetStream::new("bucket", &bucket);
    KeyValue { bucket, api }
}

reach!(KeyValue);

impl KeyValue {
    /// Reads the values of keys.
    ///
    /// | publish |
    /// | --- |
    /// | `$JS.API.STREAM.INFO.KV_BUCKET`, `$JS.API.DIRECT.GET.KV_BUCKET.$KV.BUCKET.KEY` |
    ///
    /// `STREAM.INFO` shows the names of all keys (door R9); a listing of some keys only cannot be
    /// granted with it. The client can have the answer published on a subject of its choice: it can
    /// delete any stream of the account (W7d, W7m). nats.js opens the bucket with
    /// `allow_direct: true`.
    ///
    /// ```
    /// use portcullis_sdk::intent::kv;
    ///
    /// assert_eq!(
    ///     kv("config").get(["app.>"]).publish(),
    ///     ["$JS.API.STREAM.INFO.KV_config", "$JS.API.DIRECT.GET.KV_config.$KV.config.app.>"],
    /// );
    /// ```
    pub fn get(&self, keys: impl IntoIterator<Item = impl Into<Subject>>) -> Rights {
        self.with_keys(keys, |rights, subject| {
            let call = format!("DIRECT.GET.KV_{}.{subject}", self.bucket);
            rights.publishing(self.api.call(&call))
        })
    }

    /// Writes, updates, deletes and purges keys.
    ///
    /// | publish |
    /// | --- |
    /// | `$JS.API.STREAM.INFO.KV_BUCKET`, `$KV.BUCKET.KEY` |
    /// | `PREFIX.$KV.BUCKET.KEY`, with a domain or an API prefix |
    ///
    /// A writer of one key can wipe the bucket with the header `Nats-Rollup: all` (door W8): have
    /// one bucket for each group of users that trust each other. With [`get`](Self::get) of the
    /// same key, the client can call the whole API and so read every stream of the account (W5,
    /// W7e). `STREAM.INFO` shows the names of all keys (R9).
    ///
    /// ```
    /// use portcullis_sdk::intent::kv;
    ///
    /// assert_eq!(
    ///     kv("config").put(["app.theme"]).publish(),
    ///     ["$JS.API.STREAM.INFO.KV_config", "$KV.config.app.theme"],
    /// );
    /// ```
    pub fn put(&self, keys: impl IntoIterator<Item = impl Into<Subject>>) -> Rights {
        self.with_keys(keys, |rights, subject| {
            let below_prefix = self.api.is_remote().then(|| self.api.call(&subject));
            let rights = rights.publishing(subject);
            match below_prefix {
                Some(subject) => rights.publishing(subject),
                None => rights,
            }
        })
    }

    /// Creates keys: [`put`](Self::put) and [`get`](Self::get), because creating a deleted key
    /// reads it. The client's `create` also works over a deleted key then.
    ///
    /// ```
    /// use portcullis_sdk::intent::kv;
    ///
    /// let rights = kv("config").create(["a"]);
    /// assert_eq!(rights, kv("config").put(["a"]).and(kv("config").get(["a"])));
    /// ```
    pub fn create(&self, keys: impl IntoIterator<Item = impl Into<Subject>>) -> Rights {
        let keys: Vec<Subject> = keys.into_iter().map(Into::into).collect();
        self.put(&keys).and(self.get(&keys))
    }

    /// Watches keys, lists them, and reads their history.
    ///
    /// | publish |
    /// | --- |
    /// | `$JS.API.STREAM.INFO.KV_BUCKET`, `$JS.API.CONSUMER.CREATE.KV_BUCKET.*.$KV.BUCKET.KEY` |
    /// | `$JS.API.CONSUMER.INFO.KV_BUCKET.*`, `$JS.API.CONSUMER.DELETE.KV_BUCKET.*`, `$JS.FC.KV_BUCKET.>` |
    ///
    /// The client can redirect and delete the watches of other clients (doors C4b, C7), and have
    /// entries delivered to any subject with a literal subscriber (W1). `STREAM.INFO` shows the
    /// names of all keys (R9). The watch of nats-py is refused, because its consumer has no filter
    /// in the subject; a named ordered consumer works there.
    ///
    /// ```
    /// use portcullis_sdk::intent::kv;
    ///
    /// assert_eq!(
    ///     kv("config").watch(["app.>"]).publish(),
    ///     [
    ///         "$JS.API.STREAM.INFO.KV_config",
    ///         "$JS.API.CONSUMER.CREATE.KV_config.*.$KV.config.app.>",
    ///         "$JS.API.CONSUMER.INFO.KV_config.*",
    ///         "$JS.API.CONSUMER.DELETE.KV_config.*",
    ///         "$JS.FC.KV_config.>",
    ///     ],
    /// );
    /// ```
    pub fn watch(&self, keys: impl IntoIterator<Item = impl Into<Subject>>) -> Rights {
        let (bucket, api) = (&self.bucket, &self.api);
        let rights = self.with_keys(keys, |rights, subject| {
            rights.publishing(api.call(&format!("CONSUMER.CREATE.KV_{bucket}.*.{subject}")))
        });
        let calls = [
            format!("CONSUMER.INFO.KV_{bucket}.*"),
            format!("CONSUMER.DELETE.KV_{bucket}.*"),
        ];
        api.answering(api.calling(rights, &calls), "FC", &format!("KV_{bucket}"))
    }

    /// Administers the bucket: makes, changes, purges and deletes it.
    ///
    /// | publish |
    /// | --- |
    /// | `$JS.API.INFO` |
    /// | `$JS.API.STREAM.CREATE.KV_BUCKET`, and the same with `UPDATE`, `INFO`, `PURGE`, `DELETE` |
    ///
    /// Managing a bucket is a right over the whole account (doors S1 to S4), without the keys.
    ///
    /// ```
    /// use portcullis_sdk::intent::kv;
    ///
    /// assert!(kv("config").manage().publish().contains(&"$JS.API.STREAM.CREATE.KV_config".to_owned()));
    /// ```
    pub fn manage(&self) -> Rights {
        manage(&self.api, &format!("KV_{}", self.bucket))
    }

    /// Adds the look-up of the bucket, and what `add` does with the subject of each key.
    fn with_keys(
        &self,
        keys: impl IntoIterator<Item = impl Into<Subject>>,
        add: impl Fn(Rights, String) -> Rights,
    ) -> Rights {
        let bucket = &self.bucket;
        let info = [format!("STREAM.INFO.KV_{bucket}")];
        let rights = self.api.calling(self.api.rights(), &info);
        keys.into_iter().fold(rights, |rights, key| {
            let key: String = key.into().into();
            let rights = rights.refusing(filter_problem("key", &key));
            add(rights, format!("$KV.{bucket}.{key}"))
        })
    }
}
