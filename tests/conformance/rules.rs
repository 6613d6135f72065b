//! The rules of a row's policy: settings of the guest `conforms`, which applies the first matching
//! rule.

use std::fmt::Write as _;

/// A rule: its conditions, and its permit or denial.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rule {
    /// The conditions, which must all hold.
    conditions: Vec<String>,
    /// The parts of the permit.
    grant: Vec<String>,
    /// The reason of the denial; `None` for a permit.
    denial: Option<String>,
}

impl Rule {
    /// Creates a rule for all logins.
    pub(crate) fn anybody() -> Self {
        Self::default()
    }

    /// Creates a rule for a user with this password.
    pub(crate) fn password(user: &str, password: &str) -> Self {
        Self::user(user).when("password", &format!("plain:{password}"))
    }

    /// Creates a rule for a user with any password.
    pub(crate) fn user(user: &str) -> Self {
        Self::default().when("username", user)
    }

    /// Creates a rule for clients with this token.
    pub(crate) fn token(token: &str) -> Self {
        Self::default().when("token", &format!("plain:{token}"))
    }

    /// Creates a rule for clients whose verified certificate has this subject.
    pub(crate) fn certificate(subject: &str) -> Self {
        Self::default().when("certificate-subject", subject)
    }

    /// Creates a rule for clients that have proved to hold this key.
    pub(crate) fn nkey(key: &str) -> Self {
        Self::default().when("nkey", key)
    }

    /// Restricts the rule to logins by this method.
    pub(crate) fn method(self, method: &str) -> Self {
        self.when("method", method)
    }

    /// Restricts the rule to logins whose user JWT has this name.
    pub(crate) fn name_tag(self, name: &str) -> Self {
        self.when("name-tag", name)
    }

    /// Places the logins in an account.
    pub(crate) fn permits(self, account: &str) -> Self {
        self.then("account", account)
    }

    /// Allows all subjects.
    pub(crate) fn everything(self) -> Self {
        self.publish(&[">"]).subscribe(&[">"])
    }

    /// Sets the user name.
    pub(crate) fn named(self, name: &str) -> Self {
        self.then("user-name", name)
    }

    /// Selects a role that signs the users.
    pub(crate) fn role(self, role: &str) -> Self {
        self.then("role", role)
    }

    /// Allows publishing on these subjects.
    pub(crate) fn publish(self, subjects: &[&str]) -> Self {
        self.with(format!("publish-allow = {subjects:?}"))
    }

    /// Allows subscribing to these subjects.
    pub(crate) fn subscribe(self, subjects: &[&str]) -> Self {
        self.with(format!("subscribe-allow = {subjects:?}"))
    }

    /// Limits the connection to this number of seconds.
    pub(crate) fn expires_in(self, seconds: u32) -> Self {
        self.with(format!("expires-in = {seconds}"))
    }

    /// Allows only these types of connection.
    pub(crate) fn connection_types(self, names: &[&str]) -> Self {
        self.with(format!("connection-types = {names:?}"))
    }

    /// Allows only these networks.
    pub(crate) fn sources(self, networks: &[&str]) -> Self {
        self.with(format!("sources = {networks:?}"))
    }

    /// Limits the size of a message, in bytes.
    pub(crate) fn payload(self, bytes: u32) -> Self {
        self.with(format!("payload = {bytes}"))
    }

    /// Adds these tags.
    pub(crate) fn tags(self, tags: &[&str]) -> Self {
        self.with(format!("tags = {tags:?}"))
    }

    /// Requires a trusted proxy.
    pub(crate) fn proxy_required(self) -> Self {
        self.with("proxy-required = true".to_owned())
    }

    /// Denies the logins for this reason.
    pub(crate) fn denies(mut self, reason: &str) -> Self {
        self.denial = Some(reason.to_owned());
        self
    }

    fn when(mut self, key: &str, value: &str) -> Self {
        self.conditions.push(format!("{key} = {value:?}"));
        self
    }

    fn then(self, key: &str, value: &str) -> Self {
        let line = format!("{key} = {value:?}");
        self.with(line)
    }

    fn with(mut self, line: String) -> Self {
        self.grant.push(line);
        self
    }
}

/// Returns the settings file for some rules.
pub(crate) fn settings(rules: &[Rule]) -> String {
    let mut text = String::new();
    for rule in rules {
        let _ = writeln!(text, "[[settings.rules]]");
        if !rule.conditions.is_empty() {
            let _ = writeln!(text, "match = {{ {} }}", rule.conditions.join(", "));
        }
        let _ = match &rule.denial {
            Some(reason) => writeln!(text, "deny = {reason:?}"),
            None => writeln!(text, "permit = {{ {} }}", rule.grant.join(", ")),
        };
    }
    text
}
