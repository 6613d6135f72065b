//! What a permitted login gets.

use std::time::Duration;

use crate::{
    InvalidSubject, PermissionSubject, Permissions, ResponsePermission, SubjectPermission,
};

/// A finished, valid permit. Made by [`Permit::builder`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit {
    /// The account to place the login in: its name in config mode.
    pub account: String,
    /// The user name the server shows; the client's own if none.
    pub user_name: Option<String>,
    /// What the login may do. Sides that allow nothing are already closed.
    pub permissions: Permissions,
    /// When the server closes the connection, in seconds since the Unix epoch.
    pub expires_at: Option<u64>,
    /// Tags for the user JWT.
    pub tags: Vec<String>,
}

/// What keeps a permit from being signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PermitProblem {
    /// No account.
    #[error("the permit names no account")]
    NoAccount,
    /// An account name the server could not look up.
    #[error("invalid account name `{0}`: white space and control characters are not possible")]
    Account(String),
    /// A bad subject.
    #[error("{side}: {source}")]
    Subject {
        /// `publish-allow` and its like.
        side: &'static str,
        /// What is wrong.
        #[source]
        source: InvalidSubject,
    },
    /// More than a permit can carry.
    #[error("more than {limit} {what} in one permit")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many are possible.
        limit: usize,
    },
    /// The login would be over before it began.
    #[error("the permit expired at {expires_at}, the request came at {received_at}")]
    Expired {
        /// When the permit ends, in seconds since the Unix epoch.
        expires_at: u64,
        /// When the request was received, in seconds since the Unix epoch.
        received_at: u64,
    },
    /// A time that servers cannot read.
    #[error(
        "the permit expires at {0}, after the year 9999; leave the expiry out for a login without end"
    )]
    ExpiryOutOfRange(u64),
    /// A tag that only the host may set.
    #[error(
        "tag `{0}`: tags that begin with `policy:`, `policy-digest:` or `policy-generation:` are the host's own"
    )]
    ReservedTag(String),
    /// A text with control characters, empty or too long.
    #[error("invalid {what}: expected 1 to {limit} bytes without control characters")]
    Text {
        /// Which text.
        what: &'static str,
        /// The longest, in bytes.
        limit: usize,
    },
}

/// Builds a [`Permit`]. Methods never fail; [`finish`](Self::finish) says everything that is wrong.
#[derive(Clone, Debug)]
pub struct PermitBuilder {
    received_at: u64,
    permit: Permit,
    problems: Vec<PermitProblem>,
}

impl Permit {
    /// Most subjects in one permit, over all lists.
    pub const MAX_SUBJECTS: usize = 4096;
    /// Most tags in one permit.
    pub const MAX_TAGS: usize = 64;
    /// Longest user name, account name or tag, in bytes.
    pub const MAX_TEXT: usize = 256;
    /// Latest expiry: the end of the year 9999, in seconds since the Unix epoch.
    pub const MAX_EXPIRY: u64 = 253_402_300_799;
    /// What the host's own tags begin with.
    const RESERVED_TAGS: [&str; 3] = ["policy:", "policy-digest:", "policy-generation:"];

    /// A permit for `account`, answering a request received at `received_at` (seconds since the Unix epoch).
    pub fn builder(account: impl Into<String>, received_at: u64) -> PermitBuilder {
        let permit = Self {
            account: account.into(),
            user_name: None,
            permissions: Permissions::default(),
            expires_at: None,
            tags: Vec::new(),
        };
        PermitBuilder {
            received_at,
            permit,
            problems: Vec::new(),
        }
    }
}

impl PermitBuilder {
    /// Sets the user name the server shows.
    pub fn user_name(&mut self, name: &str) {
        if self.text_is_valid("user name", name) {
            self.permit.user_name = Some(name.to_owned());
        }
    }

