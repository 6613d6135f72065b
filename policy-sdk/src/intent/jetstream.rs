//! What the intents of `JetStream` share: the API's prefix, and subjects of consumers.

use sha2::{Digest, Sha256};

use super::Rights;
use super::check::{name_problem, prefix_problem};

/// How a client reaches the `JetStream` of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct JetStream {
    /// `$JS.API`, or the prefix of a domain or of an import.
    prefix: String,
    /// The first tokens of acknowledgements of version 2.
    v2: Option<String>,
    problems: Vec<String>,
}

impl JetStream {
    /// The API of the account that the client is in.
    pub(super) fn new(what: &str, name: &str) -> Self {
        Self {
            prefix: "$JS.API".to_owned(),
            v2: None,
            problems: name_problem(what, name).into_iter().collect(),
        }
    }

    /// Uses the API of a domain, from a leafnode of another domain.
    pub(super) fn set_domain(&mut self, domain: &str) {
        self.problems.extend(name_problem("domain", domain));
        self.prefix = format!("$JS.{domain}.API");
    }

    /// Uses an API that the account imports under this prefix.
    pub(super) fn set_prefix(&mut self, prefix: &str) {
        self.problems.extend(prefix_problem(prefix));
        prefix.clone_into(&mut self.prefix);
    }

    /// Adds acknowledgements and flow control of version 2.
    pub(super) fn set_v2(&mut self, account: &str, domain: &str) {
        self.problems.extend(name_problem("domain", domain));
        self.v2 = Some(format!("{domain}.{}", account_hash(account)));
    }

    /// Whether the client uses a prefix. Some clients then publish entries of buckets below it.
    pub(super) fn is_remote(&self) -> bool {
        self.prefix != "$JS.API"
    }

    /// Returns rights without subjects, with the problems of names.
    pub(super) fn rights(&self) -> Rights {
        Rights {
            problems: self.problems.clone(),
            ..Rights::default()
        }
    }

    /// Returns the subject of a call, such as `STREAM.INFO.ORDERS`.
    pub(super) fn call(&self, call: &str) -> String {
        format!("{}.{call}", self.prefix)
    }

    /// Adds calls.
    pub(super) fn calling(&self, rights: Rights, calls: &[String]) -> Rights {
        calls
            .iter()
            .fold(rights, |rights, call| rights.publishing(self.call(call)))
    }

    /// Adds acknowledgements (`ACK`) or flow control (`FC`) below `name`, such as `ORDERS.worker`.
    pub(super) fn answering(&self, rights: Rights, kind: &str, name: &str) -> Rights {
        let rights = rights.publishing(format!("$JS.{kind}.{name}.>"));
        match &self.v2 {
            Some(v2) => rights.publishing(format!("$JS.{kind}.{v2}.{name}.>")),
            None => rights,
        }
    }
}

/// Returns the hash of an account in subjects of version 2. The account is given as the server
/// knows it: by name in config mode, by public nkey in operator mode.
///
/// ```
/// use portcullis_sdk::intent::account_hash;
///
/// assert_eq!(account_hash("A"), "NUmM6cRx");
/// ```
pub fn account_hash(account: &str) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let digest = Sha256::digest(account.as_bytes());
    let digits = digest
        .iter()
        .take(8)
        .filter_map(|byte| DIGITS.get(usize::from(byte % 62)));
    digits.map(|digit| char::from(*digit)).collect()
}

/// Defines the methods by which a type with a field `api` says how a client reaches `JetStream`.
macro_rules! reach {
    ($name:ident) => {
        impl $name {
            /// Reaches `JetStream` from a leafnode of another domain: calls begin with
            /// `$JS.DOMAIN.API`. The leafnode's own user at the hub needs the same subjects, and
            /// `_INBOX.>` to subscribe. A client that connects to a server of the domain itself
            /// needs the subjects without a domain, also if it sets one.
            ///
            /// ```
            /// use portcullis_sdk::intent::{kv, stream};
            ///
            /// let rights = stream("ORDERS").in_domain("hub").consume("worker");
            /// assert_eq!(rights.publish()[0], "$JS.hub.API.CONSUMER.INFO.ORDERS.worker");
            ///
            /// // Some clients publish entries of buckets below the prefix.
            /// assert_eq!(
            ///     kv("config").in_domain("hub").put(["a"]).publish(),
            ///     ["$JS.hub.API.STREAM.INFO.KV_config", "$KV.config.a", "$JS.hub.API.$KV.config.a"],
            /// );
            /// ```
            #[must_use]
            pub fn in_domain(mut self, domain: impl AsRef<str>) -> Self {
                self.api.set_domain(domain.as_ref());
                self
            }

            /// Reaches the `JetStream` of another account, whose API this account imports under a
            /// prefix. The prefix is a subject of literal tokens.
            ///
            /// ```
            /// use portcullis_sdk::intent::stream;
            /// use portcullis_sdk::subject;
            ///
            /// let rights = stream("ORDERS").with_api_prefix("acme.API").consume("worker");
            /// assert_eq!(rights.publish()[0], "acme.API.CONSUMER.INFO.ORDERS.worker");
            ///
            /// let prefix = subject!("js.{}.API", "a.b");
            /// let rights = stream("ORDERS").with_api_prefix(prefix);
            /// assert_eq!(rights.consume("worker").problems().len(), 0);
            /// ```
            ///
            /// ```compile_fail,E0277
            /// use portcullis_sdk::intent::stream;
            ///
            /// let tenant = String::from("a.b");
            /// stream("ORDERS").with_api_prefix(format!("js.{tenant}.API"));
            /// ```
            #[must_use]
            pub fn with_api_prefix(mut self, prefix: impl Into<$crate::Subject>) -> Self {
                self.api.set_prefix(prefix.into().as_str());
                self
            }

            /// Adds acknowledgements and flow control of version 2, for servers with
            /// `feature_flags { js_ack_fc_v2: true }` (2.14 and later). `domain` is the domain of
            /// the server's `JetStream`, or `_` without one.
            ///
            /// Domain and hash are written out. With wildcards there, the rights would open every
            /// pull consumer of the account (door C13).
            ///
            /// ```
            /// use portcullis_sdk::intent::stream;
            ///
            /// let rights = stream("ORDERS").with_v2_acks("A", "_").consume("worker");
            /// assert!(rights.publish().contains(&"$JS.ACK._.NUmM6cRx.ORDERS.worker.>".to_owned()));
            /// ```
            #[must_use]
            pub fn with_v2_acks(
                mut self,
                account: impl AsRef<str>,
                domain: impl AsRef<str>,
            ) -> Self {
                self.api.set_v2(account.as_ref(), domain.as_ref());
                self
            }
        }
    };
}

pub(super) use reach;
