//! What the policy of a row decides: settings of the guest `conforms`, whose first rule that fits decides.

use std::fmt::Write as _;

/// A rule: whom it is about, and what becomes of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rule {
    /// All of these have to hold.
    conditions: Vec<String>,
    /// What the permit says.
    grant: Vec<String>,
    /// Why they are refused instead.
    denial: Option<String>,
}

impl Rule {
    /// About everybody.
    pub(crate) fn anybody() -> Self {
        Self::default()
    }

    /// About a user with a password.
    pub(crate) fn password(user: &str, password: &str) -> Self {
        Self::user(user).when("password", &format!("plain:{password}"))
    }

    /// About a user, whatever the password.
    pub(crate) fn user(user: &str) -> Self {
        Self::default().when("username", user)
    }

    /// About whoever has a token.
    pub(crate) fn token(token: &str) -> Self {
        Self::default().when("token", &format!("plain:{token}"))
    }

    /// About clients whose verified certificate has this subject.
    pub(crate) fn certificate(subject: &str) -> Self {
        Self::default().when("certificate-subject", subject)
    }

    /// About clients that proved to hold this key.
    pub(crate) fn nkey(key: &str) -> Self {
        Self::default().when("nkey", key)
    }

    /// Of them, those who log in by this method.
    pub(crate) fn method(self, method: &str) -> Self {
        self.when("method", method)
    }

    /// Of them, those whose user JWT has this name.
    pub(crate) fn name_tag(self, name: &str) -> Self {
        self.when("name-tag", name)
    }

    /// They are let into an account.
    pub(crate) fn permits(self, account: &str) -> Self {
        self.then("account", account)
    }

    /// As everybody who may do everything.
    pub(crate) fn everything(self) -> Self {
        self.publish(&[">"]).subscribe(&[">"])
    }

    /// Under this name.
    pub(crate) fn named(self, name: &str) -> Self {
        self.then("user-name", name)
    }

    /// Signed by a role.
    pub(crate) fn role(self, role: &str) -> Self {
        self.then("role", role)
    }

    /// They may publish here.
    pub(crate) fn publish(self, subjects: &[&str]) -> Self {
        self.with(format!("publish-allow = {subjects:?}"))
    }

    /// They may subscribe to this.
    pub(crate) fn subscribe(self, subjects: &[&str]) -> Self {
        self.with(format!("subscribe-allow = {subjects:?}"))
    }

    /// For so many seconds.
    pub(crate) fn expires_in(self, seconds: u32) -> Self {
        self.with(format!("expires-in = {seconds}"))
    }

    /// Over these types of connection and no others.
    pub(crate) fn connection_types(self, names: &[&str]) -> Self {
        self.with(format!("connection-types = {names:?}"))
    }

    /// From these networks and no others.
    pub(crate) fn sources(self, networks: &[&str]) -> Self {
        self.with(format!("sources = {networks:?}"))
    }

    /// With messages of at most so many bytes.
    pub(crate) fn payload(self, bytes: u32) -> Self {
        self.with(format!("payload = {bytes}"))
    }

    /// With these tags.
    pub(crate) fn tags(self, tags: &[&str]) -> Self {
        self.with(format!("tags = {tags:?}"))
    }

    /// Only through a trusted proxy.
    pub(crate) fn proxy_required(self) -> Self {
        self.with("proxy-required = true".to_owned())
    }

    /// They are refused, for this reason.
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

/// The settings file for some rules.
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