    /// Allows publishing on `subject`.
    pub fn publish_allow(&mut self, subject: &str) {
        self.subject(
            "publish-allow",
            PermissionSubject::publish(subject),
            |permissions| &mut permissions.publish.allow,
        );
    }

    /// Denies publishing on `subject`.
    pub fn publish_deny(&mut self, subject: &str) {
        self.subject(
            "publish-deny",
            PermissionSubject::publish(subject),
            |permissions| &mut permissions.publish.deny,
        );
    }

    /// Allows subscribing to `subject`.
    pub fn subscribe_allow(&mut self, subject: &str) {
        self.subject(
            "subscribe-allow",
            PermissionSubject::subscribe(subject),
            |permissions| &mut permissions.subscribe.allow,
        );
    }

    /// Denies subscribing to `subject`.
    pub fn subscribe_deny(&mut self, subject: &str) {
        self.subject(
            "subscribe-deny",
            PermissionSubject::subscribe(subject),
            |permissions| &mut permissions.subscribe.deny,
        );
    }

    /// Allows replies: `max` to one message, within `ttl` of it.
    pub fn responses_allow(&mut self, max: u32, ttl: Duration) {
        self.permit.permissions.responses = Some(ResponsePermission { max, ttl });
    }

    /// Ends the login at `time`, in seconds since the Unix epoch; the earliest limit wins.
    pub fn expires_at(&mut self, time: u64) {
        let earliest = self.permit.expires_at.map_or(time, |limit| limit.min(time));
        self.permit.expires_at = Some(earliest);
    }

    /// Ends the login `seconds` after the request; the earliest limit wins.
    pub fn expires_in(&mut self, seconds: u64) {
        self.expires_at(self.received_at.saturating_add(seconds));
    }

    /// Adds a tag.
    pub fn tag(&mut self, tag: &str) {
        if self.permit.tags.len() >= Permit::MAX_TAGS {
            self.problem(PermitProblem::TooMany {
                what: "tags",
                limit: Permit::MAX_TAGS,
            });
        } else if self.text_is_valid("tag", tag) {
            // Readers of tags ignore case and surrounding blanks.
            let read_as = tag.trim().to_ascii_lowercase();
            if Permit::RESERVED_TAGS
                .iter()
                .any(|reserved| read_as.starts_with(reserved))
            {
                self.problem(PermitProblem::ReservedTag(tag.to_owned()));
            } else {
                self.permit.tags.push(tag.to_owned());
            }
        }
    }

    /// Everything that is wrong so far.
    pub fn problems(&self) -> Vec<PermitProblem> {
        let mut problems = self.problems.clone();
        let account = &self.permit.account;
        if account.is_empty() {
            problems.push(PermitProblem::NoAccount);
        } else if account.len() > Permit::MAX_TEXT || account.chars().any(is_blank) {
            let shown = account
                .chars()
                .take(64)
                .flat_map(char::escape_debug)
                .collect();
            problems.push(PermitProblem::Account(shown));
        }
        if let Some(expires_at) = self
            .permit
            .expires_at
            .filter(|time| *time <= self.received_at)
        {
            problems.push(PermitProblem::Expired {
                expires_at,
                received_at: self.received_at,
            });
        }
        if let Some(time) = self
            .permit
            .expires_at
            .filter(|time| *time > Permit::MAX_EXPIRY)
        {
            problems.push(PermitProblem::ExpiryOutOfRange(time));
        }
        problems
    }

