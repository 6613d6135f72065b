//! Intents of core NATS: messages, requests, services and inboxes.

use super::Rights;
use super::check::{name_problem, subject_of_application_problem};
use crate::Subject;
use crate::template::escape;

/// The verbs by which clients discover services.
const VERBS: [&str; 3] = ["$SRV.PING", "$SRV.INFO", "$SRV.STATS"];

/// Publishes on these subjects: `SUBJECT`.
///
/// If a stream stores the subject, this stores messages in it. [`Stream::publish`](super::Stream)
/// names the doors.
///
/// ```
/// use portcullis_sdk::intent::publish;
///
/// assert_eq!(publish(["orders.new", "audit.>"]).publish(), ["orders.new", "audit.>"]);
/// assert_eq!(publish(["orders.*"]).problems().len(), 1);
/// assert_eq!(publish([">"]).problems().len(), 1);
/// ```
pub fn publish(subjects: impl IntoIterator<Item = impl Into<Subject>>) -> Rights {
    fold(subjects, |rights, subject| {
        rights
            .refusing(subject_of_application_problem("subject", &subject))
            .publishing(subject)
    })
}

/// Subscribes to these subjects: `SUBJECT`.
///
/// A subscription without a queue may also join any queue group of the subject (door I5b).
///
/// ```
/// use portcullis_sdk::intent::subscribe;
///
/// assert_eq!(subscribe(["news.>"]).subscribe(), ["news.>"]);
/// assert_eq!(subscribe(["_INBOX.>"]).problems().len(), 1);
/// ```
pub fn subscribe(subjects: impl IntoIterator<Item = impl Into<Subject>>) -> Rights {
    fold(subjects, |rights, subject| {
        rights
            .refusing(subject_of_application_problem("subject", &subject))
            .subscribing(subject)
    })
}

/// Subscribes to these subjects in one queue group only: `SUBJECT QUEUE`.
///
/// ```
/// use portcullis_sdk::intent::subscribe_in_queue;
///
/// assert_eq!(subscribe_in_queue("workers", ["orders.new"]).subscribe(), ["orders.new workers"]);
/// ```
pub fn subscribe_in_queue(
    queue: impl AsRef<str>,
    subjects: impl IntoIterator<Item = impl Into<Subject>>,
) -> Rights {
    let queue = queue.as_ref();
    let rights = Rights::default().refusing(name_problem("queue", queue));
    rights.and(fold(subjects, |rights, subject| {
        rights
            .refusing(subject_of_application_problem("subject", &subject))
            .subscribing(format!("{subject} {queue}"))
    }))
}

/// Sends requests on these subjects: `SUBJECT`. The answers need a [`private_inbox`].
///
/// The client chooses the reply subject, and the service answers there. If the service may publish
/// more than inboxes, the client steers what it publishes (doors I6c, W7k to W7q).
///
/// ```
/// use portcullis_sdk::intent::request;
///
/// assert_eq!(request(["orders.new"]).publish(), ["orders.new"]);
/// ```
pub fn request(subjects: impl IntoIterator<Item = impl Into<Subject>>) -> Rights {
    publish(subjects)
}

/// Answers requests on these subjects: subscribes to `SUBJECT`, and publishes on `_INBOX.>`.
///
/// The answers reach inboxes only, so that a client cannot steer the service to other subjects
/// (door W7p). The service itself can publish into any inbox below `_INBOX.` (door I2). Where every
/// client is trusted, [`subscribe`] with
/// [`Permit::allow_responses`](crate::Permit::allow_responses) avoids that, and opens W7k to W7q.
///
/// ```
/// use portcullis_sdk::intent::reply;
///
/// let rights = reply(["orders.new"]);
/// assert_eq!((rights.publish(), rights.subscribe()), (&["_INBOX.>".to_owned()][..], &["orders.new".to_owned()][..]));
/// ```
pub fn reply(subjects: impl IntoIterator<Item = impl Into<Subject>>) -> Rights {
    subscribe(subjects).publishing("_INBOX.>")
}

/// Answers requests in one queue group only: subscribes to `SUBJECT QUEUE`, and publishes on
/// `_INBOX.>`. [`reply`] names the doors.
///
/// ```
/// use portcullis_sdk::intent::reply_in_queue;
///
/// assert_eq!(reply_in_queue("q", ["orders.new"]).subscribe(), ["orders.new q"]);
/// ```
pub fn reply_in_queue(
    queue: impl AsRef<str>,
    subjects: impl IntoIterator<Item = impl Into<Subject>>,
) -> Rights {
    subscribe_in_queue(queue, subjects).publishing("_INBOX.>")
}

