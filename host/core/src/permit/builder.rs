//! The builder of permits.

use std::time::Duration;

use super::Content;
use super::problem::{Limit, PermitProblem};
use crate::subject::is_literal_token;
use crate::text::shown;
use crate::{
    AccountName, Allowed, ConnectionType, InvalidAccountName, InvalidSubject, InvalidTimeRange,
    PermissionSubject, Permissions, Permit, ResponsePermission, SourceNetwork, TimeRange,
};

/// A builder of a [`Permit`]. Its setters never fail; [`finish`](Self::finish) reports all
/// problems.
#[derive(Clone, Debug)]
pub struct PermitBuilder {
    received_at: u64,
    most_subjects: usize,
    subject_bytes: usize,
    account: Result<AccountName, InvalidAccountName>,
    content: Content,
    problems: Vec<PermitProblem>,
}

impl PermitBuilder {
    pub(super) fn new(account: String, received_at: u64) -> Self {
        let content = Content {
            role: None,
            user_name: None,
            permissions: Permissions::default(),
            names_permissions: false,
            sources: Allowed::Any,
            connection_types: Allowed::Any,
            times: Allowed::Any,
            times_location: None,
            proxy_required: false,
            expires_at: None,
            subscriptions: None,
            payload: None,
            tags: Vec::new(),
        };
        Self {
            received_at,
            most_subjects: Permit::MAX_SUBJECTS,
            subject_bytes: 0,
            account: account.try_into(),
            content,
            problems: Vec::new(),
        }
    }

    /// Lowers the maximum number of subjects, over all lists, to `most`. Values above
    /// [`Permit::MAX_SUBJECTS`] have no effect.
    pub fn most_subjects(&mut self, most: usize) {
        self.most_subjects = self.most_subjects.min(most);
    }

    /// Selects the account's signing key of this name, in operator mode.
    pub fn role(&mut self, role: &str) {
        if self.text_is_valid("role", role) {
            self.content.role = Some(role.to_owned());
        }
    }

