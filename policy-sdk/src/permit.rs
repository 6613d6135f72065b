//! A permit as a plain value, until the host takes it.

#[cfg(not(target_arch = "wasm32"))]
mod access;
mod account;
mod bounds;
mod content;
mod getters;
#[cfg(target_arch = "wasm32")]
mod host;
#[cfg(not(target_arch = "wasm32"))]
mod native;
mod parts;
mod portions;
mod problems;
#[cfg(test)]
mod tests;

use std::time::Duration;

use self::parts::Bounds;
pub use self::parts::{Responses, Subjects, TimeRange};
use crate::Subject;
use crate::intent::Rights;
use crate::profile::SubjectLists;

/// The permissions and bounds of a permitted login.
///
/// A permit starts with an account and allows nothing. Methods add to it and can be chained. They
/// never fail: the host validates the finished permit. If the permit is invalid, the host denies
/// the login and names the policy and the problem. [`problems`](Self::problems) reports such
/// problems to the policy beforehand.
///
/// # Names of methods
///
/// A method that changes the permit begins with a verb. A method that reads it is named by the
/// noun.
///
/// | method | effect of several calls | read by |
/// | --- | --- | --- |
/// | `with_NAME(value)` sets | the last one wins | `NAME()` |
/// | `allow_NAME(list)`, `deny_NAME(list)`, `add_NAME(list)` append | all of them count | `NAME()` |
/// | `limit_NAME(value)` limits | the smallest one wins | `NAME()` |
/// | `require_NAME()` requires | | `NAME_required()` |
///
/// # Subjects
///
/// A list takes texts that exist at compile time. Data of a login enters a subject through
/// [`subject!`](crate::subject!). [`allow`](Self::allow) takes an [intent](crate::intent), such as
/// to consume a stream, and adds the subjects for it.
///
/// # An empty list denies everything
///
/// If a side (publish or subscribe) allows no subject, the host denies that side altogether. NATS
/// itself reads an empty list as everything; the host never sends one. Deny wins over allow.
///
/// # Example
///
/// ```
/// use std::time::Duration;
///
/// use portcullis_sdk::Permit;
///
/// let permit = Permit::new("APP")
///     .with_user_name("alice")
///     .allow_publish(["orders.>"])
///     .deny_publish(["orders.archive.>"])
///     .allow_subscribe(["_INBOX.>", "orders.*.status"])
///     .limit_lifetime(Duration::from_hours(1));
/// assert_eq!(permit.publish().allow, ["orders.>"]);
/// assert!(permit.problems().is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a permit admits no login until it is returned as a verdict"]
pub struct Permit {
    account: String,
    role: Option<String>,
    user_name: Option<String>,
    publish: Subjects,
    subscribe: Subjects,
    responses: Option<Responses>,
    lifetime: Option<Duration>,
    expiry: Option<u64>,
    bounds: Bounds,
    tags: Vec<String>,
    /// The problems of rights that an intent refuses. With one, the permit is invalid.
    refused: Vec<String>,
}

impl Permit {
    /// Creates a permit for an account that allows nothing yet. The account is given by name in
    /// config mode, and by name or public nkey in operator mode.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    ///
    /// assert!(Permit::new("APP").publish().allow.is_empty());
    /// ```
    pub fn new(account: impl Into<String>) -> Self {
        Self {
            account: account.into(),
            role: None,
            user_name: None,
            publish: Subjects::default(),
            subscribe: Subjects::default(),
            responses: None,
            lifetime: None,
            expiry: None,
            bounds: Bounds::default(),
            tags: Vec::new(),
            refused: Vec::new(),
        }
    }

    /// Sets the user name that the server shows for the connection. Default: the name that the
    /// client gave.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    ///
    /// assert_eq!(Permit::new("APP").with_user_name("alice").user_name(), Some("alice"));
    /// ```
    pub fn with_user_name(mut self, name: impl Into<String>) -> Self {
        self.user_name = Some(name.into());
        self
    }

    /// Allows publishing on these subjects, wildcards included.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    ///
    /// let permit = Permit::new("APP").allow_publish(["orders.new", "orders.*.cancel"]);
    /// assert_eq!(permit.publish().allow, ["orders.new", "orders.*.cancel"]);
    /// ```
    pub fn allow_publish(mut self, subjects: impl IntoIterator<Item = impl Into<Subject>>) -> Self {
        self.publish.allow.extend(texts(subjects));
        self
    }

    /// Allows what an [intent](crate::intent) needs: adds its subjects to both sides. A subject
    /// that the permit allows already is not added again.
    ///
    /// The permit is invalid if the intent has [problems](Rights::problems). The host denies the
    /// login then.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    /// use portcullis_sdk::intent::{private_inbox, request};
    ///
    /// let permit = Permit::new("APP")
    ///     .with_user_name("alice")
    ///     .allow(private_inbox("alice"))
    ///     .allow(request(["orders.new"]));
    /// assert_eq!(permit.publish().allow, ["orders.new"]);
    /// assert_eq!(permit.subscribe().allow, ["_INBOX.alice.>"]);
    /// ```
    pub fn allow(mut self, rights: Rights) -> Self {
        let Rights {
            publish,
            subscribe,
            problems,
        } = rights;
        for (list, subjects) in [
            (&mut self.publish.allow, publish),
            (&mut self.subscribe.allow, subscribe),
        ] {
            for subject in subjects {
                if !list.contains(&subject) {
                    list.push(subject);
                }
            }
        }
        self.refused.extend(problems);
        self
    }

