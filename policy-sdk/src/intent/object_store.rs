//! Intents on an object store.

use base64ct::{Base64Url, Encoding};

use super::Rights;
use super::jetstream::{JetStream, reach};
use super::stream::manage;

/// An object store, to say what a login may do with it. [`object_store`] creates it.
///
/// The names of objects are literal; any text is possible. The lists are those of nats.go and of
/// the `nats` command. nats-py and nats.js read a store with unscoped calls, which no intent
/// emits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectStore {
    name: String,
    api: JetStream,
}

/// Names an object store.
///
/// ```
/// use portcullis_sdk::intent::object_store;
///
/// let rights = object_store("files").get(["doc"]);
/// assert!(rights.publish().contains(&"$JS.API.DIRECT.GET.OBJ_files.$O.files.M.ZG9j".to_owned()));
/// ```
pub fn object_store(name: impl Into<String>) -> ObjectStore {
    let name = name.into();
    let api = JetStream::new("object store", &name);
    ObjectStore { name, api }
}

reach!(ObjectStore);

impl ObjectStore {
    /// Reads objects.
    ///
    /// | publish |
    /// | --- |
    /// | `$JS.API.STREAM.INFO.OBJ_STORE`, `$JS.API.DIRECT.GET.OBJ_STORE.$O.STORE.M.NAME` |
    /// | `$JS.API.CONSUMER.CREATE.OBJ_STORE.*.$O.STORE.C.*`, `$JS.API.CONSUMER.DELETE.OBJ_STORE.*`, `$JS.FC.OBJ_STORE.>` |
    ///
    /// `NAME` is base64url of the name. The content of every object of the store can be read,
    /// because the subjects of chunks do not contain the name. Have one store for each group of
    /// users that trust each other. `STREAM.INFO` shows all subjects (door R9). The client can
    /// delete any stream of the account (W7d), and have chunks delivered elsewhere (W1).
    ///
    /// ```
    /// use portcullis_sdk::intent::object_store;
    ///
    /// assert_eq!(
    ///     object_store("files").get(["doc"]).publish(),
    ///     [
    ///         "$JS.API.STREAM.INFO.OBJ_files",
    ///         "$JS.API.CONSUMER.CREATE.OBJ_files.*.$O.files.C.*",
    ///         "$JS.API.CONSUMER.DELETE.OBJ_files.*",
    ///         "$JS.FC.OBJ_files.>",
    ///         "$JS.API.DIRECT.GET.OBJ_files.$O.files.M.ZG9j",
    ///     ],
    /// );
    /// ```
    pub fn get(&self, names: impl IntoIterator<Item = impl AsRef<str>>) -> Rights {
        let rights = self.reading("C.*");
        self.with_metadata(rights, names, false)
    }

    /// Writes new objects.
    ///
    /// | publish |
    /// | --- |
    /// | `$JS.API.STREAM.INFO.OBJ_STORE`, `$JS.API.DIRECT.GET.OBJ_STORE.$O.STORE.M.NAME` |
    /// | `$O.STORE.C.*`, `$O.STORE.M.NAME` |
    ///
    /// A writer of one object can wipe the store with the header `Nats-Rollup: all` (door W8c), and
    /// can write chunks of other objects. Reading back what it has written reaches the whole API
    /// (W7e).
    ///
    /// ```
    /// use portcullis_sdk::intent::object_store;
    ///
    /// assert_eq!(
    ///     object_store("files").put(["doc"]).publish(),
    ///     [
    ///         "$JS.API.STREAM.INFO.OBJ_files",
    ///         "$O.files.C.*",
    ///         "$JS.API.DIRECT.GET.OBJ_files.$O.files.M.ZG9j",
    ///         "$O.files.M.ZG9j",
    ///     ],
    /// );
    /// ```
    pub fn put(&self, names: impl IntoIterator<Item = impl AsRef<str>>) -> Rights {
        let Self { name, api } = self;
        let info = [format!("STREAM.INFO.OBJ_{name}")];
        let rights = api
            .calling(api.rights(), &info)
            .publishing(format!("$O.{name}.C.*"));
        self.with_metadata(rights, names, true)
    }