/// Serves a micro service: answers on its endpoints in the queue group `q`, which is the clients'
/// default, and to discovery.
///
/// | side | subjects |
/// | --- | --- |
/// | publish | `_INBOX.>` |
/// | subscribe | `SUBJECT q`; `$SRV.PING`, `$SRV.INFO` and `$SRV.STATS`, each also with `.NAME` and `.NAME.*` |
///
/// A service can answer the discovery of all services, and so pretend to be another one (door I7).
/// [`reply`] names the doors of answers.
///
/// ```
/// use portcullis_sdk::intent::service;
///
/// let rights = service("calc", ["calc.add"]);
/// assert_eq!(rights.publish(), ["_INBOX.>"]);
/// assert_eq!(
///     rights.subscribe(),
///     [
///         "calc.add q",
///         "$SRV.PING", "$SRV.PING.calc", "$SRV.PING.calc.*",
///         "$SRV.INFO", "$SRV.INFO.calc", "$SRV.INFO.calc.*",
///         "$SRV.STATS", "$SRV.STATS.calc", "$SRV.STATS.calc.*",
///     ],
/// );
/// ```
pub fn service(
    name: impl AsRef<str>,
    endpoints: impl IntoIterator<Item = impl Into<Subject>>,
) -> Rights {
    let name = name.as_ref();
    let rights = reply_in_queue("q", endpoints).refusing(name_problem("service", name));
    VERBS.iter().fold(rights, |rights, verb| {
        rights
            .subscribing(*verb)
            .subscribing(format!("{verb}.{name}"))
            .subscribing(format!("{verb}.{name}.*"))
    })
}

/// Discovers services: `$SRV.PING`, `$SRV.INFO`, `$SRV.STATS`. The answers need a
/// [`private_inbox`].
///
/// ```
/// use portcullis_sdk::intent::discover;
///
/// assert_eq!(discover().publish(), ["$SRV.PING", "$SRV.INFO", "$SRV.STATS"]);
/// ```
pub fn discover() -> Rights {
    VERBS
        .iter()
        .fold(Rights::default(), |rights, verb| rights.publishing(*verb))
}

/// Asks the server for the client's own user and permissions: `$SYS.REQ.USER.INFO`. The answer
/// needs a [`private_inbox`].
///
/// The client can have the answer published on a subject of its choice (door W7n).
///
/// ```
/// use portcullis_sdk::intent::user_info;
///
/// assert_eq!(user_info().publish(), ["$SYS.REQ.USER.INFO"]);
/// ```
pub fn user_info() -> Rights {
    Rights::default().publishing("$SYS.REQ.USER.INFO")
}

/// Receives answers in the user's private inbox: subscribes to `_INBOX.USER.>`.
///
/// No other user with a private inbox can read it (door I3). A client that keeps its default inbox,
/// `_INBOX.` and a random token, gets no answers: configure [`inbox_prefix`] in the client. A user
/// who may subscribe to `_INBOX.>` reads every inbox (door I1).
///
/// ```
/// use portcullis_sdk::intent::private_inbox;
///
/// assert_eq!(private_inbox("alice@example.com").subscribe(), ["_INBOX.alice@example%2Ecom.>"]);
/// ```
pub fn private_inbox(user_name: impl AsRef<str>) -> Rights {
    let user_name = user_name.as_ref();
    let problem = user_name
        .is_empty()
        .then(|| "private inbox: the user name is empty".to_owned());
    Rights::default()
        .refusing(problem)
        .subscribing(format!("{}.>", inbox_prefix(user_name)))
}

/// Returns the inbox prefix that a client configures for its [`private_inbox`]: `_INBOX.` and the
/// user name.
///
/// In the user name, ASCII letters, digits and `-_@+=:/` stay as they are. Every other byte of its
/// UTF-8 form is `%` and two upper-case hexadecimal digits. Two users never have the same prefix.
///
/// ```
/// use portcullis_sdk::intent::inbox_prefix;
///
/// assert_eq!(inbox_prefix("alice"), "_INBOX.alice");
/// assert_eq!(inbox_prefix("a.b c"), "_INBOX.a%2Eb%20c");
/// ```
pub fn inbox_prefix(user_name: &str) -> String {
    format!("_INBOX.{}", escape(user_name))
}

fn fold(
    subjects: impl IntoIterator<Item = impl Into<Subject>>,
    add: impl Fn(Rights, String) -> Rights,
) -> Rights {
    let subjects = subjects.into_iter().map(|subject| subject.into().into());
    subjects.fold(Rights::default(), add)
}