    /// Denies publishing on these subjects; deny wins over allow.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    ///
    /// let permit = Permit::new("APP").allow_publish(["a.>"]).deny_publish(["a.secret"]);
    /// assert_eq!(permit.publish().deny, ["a.secret"]);
    /// ```
    pub fn deny_publish(mut self, subjects: impl IntoIterator<Item = impl Into<Subject>>) -> Self {
        self.publish.deny.extend(texts(subjects));
        self
    }

    /// Allows subscribing to these subjects. Each is a `subject` or a `subject queue`.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    ///
    /// let permit = Permit::new("APP").allow_subscribe(["_INBOX.>", "orders.new workers"]);
    /// assert!(permit.problems().is_empty());
    /// ```
    pub fn allow_subscribe(
        mut self,
        subjects: impl IntoIterator<Item = impl Into<Subject>>,
    ) -> Self {
        self.subscribe.allow.extend(texts(subjects));
        self
    }

    /// Denies subscribing to these subjects; deny wins over allow. Each is a `subject` or a
    /// `subject queue`.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    ///
    /// let permit = Permit::new("APP").allow_subscribe(["a.>"]).deny_subscribe(["a.secret"]);
    /// assert_eq!(permit.subscribe().deny, ["a.secret"]);
    /// ```
    pub fn deny_subscribe(
        mut self,
        subjects: impl IntoIterator<Item = impl Into<Subject>>,
    ) -> Self {
        self.subscribe.deny.extend(texts(subjects));
        self
    }

    /// Allows publishing on the reply subject of a received message. The last call wins.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use portcullis_sdk::{Permit, Responses};
    ///
    /// let service = Permit::new("APP").allow_responses(Responses::default());
    /// assert!(service.responses().is_some());
    ///
    /// let responses = Responses { max: 3, ttl: Duration::from_secs(5) };
    /// let streaming = Permit::new("APP").allow_responses(responses);
    /// assert_eq!(streaming.responses(), Some(responses));
    /// ```
    pub fn allow_responses(mut self, responses: Responses) -> Self {
        self.responses = Some(responses);
        self
    }

    /// Limits the connection to this time after the request, in whole seconds, rounded down. The
    /// server then closes the connection. The smallest limit wins.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use portcullis_sdk::Permit;
    ///
    /// let permit = Permit::new("APP")
    ///     .limit_lifetime(Duration::from_hours(8))
    ///     .limit_lifetime(Duration::from_hours(1));
    /// assert_eq!(permit.lifetime(), Some(Duration::from_hours(1)));
    /// ```
    pub fn limit_lifetime(mut self, lifetime: Duration) -> Self {
        let smallest = self.lifetime.map_or(lifetime, |known| known.min(lifetime));
        self.lifetime = Some(smallest);
        self
    }

    /// Limits the connection to this time, in seconds since the Unix epoch. The server then closes
    /// the connection. The earliest limit wins, also compared with
    /// [`limit_lifetime`](Self::limit_lifetime).
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    ///
    /// let permit = Permit::new("APP").limit_expiry(1_900_000_000);
    /// assert_eq!(permit.expiry(), Some(1_900_000_000));
    /// ```
    pub fn limit_expiry(mut self, time: u64) -> Self {
        self.expiry = Some(self.expiry.map_or(time, |known| known.min(time)));
        self
    }

    /// Selects the account's signing key of this name (operator mode). If the key is scoped, its
    /// own template defines the permissions of the login, and the permit must define none.
    ///
    /// The server inserts the user name and the values of tags (`VALUE` of `NAME:VALUE`) into the
    /// template's subjects unchanged. With a role, each of them must be one literal token: no `.`,
    /// wildcard, brace, white space, control character or leading `$`. The host rejects a permit
    /// that breaks this rule. [`escape`](crate::template::escape) makes one token of any text.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    /// use portcullis_sdk::template::escape;
    ///
    /// let permit = Permit::new("APP").with_role("reader");
    /// assert_eq!(permit.clone().with_user_name("a.*@example.com").problems().len(), 1);
    /// assert!(permit.with_user_name(escape("a.*@example.com")).problems().is_empty());
    /// ```
    pub fn with_role(mut self, name: impl Into<String>) -> Self {
        self.role = Some(name.into());
        self
    }

    /// Adds tags to the user JWT.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    ///
    /// assert_eq!(Permit::new("APP").add_tags(["team:a"]).tags(), ["team:a"]);
    /// ```
    pub fn add_tags(mut self, tags: impl IntoIterator<Item = impl Into<String>>) -> Self {
        extend(&mut self.tags, tags);
        self
    }
}

/// Methods for the texts of settings, which the operator wrote.
impl Permit {
    /// Adds the subjects of both sides.
    pub(crate) fn add_subjects(mut self, publish: &SubjectLists, subscribe: &SubjectLists) -> Self {
        for (list, more) in [
            (&mut self.publish.allow, &publish.allow),
            (&mut self.publish.deny, &publish.deny),
            (&mut self.subscribe.allow, &subscribe.allow),
            (&mut self.subscribe.deny, &subscribe.deny),
        ] {
            list.extend_from_slice(more);
        }
        self
    }

    /// Returns the problems of rights that an intent refuses.
    pub(crate) fn refused(&self) -> &[String] {
        &self.refused
    }
}

/// Returns the texts of subjects.
fn texts(subjects: impl IntoIterator<Item = impl Into<Subject>>) -> impl Iterator<Item = String> {
    subjects.into_iter().map(|subject| subject.into().into())
}

fn extend(list: &mut Vec<String>, texts: impl IntoIterator<Item = impl Into<String>>) {
    list.extend(texts.into_iter().map(Into::into));
}
