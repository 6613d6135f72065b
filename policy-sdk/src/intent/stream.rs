//! Intents on a stream.

use super::Rights;
use super::check::{filter_problem, name_problem};
use super::jetstream::{JetStream, reach};
use super::messages;
use crate::Subject;

/// A stream, to say what a login may do with it. [`stream`] creates it.
///
/// The subjects are those for a client in the stream's account, without a domain or with the domain
/// of the server that it connects to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    name: String,
    api: JetStream,
}

/// Names a stream.
///
/// ```
/// use portcullis_sdk::intent::stream;
///
/// let rights = stream("ORDERS").last(["orders.eu.1"]);
/// assert!(rights.publish().contains(&"$JS.API.DIRECT.GET.ORDERS.orders.eu.1".to_owned()));
/// assert_eq!(stream("OR.DERS").last(["orders.eu.1"]).problems().len(), 1);
/// ```
pub fn stream(name: impl Into<String>) -> Stream {
    let name = name.into();
    let api = JetStream::new("stream", &name);
    Stream { name, api }
}

reach!(Stream);

impl Stream {
    /// Publishes messages to the stream, with or without acknowledgement: `SUBJECT`.
    ///
    /// A publisher can have the acknowledgement published on a subject of its choice (door W6). It
    /// can suppress the message of another publisher with an equal `Nats-Msg-Id` (door W9). Atomic
    /// batches, schedules and roll-ups of the stream open W7t, W8, W10 and W11.
    ///
    /// ```
    /// use portcullis_sdk::intent::stream;
    ///
    /// assert_eq!(stream("ORDERS").publish(["orders.new"]).publish(), ["orders.new"]);
    /// ```
    pub fn publish(&self, subjects: impl IntoIterator<Item = impl Into<Subject>>) -> Rights {
        self.api.rights().and(messages::publish(subjects))
    }

    /// Reads messages of these filters in order, with ordered consumers that the client makes and
    /// names.
    ///
    /// | publish |
    /// | --- |
    /// | `$JS.API.CONSUMER.CREATE.STREAM.*.FILTER` |
    /// | `$JS.API.CONSUMER.MSG.NEXT.STREAM.*`, `$JS.API.CONSUMER.DELETE.STREAM.*` |
    /// | `$JS.API.STREAM.INFO.STREAM`, `$JS.FC.STREAM.>` |
    ///
    /// Grant it only on a stream without other consumers: the client can pull from each of them
    /// (door C3), change the filter of one (C4, C4b) and delete it (C7). It can have messages
    /// delivered to any subject with a literal subscriber (W1). `STREAM.INFO` shows the names of
    /// all subjects (R9). A client whose consumer has no filter, or several, is refused.
    ///
    /// ```
    /// use portcullis_sdk::intent::stream;
    ///
    /// assert_eq!(
    ///     stream("ORDERS").read(["orders.eu.>"]).publish(),
    ///     [
    ///         "$JS.API.CONSUMER.MSG.NEXT.ORDERS.*",
    ///         "$JS.API.CONSUMER.DELETE.ORDERS.*",
    ///         "$JS.API.STREAM.INFO.ORDERS",
    ///         "$JS.FC.ORDERS.>",
    ///         "$JS.API.CONSUMER.CREATE.ORDERS.*.orders.eu.>",
    ///     ],
    /// );
    /// ```
    pub fn read(&self, filters: impl IntoIterator<Item = impl Into<Subject>>) -> Rights {
        let Self { name, api } = self;
        let calls = [
            format!("CONSUMER.MSG.NEXT.{name}.*"),
            format!("CONSUMER.DELETE.{name}.*"),
            format!("STREAM.INFO.{name}"),
        ];
        let rights = api.answering(api.calling(api.rights(), &calls), "FC", name);
        self.filtered(rights, filters, "filter", "CONSUMER.CREATE", ".*")
    }

    /// Reads the last message of these subjects, from a stream with `allow_direct`.
    ///
    /// | publish |
    /// | --- |
    /// | `$JS.API.DIRECT.GET.STREAM.SUBJECT`, `$JS.API.STREAM.INFO.STREAM` |
    ///
    /// The client can have the answer published on a subject of its choice: it can delete any
    /// stream of the account (doors W7b, W7d). `STREAM.INFO` shows the names of all subjects (R9).
    /// The command `nats stream get` does not work, because it uses an unscoped call.
    ///
    /// ```
    /// use portcullis_sdk::intent::stream;
    ///
    /// assert_eq!(
    ///     stream("ORDERS").last(["orders.eu.1"]).publish(),
    ///     ["$JS.API.STREAM.INFO.ORDERS", "$JS.API.DIRECT.GET.ORDERS.orders.eu.1"],
    /// );
    /// ```
    pub fn last(&self, subjects: impl IntoIterator<Item = impl Into<Subject>>) -> Rights {
        let calls = [format!("STREAM.INFO.{}", self.name)];
        let rights = self.api.calling(self.api.rights(), &calls);
        self.filtered(rights, subjects, "subject", "DIRECT.GET", "")
    }

