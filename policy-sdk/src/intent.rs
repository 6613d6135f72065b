//! Rights in the language of intent: what a login wants to do, and the subjects that it needs.
//!
//! A function of this module names an action, such as [`request`] or
//! [`stream("ORDERS").consume("worker")`](Stream::consume). It returns [`Rights`], the subjects
//! that NATS clients need for the action and no others. [`Permit::allow`](crate::Permit::allow)
//! adds them. [`Intents`] is the same as a table of settings.
//!
//! ```
//! use portcullis_sdk::Permit;
//! use portcullis_sdk::intent::{kv, private_inbox, stream};
//!
//! let permit = Permit::new("APP")
//!     .with_user_name("alice")
//!     .allow(private_inbox("alice"))
//!     .allow(stream("ORDERS").consume("worker"))
//!     .allow(kv("config").get(["app.>"]));
//! assert!(permit.problems().is_empty());
//! assert_eq!(permit.subscribe().allow, ["_INBOX.alice.>"]);
//! assert_eq!(
//!     permit.publish().allow,
//!     [
//!         "$JS.API.CONSUMER.INFO.ORDERS.worker",
//!         "$JS.API.CONSUMER.MSG.NEXT.ORDERS.worker",
//!         "$JS.ACK.ORDERS.worker.>",
//!         "$JS.API.STREAM.INFO.KV_config",
//!         "$JS.API.DIRECT.GET.KV_config.$KV.config.app.>",
//!     ],
//! );
//! ```
//!
//! # Inboxes
//!
//! Every action that waits for an answer needs an inbox: all of `JetStream`, [`request`],
//! [`discover`] and [`user_info`]. Add [`private_inbox`] once, and configure the client with
//! [`inbox_prefix`].
//!
//! # Refusals
//!
//! An intent refuses arguments that would grant more than it says, and reports them as
//! [problems](Rights::problems). The host denies a login whose permit has one. Refused are:
//!
//! - a name that is not one token: empty, with `.`, `*`, `>`, braces, white space or control
//!   characters, or with a leading `$`. So a name may come from a login.
//! - a final `*` in a subject, filter or key. A hostile client uses it as `>` (door W12).
//! - a subject of an application that begins with `$`, a wildcard or `_INBOX`.
//!
//! No intent emits `$JS.API.>`, a read of a whole stream by `STREAM.MSG.GET` or an unscoped
//! `DIRECT.GET`, a consumer whose filter is not in the subject, or acknowledgements of a whole
//! stream.
//!
//! # What subjects cannot promise
//!
//! Rights by subject contain accidents. Inside one account, they do not contain a hostile client
//! with `JetStream` rights: it names the reply subject of a request, and the server publishes there
//! with its own rights. Such a client can overwrite foreign keys. Before servers 2.14.10 and
//! 2.15.3, it can also delete any stream of the account (doors W7b to W7w). Only an account of its
//! own, with narrow imports, contains it. The documentation of each intent names its doors.
//! `docs/guide/jetstream.md` of the repository describes all of them, and the recipe with an
//! account.

mod check;
mod jetstream;
mod key_value;
mod messages;
mod object_store;
mod profile;
mod settings;
mod stream;
mod tables;
#[cfg(test)]
mod tests;
mod texts;

pub use self::jetstream::account_hash;
pub use self::key_value::{KeyValue, kv};
pub use self::messages::{
    discover, inbox_prefix, private_inbox, publish, reply, reply_in_queue, request, service,
    subscribe, subscribe_in_queue, user_info,
};
pub use self::object_store::{ObjectStore, object_store};
pub use self::stream::{Stream, stream};
pub use self::tables::{Intents, KeyValueIntents, ObjectStoreIntents, StreamIntents, V2Acks};
pub(crate) use self::texts::Texts;

/// The subjects that an action needs. A function of [`intent`](self) creates them, and
/// [`Permit::allow`](crate::Permit::allow) adds them to a permit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "rights count once a permit allows them"]
pub struct Rights {
    pub(crate) publish: Vec<String>,
    pub(crate) subscribe: Vec<String>,
    pub(crate) problems: Vec<String>,
}

impl Rights {
    /// Returns the subjects to publish on.
    ///
    /// ```
    /// use portcullis_sdk::intent::request;
    ///
    /// assert_eq!(request(["orders.new"]).publish(), ["orders.new"]);
    /// ```
    pub fn publish(&self) -> &[String] {
        &self.publish
    }

    /// Returns the subjects to subscribe to, some as `subject queue`.
    ///
    /// ```
    /// use portcullis_sdk::intent::private_inbox;
    ///
    /// assert_eq!(private_inbox("alice").subscribe(), ["_INBOX.alice.>"]);
    /// ```
    pub fn subscribe(&self) -> &[String] {
        &self.subscribe
    }

    /// Returns the arguments that the intent refuses, one line each; empty if the rights are valid.
    ///
    /// ```
    /// use portcullis_sdk::intent::stream;
    ///
    /// assert_eq!(
    ///     stream("ORDERS").consume("*").problems(),
    ///     ["consumer `*`: expected one token without `.`, `*`, `>`, braces, white space, control characters and a leading `$`"],
    /// );
    /// ```
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// Adds other rights to these.
    ///
    /// ```
    /// use portcullis_sdk::intent::{publish, subscribe};
    ///
    /// let both = publish(["a"]).and(subscribe(["b"]));
    /// assert_eq!((both.publish(), both.subscribe()), (&["a".to_owned()][..], &["b".to_owned()][..]));
    /// ```
    pub fn and(mut self, other: Self) -> Self {
        for subject in other.publish {
            self = self.publishing(subject);
        }
        for subject in other.subscribe {
            self = self.subscribing(subject);
        }
        for problem in other.problems {
            self = self.refusing(Some(problem));
        }
        self
    }

    /// Adds a subject to publish on.
    fn publishing(mut self, subject: impl Into<String>) -> Self {
        add(&mut self.publish, subject.into());
        self
    }

    /// Adds a subject to subscribe to.
    fn subscribing(mut self, subject: impl Into<String>) -> Self {
        add(&mut self.subscribe, subject.into());
        self
    }

    /// Adds a problem, if an argument has one.
    fn refusing(mut self, problem: Option<String>) -> Self {
        if let Some(problem) = problem {
            add(&mut self.problems, problem);
        }
        self
    }
}

fn add(list: &mut Vec<String>, text: String) {
    if !list.contains(&text) {
        list.push(text);
    }
}