    /// Writes, replaces and deletes objects: [`put`](Self::put), and
    /// `$JS.API.STREAM.PURGE.OBJ_STORE`.
    ///
    /// The client can purge the whole store (door S4).
    ///
    /// ```
    /// use portcullis_sdk::intent::object_store;
    ///
    /// let rights = object_store("files").replace(["doc"]);
    /// assert!(rights.publish().contains(&"$JS.API.STREAM.PURGE.OBJ_files".to_owned()));
    /// ```
    pub fn replace(&self, names: impl IntoIterator<Item = impl AsRef<str>>) -> Rights {
        let call = format!("STREAM.PURGE.OBJ_{}", self.name);
        self.put(names).publishing(self.api.call(&call))
    }

    /// Lists and watches the objects of the store.
    ///
    /// | publish |
    /// | --- |
    /// | `$JS.API.STREAM.INFO.OBJ_STORE`, `$JS.API.DIRECT.GET.OBJ_STORE.$O.STORE.M.>` |
    /// | `$JS.API.CONSUMER.CREATE.OBJ_STORE.*.$O.STORE.M.>`, `$JS.API.CONSUMER.DELETE.OBJ_STORE.*`, `$JS.FC.OBJ_STORE.>` |
    ///
    /// The client sees the names of all objects; a listing of some cannot be granted. It can delete
    /// any stream of the account (door W7d).
    ///
    /// ```
    /// use portcullis_sdk::intent::object_store;
    ///
    /// let rights = object_store("files").list();
    /// assert!(rights.publish().contains(&"$JS.API.CONSUMER.CREATE.OBJ_files.*.$O.files.M.>".to_owned()));
    /// ```
    pub fn list(&self) -> Rights {
        let call = format!("DIRECT.GET.OBJ_{0}.$O.{0}.M.>", self.name);
        self.reading("M.>").publishing(self.api.call(&call))
    }

    /// Administers the store: makes, seals, purges and deletes it.
    ///
    /// | publish |
    /// | --- |
    /// | `$JS.API.INFO` |
    /// | `$JS.API.STREAM.CREATE.OBJ_STORE`, and the same with `UPDATE`, `INFO`, `PURGE`, `DELETE` |
    ///
    /// Managing a store is a right over the whole account (doors S1 to S4), without the objects.
    ///
    /// ```
    /// use portcullis_sdk::intent::object_store;
    ///
    /// let rights = object_store("files").manage();
    /// assert!(rights.publish().contains(&"$JS.API.STREAM.UPDATE.OBJ_files".to_owned()));
    /// ```
    pub fn manage(&self) -> Rights {
        manage(&self.api, &format!("OBJ_{}", self.name))
    }

    /// Adds consumers of a part of the store.
    fn reading(&self, part: &str) -> Rights {
        let Self { name, api } = self;
        let calls = [
            format!("STREAM.INFO.OBJ_{name}"),
            format!("CONSUMER.CREATE.OBJ_{name}.*.$O.{name}.{part}"),
            format!("CONSUMER.DELETE.OBJ_{name}.*"),
        ];
        let rights = api.calling(api.rights(), &calls);
        api.answering(rights, "FC", &format!("OBJ_{name}"))
    }

    /// Adds the metadata of objects, to read or also to write.
    fn with_metadata(
        &self,
        rights: Rights,
        names: impl IntoIterator<Item = impl AsRef<str>>,
        write: bool,
    ) -> Rights {
        names.into_iter().fold(rights, |rights, object| {
            let object = object.as_ref();
            let problem = object
                .is_empty()
                .then(|| "object ``: it is empty".to_owned());
            let metadata = format!(
                "$O.{}.M.{}",
                self.name,
                Base64Url::encode_string(object.as_bytes())
            );
            let call = format!("DIRECT.GET.OBJ_{}.{metadata}", self.name);
            let rights = rights.refusing(problem).publishing(self.api.call(&call));
            if write {
                rights.publishing(metadata)
            } else {
                rights
            }
        })
    }
}