    /// The permit, with the sides that allow nothing closed.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub fn finish(self) -> Result<Permit, Vec<PermitProblem>> {
        let problems = self.problems();
        if !problems.is_empty() {
            return Err(problems);
        }
        let permissions = self.permit.permissions.closed();
        Ok(Permit {
            permissions,
            ..self.permit
        })
    }

    fn subject(
        &mut self,
        side: &'static str,
        subject: Result<PermissionSubject, InvalidSubject>,
        list: impl FnOnce(&mut Permissions) -> &mut Vec<PermissionSubject>,
    ) {
        if self.permit.permissions.subject_count() >= Permit::MAX_SUBJECTS {
            let limit = Permit::MAX_SUBJECTS;
            return self.problem(PermitProblem::TooMany {
                what: "subjects",
                limit,
            });
        }
        match subject {
            Ok(subject) => list(&mut self.permit.permissions).push(subject),
            Err(source) => self.problem(PermitProblem::Subject { side, source }),
        }
    }

    fn text_is_valid(&mut self, what: &'static str, text: &str) -> bool {
        let limit = Permit::MAX_TEXT;
        let valid = !text.is_empty() && text.len() <= limit && !text.chars().any(char::is_control);
        if !valid {
            self.problem(PermitProblem::Text { what, limit });
        }
        valid
    }

    /// Keeps the first few problems: a policy in a loop must not fill the log.
    fn problem(&mut self, problem: PermitProblem) {
        const MOST: usize = 16;
        if self.problems.len() < MOST && !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }
}

impl Permissions {
    /// How many subjects all lists have together.
    pub fn subject_count(&self) -> usize {
        let count = |side: &SubjectPermission| side.allow.len().saturating_add(side.deny.len());
        count(&self.publish).saturating_add(count(&self.subscribe))
    }
}

fn is_blank(character: char) -> bool {
    character.is_whitespace() || character.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_permit_allows_nothing() {
        let permit = Permit::builder("APP", 100).finish().unwrap();
        assert_eq!(
            permit.permissions.publish.deny,
            [PermissionSubject::everything()]
        );
        assert_eq!(
            permit.permissions.subscribe.deny,
            [PermissionSubject::everything()]
        );
        assert_eq!(permit.expires_at, None);
    }

    #[test]
    fn the_earliest_expiry_wins() {
        let mut builder = Permit::builder("APP", 100);
        builder.expires_in(60);
        builder.expires_at(130);
        builder.expires_in(90);
        assert_eq!(builder.finish().unwrap().expires_at, Some(130));
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        let mut builder = Permit::builder("A P", 100);
        builder.publish_allow("a..b");
        builder.publish_allow("a..b");
        builder.subscribe_deny("");
        builder.user_name("\u{7}");
        builder.expires_at(100);
        let problems: Vec<_> = builder
            .finish()
            .unwrap_err()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            problems,
            [
                "publish-allow: invalid subject `a..b`: it has an empty token; remove the extra `.`",
                "subscribe-deny: invalid subject ``: it is empty",
                "invalid user name: expected 1 to 256 bytes without control characters",
                "invalid account name `A P`: white space and control characters are not possible",
                "the permit expired at 100, the request came at 100",
            ]
        );
    }

    #[test]
    fn subjects_and_tags_are_bounded() {
        let mut builder = Permit::builder("APP", 100);
        for number in 0..=Permit::MAX_SUBJECTS {
            builder.publish_allow(&format!("a.{number}"));
        }
        for number in 0..=Permit::MAX_TAGS {
            builder.tag(&format!("t{number}"));
        }
        assert_eq!(builder.finish().unwrap_err().len(), 2);
    }

    #[test]
    fn the_hosts_own_tags_cannot_be_forged() {
        let mut builder = Permit::builder("APP", 100);
        for tag in [
            "policy:other",
            " Policy-Digest:sha256:ab",
            "POLICY-GENERATION:7",
        ] {
            builder.tag(tag);
        }
        builder.tag("team:policy");
        assert_eq!(builder.finish().unwrap_err().len(), 3);
    }

    #[test]
    fn an_expiry_that_servers_cannot_read_is_refused() {
        let mut builder = Permit::builder("APP", 100);
        builder.expires_at(u64::MAX);
        let problems = builder.finish().unwrap_err();
        assert_eq!(problems, [PermitProblem::ExpiryOutOfRange(u64::MAX)]);
    }
}
