//! A permit as a plain value, until the host takes it.

mod bounds;
#[cfg(target_arch = "wasm32")]
mod host;
#[cfg(any(target_arch = "wasm32", test))]
mod portions;
#[cfg(not(target_arch = "wasm32"))]
mod rules;
pub(crate) mod subject;

use std::time::Duration;

use self::bounds::Bounds;

/// The permissions and bounds of a permitted login.
///
/// A permit starts with an account and allows nothing. Methods add to it and can be chained. They
/// never fail: the host validates the finished permit. If the permit is invalid, the host denies
/// the login and names the policy and the problem. [`problems`](Self::problems) reports such
/// problems to the policy beforehand.
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
///     .user_name("alice")
///     .publish_allow("orders.>")
///     .publish_deny("orders.archive.>")
///     .subscribe_allow_all(["_INBOX.>", "orders.*.status"])
///     .expires_in(Duration::from_hours(1));
/// assert_eq!(permit.publish_allowed(), ["orders.>"]);
/// assert!(permit.problems().is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a permit lets nobody in until it is returned as a verdict"]
pub struct Permit {
    account: String,
    role: Option<String>,
    user_name: Option<String>,
    publish_allow: Vec<String>,
    publish_deny: Vec<String>,
    subscribe_allow: Vec<String>,
    subscribe_deny: Vec<String>,
    responses: Option<Responses>,
    lifetime: Option<Duration>,
    expiry: Option<u64>,
    bounds: Bounds,
    tags: Vec<String>,
}

/// Permission to publish on the reply subject of a received message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Responses {
    /// The maximum number of replies to one message. Zero means the server's default, one.
    pub max: u32,
    /// The time after the message in which replies are allowed, in whole milliseconds. Zero means
    /// the server's default, two minutes.
    pub ttl: Duration,
}

impl Permit {
    /// Creates a permit for an account that allows nothing yet. The account is given by name in
    /// config mode, and by name or public nkey in operator mode.
    pub fn new(account: impl Into<String>) -> Self {
        Self {
            account: account.into(),
            role: None,
            user_name: None,
            publish_allow: Vec::new(),
            publish_deny: Vec::new(),
            subscribe_allow: Vec::new(),
            subscribe_deny: Vec::new(),
            responses: None,
            lifetime: None,
            expiry: None,
            bounds: Bounds::default(),
            tags: Vec::new(),
        }
    }

    /// Sets the user name that the server shows for the connection. Default: the name that the
    /// client gave.
    pub fn user_name(mut self, name: impl Into<String>) -> Self {
        self.user_name = Some(name.into());
        self
    }

    /// Allows publishing on a subject, wildcards included.
    pub fn publish_allow(mut self, subject: impl Into<String>) -> Self {
        self.publish_allow.push(subject.into());
        self
    }

    /// Allows publishing on every one of `subjects`.
    pub fn publish_allow_all(
        mut self,
        subjects: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        self.publish_allow
            .extend(subjects.into_iter().map(Into::into));
        self
    }

    /// Denies publishing on a subject; deny wins over allow.
    pub fn publish_deny(mut self, subject: impl Into<String>) -> Self {
        self.publish_deny.push(subject.into());
        self
    }

    /// Denies publishing on every one of `subjects`.
    pub fn publish_deny_all(
        mut self,
        subjects: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        self.publish_deny
            .extend(subjects.into_iter().map(Into::into));
        self
    }

    /// Allows subscribing to a subject, or to `subject queue`.
    pub fn subscribe_allow(mut self, subject: impl Into<String>) -> Self {
        self.subscribe_allow.push(subject.into());
        self
    }

    /// Allows subscribing to every one of `subjects`.
    pub fn subscribe_allow_all(
        mut self,
        subjects: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        self.subscribe_allow
            .extend(subjects.into_iter().map(Into::into));
        self
    }

    /// Denies subscribing to a subject, or to `subject queue`; deny wins over allow.
    pub fn subscribe_deny(mut self, subject: impl Into<String>) -> Self {
        self.subscribe_deny.push(subject.into());
        self
    }