    /// Pulls and acknowledges messages of a consumer that an administrator has made.
    ///
    /// | publish |
    /// | --- |
    /// | `$JS.API.CONSUMER.INFO.STREAM.CONSUMER`, `$JS.API.CONSUMER.MSG.NEXT.STREAM.CONSUMER` |
    /// | `$JS.ACK.STREAM.CONSUMER.>` |
    ///
    /// The client can have status messages and empty answers published on a subject of its choice:
    /// it can delete any stream of the account (doors W4, W7h, W7i, W7r). On a work queue, reading
    /// deletes (C8).
    ///
    /// ```
    /// use portcullis_sdk::intent::stream;
    ///
    /// assert_eq!(
    ///     stream("ORDERS").consume("worker").publish(),
    ///     [
    ///         "$JS.API.CONSUMER.INFO.ORDERS.worker",
    ///         "$JS.API.CONSUMER.MSG.NEXT.ORDERS.worker",
    ///         "$JS.ACK.ORDERS.worker.>",
    ///     ],
    /// );
    /// ```
    pub fn consume(&self, consumer: impl AsRef<str>) -> Rights {
        let (Self { name, api }, consumer) = (self, consumer.as_ref());
        let rights = api.rights().refusing(name_problem("consumer", consumer));
        let consumer = format!("{name}.{consumer}");
        let calls = [
            format!("CONSUMER.INFO.{consumer}"),
            format!("CONSUMER.MSG.NEXT.{consumer}"),
        ];
        api.answering(api.calling(rights, &calls), "ACK", &consumer)
    }

    /// Makes a consumer with this name and filter, and does what [`consume`](Self::consume) does.
    ///
    /// | publish |
    /// | --- |
    /// | those of `consume`, and `$JS.API.CONSUMER.CREATE.STREAM.CONSUMER.FILTER` |
    ///
    /// The consumer must belong to this login alone. The client can have messages delivered to any
    /// subject with a literal subscriber (door W1), and can make the consumer durable (C10) or
    /// hidden (C9). On a work queue, it can occupy a filter (C8b). A narrower filter is possible
    /// too (R4f).
    ///
    /// ```
    /// use portcullis_sdk::intent::stream;
    ///
    /// let rights = stream("ORDERS").consume_filtered("worker", "orders.eu.>");
    /// assert!(rights.publish().contains(&"$JS.API.CONSUMER.CREATE.ORDERS.worker.orders.eu.>".to_owned()));
    /// ```
    pub fn consume_filtered(
        &self,
        consumer: impl AsRef<str>,
        filter: impl Into<Subject>,
    ) -> Rights {
        let consumer = consumer.as_ref();
        let rights = self.consume(consumer);
        let of_consumer = format!(".{consumer}");
        self.filtered(rights, [filter], "filter", "CONSUMER.CREATE", &of_consumer)
    }

    /// Receives messages of a push consumer that an administrator has made, on its deliver subject
    /// or on `subject queue`.
    ///
    /// | side | subjects |
    /// | --- | --- |
    /// | publish | `$JS.API.CONSUMER.INFO.STREAM.CONSUMER`, `$JS.ACK.STREAM.CONSUMER.>`, `$JS.FC.STREAM.CONSUMER.>` |
    /// | subscribe | `DELIVER`, or `DELIVER QUEUE` |
    ///
    /// Every client that may subscribe to the deliver subject gets copies (door R14).
    ///
    /// ```
    /// use portcullis_sdk::intent::stream;
    ///
    /// let rights = stream("ORDERS").receive("pusher", "deliver.orders group");
    /// assert_eq!(rights.subscribe(), ["deliver.orders group"]);
    /// assert_eq!(
    ///     rights.publish(),
    ///     ["$JS.API.CONSUMER.INFO.ORDERS.pusher", "$JS.ACK.ORDERS.pusher.>", "$JS.FC.ORDERS.pusher.>"],
    /// );
    /// ```
    pub fn receive(&self, consumer: impl AsRef<str>, deliver: impl Into<Subject>) -> Rights {
        let (Self { name, api }, consumer) = (self, consumer.as_ref());
        let rights = api.rights().refusing(name_problem("consumer", consumer));
        let consumer = format!("{name}.{consumer}");
        let rights = api.calling(rights, &[format!("CONSUMER.INFO.{consumer}")]);
        let rights = api.answering(rights, "ACK", &consumer);
        let rights = api.answering(rights, "FC", &consumer);
        let deliver: Subject = deliver.into();
        match deliver.as_str().split_once(' ') {
            Some((subject, queue)) => {
                let subject = Subject::from_checked(subject.to_owned());
                rights.and(messages::subscribe_in_queue(queue, [subject]))
            }
            None => rights.and(messages::subscribe([deliver])),
        }
    }