    /// Sets the user name that the server shows.
    pub fn user_name(&mut self, name: &str) {
        if self.text_is_valid("user name", name) {
            self.content.user_name = Some(name.to_owned());
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

    /// Allows up to `max` replies to one message, within `ttl` after it.
    pub fn responses_allow(&mut self, max: u32, ttl: Duration) {
        self.names_permissions();
        self.content.permissions.responses = Some(ResponsePermission { max, ttl });
    }

    /// Records that the permit says something about permissions.
    pub(super) const fn names_permissions(&mut self) {
        self.content.names_permissions = true;
    }

    /// Allows logins from `network` (CIDR notation). With at least one network, logins from all
    /// others are denied.
    pub fn source_allow(&mut self, network: &str) {
        match network.parse::<SourceNetwork>() {
            Ok(network) if self.content.sources.listed().count() < Permit::MAX_SOURCES => {
                self.content.sources.add(network);
            }
            Ok(_) => self.problem(PermitProblem::TooMany {
                what: "networks",
                limit: Permit::MAX_SOURCES,
            }),
            Err(source) => self.problem(PermitProblem::Source(source)),
        }
    }

    /// Allows connections of this type. With at least one type, connections of all others are
    /// denied.
    pub fn connection_type_allow(&mut self, name: &str) {
        match name.parse::<ConnectionType>() {
            Ok(known) => {
                let types = &mut self.content.connection_types;
                if !types.listed().any(|other| *other == known) {
                    types.add(known);
                }
            }
            Err(source) => self.problem(PermitProblem::ConnectionType(source)),
        }
    }

    /// Allows logins from `start` to `end` of every day (`HH:MM:SS`). With at least one range,
    /// logins at all other times are denied.
    pub fn time_allow(&mut self, start: &str, end: &str) {
        self.time(TimeRange::new(start, end));
    }

    /// Adds a parsed range of times, or records what is wrong with it.
    pub(super) fn time(&mut self, range: Result<TimeRange, InvalidTimeRange>) {
        match range {
            Ok(range) if self.content.times.listed().count() < Permit::MAX_TIMES => {
                self.content.times.add(range);
            }
            Ok(_) => self.problem(PermitProblem::TooMany {
                what: "ranges of times",
                limit: Permit::MAX_TIMES,
            }),
            Err(source) => self.problem(PermitProblem::Time(source)),
        }
    }

    /// Sets the time zone of the times, by its name in the IANA database.
    pub fn times_location(&mut self, zone: &str) {
        if is_zone_name(zone) {
            self.content.times_location = Some(zone.to_owned());
        } else {
            self.problem(PermitProblem::TimeZone(shown(zone)));
        }
    }

    /// Requires a connection through a trusted proxy. Servers before 2.12.0 ignore the requirement.
    pub fn proxy_required(&mut self) {
        self.content.proxy_required = true;
    }

    /// Limits the subscriptions that the login may have at the same time, 1 to 2147483647. The
    /// smallest limit wins. Servers before 2.14.10 and 2.15.3 ignore it.
    pub fn limit_subscriptions(&mut self, most: i64) {
        let limit = self.limit(Limit::Subscriptions, most);
        self.content.subscriptions = smallest(self.content.subscriptions, limit);
    }

    /// Limits the size of a message in bytes, 1 to 2147483647. The smallest limit wins. Servers
    /// before 2.14.10 and 2.15.3 ignore it.
    pub fn limit_payload(&mut self, bytes: i64) {
        let limit = self.limit(Limit::Payload, bytes);
        self.content.payload = smallest(self.content.payload, limit);
    }

    /// Records a [`PermitProblem::DataNotEnforced`], because no server enforces `data`.
    pub fn limit_data(&mut self, _bytes: i64) {
        self.problem(PermitProblem::DataNotEnforced);
    }

    /// Returns `value` as a limit that servers can read: they use signed 32-bit numbers.
    fn limit(&mut self, limit: Limit, value: i64) -> Option<u32> {
        let read = i32::try_from(value).ok().filter(|value| *value > 0);
        if read.is_none() {
            let value = value.to_string();
            self.problem(PermitProblem::Limit { limit, value });
        }
        read.and_then(|value| u32::try_from(value).ok())
    }

    /// Ends the login at `time`, in seconds since the Unix epoch; the earliest limit wins.
    pub fn expires_at(&mut self, time: u64) {
        let earliest = self
            .content
            .expires_at
            .map_or(time, |limit| limit.min(time));
        self.content.expires_at = Some(earliest);
    }

    /// Ends the login `seconds` after the request; the earliest limit wins.
    pub fn expires_in(&mut self, seconds: u64) {
        self.expires_at(self.received_at.saturating_add(seconds));
    }

    /// Adds a tag to the user JWT.
    pub fn tag(&mut self, tag: &str) {
        if self.content.tags.len() >= Permit::MAX_TAGS {
            self.problem(PermitProblem::TooMany {
                what: "tags",
                limit: Permit::MAX_TAGS,
            });
        } else if self.text_is_valid("tag", tag) {
            // Readers of tags ignore case and surrounding white space.
            let read_as = tag.trim().to_ascii_lowercase();
            if Permit::RESERVED_TAGS
                .iter()
                .any(|reserved| read_as.starts_with(reserved))
            {
                self.problem(PermitProblem::ReservedTag(tag.to_owned()));
            } else {
                self.content.tags.push(tag.to_owned());
            }
        }
    }

    /// Returns all problems so far.
    pub fn problems(&self) -> Vec<PermitProblem> {
        let mut problems = self.problems.clone();
        problems.extend(self.account_problem());
        problems.extend(self.content.template_values());
        if self.content.times_location.is_some() && self.content.times.is_any() {
            problems.push(PermitProblem::TimeZoneWithoutTimes);
        }
        if let Some(expires_at) = self
            .content
            .expires_at
            .filter(|time| *time <= self.received_at)
        {
            problems.push(PermitProblem::Expired {
                expires_at,
                received_at: self.received_at,
            });
        }
        if let Some(time) = self
            .content
            .expires_at
            .filter(|time| *time > Permit::MAX_EXPIRY)
        {
            problems.push(PermitProblem::ExpiryOutOfRange(time));
        }
        problems
    }

    /// Returns the permit, with the sides that allow nothing closed.
    ///
    /// # Errors
    ///
    /// Returns all problems of the permit.
    pub fn finish(self) -> Result<Permit, Vec<PermitProblem>> {
        let problems = self.problems();
        match self.account {
            Ok(account) if problems.is_empty() => {
                let permissions = self.content.permissions.closed();
                let content = Content {
                    permissions,
                    ..self.content
                };
                Ok(Permit { account, content })
            }
            _ => Err(problems),
        }
    }

    fn account_problem(&self) -> Option<PermitProblem> {
        let invalid = self.account.as_ref().err()?;
        if invalid.shown.is_empty() {
            return Some(PermitProblem::NoAccount);
        }
        Some(PermitProblem::Account(invalid.shown.clone()))
    }

    fn subject(
        &mut self,
        side: &'static str,
        subject: Result<PermissionSubject, InvalidSubject>,
        list: impl FnOnce(&mut Permissions) -> &mut Vec<PermissionSubject>,
    ) {
        self.names_permissions();
        if self.content.permissions.subject_count() >= self.most_subjects {
            let limit = self.most_subjects;
            return self.problem(PermitProblem::TooMany {
                what: "subjects",
                limit,
            });
        }
        match subject {
            Ok(subject) if !self.has_room_for(&subject) => {
                let limit = Permit::MAX_SUBJECT_BYTES;
                self.problem(PermitProblem::TooMany {
                    what: "bytes of subjects",
                    limit,
                });
            }
            Ok(subject) => list(&mut self.content.permissions).push(subject),
            Err(source) => self.problem(PermitProblem::Subject { side, source }),
        }
    }

    /// Counts the bytes of `subject` if they still fit into a response. Returns whether they do.
    fn has_room_for(&mut self, subject: &PermissionSubject) -> bool {
        let bytes = self.subject_bytes.saturating_add(subject.as_str().len());
        let fits = bytes <= Permit::MAX_SUBJECT_BYTES;
        if fits {
            self.subject_bytes = bytes;
        }
        fits
    }

    fn text_is_valid(&mut self, what: &'static str, text: &str) -> bool {
        let limit = Permit::MAX_TEXT;
        let valid = !text.is_empty() && text.len() <= limit && !text.chars().any(char::is_control);
        if !valid {
            self.problem(PermitProblem::Text { what, limit });
        }
        valid
    }

    /// Records the first 16 different problems, so that a policy in a loop cannot fill the log.
    pub(super) fn problem(&mut self, problem: PermitProblem) {
        const MAX_PROBLEMS: usize = 16;
        if self.problems.len() < MAX_PROBLEMS && !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }
}

impl Content {
    /// Returns a problem for a user name or tag that is unsafe in a role's template. The host does
    /// not know the template.
    fn template_values(&self) -> Option<PermitProblem> {
        let role = self.role.as_ref()?;
        let name = self
            .user_name
            .iter()
            .map(|name| ("user name", name, &**name));
        // A template names at least the part before the first colon, and receives the rest. A tag
        // without a colon reaches no template.
        let tags = self.tags.iter().filter_map(|tag| {
            let (_, value) = tag.split_once(':')?;
            Some(("tag", tag, value))
        });
        let (what, text, _) = name
            .chain(tags)
            .find(|(_, _, value)| !is_literal_token(value))?;
        Some(PermitProblem::NotOneToken {
            what,
            text: shown(text),
            role: shown(role),
        })
    }
}

/// Returns whether `zone` has the form of a zone name. Servers use the name as a path in their own
/// database, and reject the login if it does not exist.
fn is_zone_name(zone: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+');
    zone.len() <= Permit::MAX_TEXT
        && zone
            .split('/')
            .all(|part| !part.is_empty() && part.bytes().all(word))
}

/// Returns the smaller of two limits, where `None` is no limit.
fn smallest(one: Option<u32>, other: Option<u32>) -> Option<u32> {
    one.into_iter().chain(other).min()
}