    /// Denies subscribing to every one of `subjects`.
    pub fn subscribe_deny_all(
        mut self,
        subjects: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        self.subscribe_deny
            .extend(subjects.into_iter().map(Into::into));
        self
    }

    /// Allows publishing on the reply subject of a received message, up to `max` times within
    /// `ttl`, in whole milliseconds. Zero means the server's default: one reply, two minutes. The
    /// last call wins.
    pub fn responses_allow(mut self, max: u32, ttl: Duration) -> Self {
        self.responses = Some(Responses { max, ttl });
        self
    }

    /// Limits the connection to this time after the request, in whole seconds, rounded down. The
    /// server then closes the connection. The earliest limit wins.
    pub fn expires_in(mut self, lifetime: Duration) -> Self {
        let earliest = self
            .lifetime
            .map_or(lifetime, |earlier| earlier.min(lifetime));
        self.lifetime = Some(earliest);
        self
    }

    /// Limits the connection to this time, in seconds since the Unix epoch. The server then closes
    /// the connection. The earliest limit wins.
    pub fn expires_at(mut self, time: u64) -> Self {
        self.expiry = Some(self.expiry.map_or(time, |earlier| earlier.min(time)));
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
    /// let permit = Permit::new("APP").role("reader");
    /// assert_eq!(permit.clone().user_name("a.*@example.com").problems().len(), 1);
    /// assert!(permit.user_name(escape("a.*@example.com")).problems().is_empty());
    /// ```
    pub fn role(mut self, name: impl Into<String>) -> Self {
        self.role = Some(name.into());
        self
    }

    /// Adds a tag to the user JWT.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Returns the problems of the permit, one line each; empty if the permit is valid.
    ///
    /// [`Policy::configure`](crate::Policy::configure) calls this method so that the host rejects
    /// bad settings when it loads the policy, not at the first login.
    ///
    /// A policy in service asks the host. A native test applies the host's rules for the content of
    /// a permit, but not the host's limits on the number of entries.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    ///
    /// let permit = Permit::new("APP").publish_allow("orders..new");
    /// assert_eq!(
    ///     permit.problems(),
    ///     ["publish-allow: invalid subject `orders..new`: it has an empty token; remove the extra `.`"],
    /// );
    /// ```
    pub fn problems(&self) -> Vec<String> {
        #[cfg(target_arch = "wasm32")]
        {
            self.to_host().problems()
        }
        #[cfg(not(target_arch = "wasm32"))]
        {
            rules::problems(self)
        }
    }
}

/// Getters, for tests.
impl Permit {
    /// Returns the account.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Returns the role set by [`role`](Self::role).
    pub fn role_name(&self) -> Option<&str> {
        self.role.as_deref()
    }

    /// Returns the user name set by [`user_name`](Self::user_name).
    pub fn user(&self) -> Option<&str> {
        self.user_name.as_deref()
    }

    /// Returns the subjects allowed for publishing.
    pub fn publish_allowed(&self) -> &[String] {
        &self.publish_allow
    }

    /// Returns the subjects denied for publishing.
    pub fn publish_denied(&self) -> &[String] {
        &self.publish_deny
    }

    /// Returns the subjects allowed for subscribing.
    pub fn subscribe_allowed(&self) -> &[String] {
        &self.subscribe_allow
    }

    /// Returns the subjects denied for subscribing.
    pub fn subscribe_denied(&self) -> &[String] {
        &self.subscribe_deny
    }

    /// Returns the permission to reply; `None` if the permit has none.
    pub const fn responses(&self) -> Option<Responses> {
        self.responses
    }

    /// Returns the shortest time set by [`expires_in`](Self::expires_in).
    pub const fn lifetime(&self) -> Option<Duration> {
        self.lifetime
    }

    /// Returns the earliest time set by [`expires_at`](Self::expires_at), in seconds since the Unix
    /// epoch.
    pub const fn expiry(&self) -> Option<u64> {
        self.expiry
    }

    /// Returns the tags.
    pub fn tags(&self) -> &[String] {
        &self.tags
    }
}