    /// Administers the stream: makes, changes, purges and deletes it, and deletes messages.
    ///
    /// | publish |
    /// | --- |
    /// | `$JS.API.INFO` |
    /// | `$JS.API.STREAM.CREATE.STREAM`, and the same with `UPDATE`, `INFO`, `PURGE`, `DELETE`, `MSG.DELETE` |
    ///
    /// Managing a stream is a right over the whole account: the configuration of a stream can copy
    /// other streams, capture inboxes and republish (doors S1 to S3c, S5).
    ///
    /// ```
    /// use portcullis_sdk::intent::stream;
    ///
    /// let rights = stream("ORDERS").manage();
    /// assert_eq!(rights.publish().len(), 7);
    /// assert!(rights.publish().contains(&"$JS.API.STREAM.CREATE.ORDERS".to_owned()));
    /// ```
    pub fn manage(&self) -> Rights {
        manage(&self.api, &self.name)
            .publishing(self.api.call(&format!("STREAM.MSG.DELETE.{}", self.name)))
    }

    /// Administers the consumers of the stream, each with a filter: makes, changes, pauses, resets
    /// and deletes them.
    ///
    /// | publish |
    /// | --- |
    /// | `$JS.API.CONSUMER.CREATE.STREAM.*.>` |
    /// | `$JS.API.CONSUMER.INFO.STREAM.*`, and the same with `DELETE`, `PAUSE`, `RESET` |
    /// | `$JS.API.CONSUMER.LIST.STREAM`, `$JS.API.CONSUMER.NAMES.STREAM`, `$JS.API.STREAM.INFO.STREAM` |
    ///
    /// Managing consumers includes reading the whole stream (door R5c) and changing every consumer
    /// (C4 to C7, R18). A consumer of all messages has the filter `>`.
    ///
    /// ```
    /// use portcullis_sdk::intent::stream;
    ///
    /// let rights = stream("ORDERS").manage_consumers();
    /// assert!(rights.publish().contains(&"$JS.API.CONSUMER.CREATE.ORDERS.*.>".to_owned()));
    /// ```
    pub fn manage_consumers(&self) -> Rights {
        let Self { name, api } = self;
        let calls = [
            format!("CONSUMER.CREATE.{name}.*.>"),
            format!("CONSUMER.INFO.{name}.*"),
            format!("CONSUMER.DELETE.{name}.*"),
            format!("CONSUMER.PAUSE.{name}.*"),
            format!("CONSUMER.RESET.{name}.*"),
            format!("CONSUMER.LIST.{name}"),
            format!("CONSUMER.NAMES.{name}"),
            format!("STREAM.INFO.{name}"),
        ];
        api.calling(api.rights(), &calls)
    }

    /// Adds `CALL.STREAM[.CONSUMER].FILTER` for each filter.
    fn filtered(
        &self,
        rights: Rights,
        filters: impl IntoIterator<Item = impl Into<Subject>>,
        what: &str,
        call: &str,
        consumer: &str,
    ) -> Rights {
        filters.into_iter().fold(rights, |rights, filter| {
            let filter: String = filter.into().into();
            rights.refusing(filter_problem(what, &filter)).publishing(
                self.api
                    .call(&format!("{call}.{}{consumer}.{filter}", self.name)),
            )
        })
    }
}

/// Adds what administers a stream, also that of a bucket or store.
pub(super) fn manage(api: &JetStream, stream: &str) -> Rights {
    let verbs = ["CREATE", "UPDATE", "INFO", "PURGE", "DELETE"];
    let calls = verbs.map(|verb| format!("STREAM.{verb}.{stream}"));
    api.calling(api.calling(api.rights(), &["INFO".to_owned()]), &calls)
}
