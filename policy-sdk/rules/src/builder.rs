//! The builder of permits.

use std::fmt::Display;
use std::time::Duration;

use crate::limits::{
    MAX_EXPIRY, MAX_SOURCES, MAX_SUBJECT_BYTES, MAX_SUBJECTS, MAX_TAGS, MAX_TEXT, MAX_TIMES,
};
use crate::subject::{self, InvalidSubject, is_literal_token};
use crate::{
    AccountLimit, ConnectionType, Draft, InvalidAccountLimit, Limit, Part, PermitProblem,
    TimeRange, Whole, is_account_name, shown,
};

/// Prefixes of the tags that only the host sets.
const RESERVED_TAGS: [&str; 4] = [
    "policy:",
    "policy-digest:",
    "policy-generation:",
    "policy-version:",
];

/// Largest limit that servers read.
const MAX_LIMIT: u32 = i32::MAX.cast_unsigned();

/// A builder that holds a permit to the rules. Its setters never fail; [`finish`](Self::finish)
/// reports all problems.
#[derive(Clone, Debug)]
pub struct PermitBuilder<D> {
    draft: D,
    received_at: u64,
    max_subjects: usize,
    subjects: usize,
    subject_bytes: usize,
    sources: usize,
    times: usize,
    problems: Vec<PermitProblem>,
}

impl<D: Draft> PermitBuilder<D> {
    /// Returns a builder that stores the parts of the permit in `draft`. `received_at` is the time
    /// of the request, in seconds since the Unix epoch.
    pub const fn new(draft: D, received_at: u64) -> Self {
        Self {
            draft,
            received_at,
            max_subjects: MAX_SUBJECTS,
            subjects: 0,
            subject_bytes: 0,
            sources: 0,
            times: 0,
            problems: Vec::new(),
        }
    }

    /// Lowers the maximum number of subjects, over all lists, to `max`. Values above
    /// [`MAX_SUBJECTS`] have no effect.
    pub fn limit_subjects(&mut self, max: usize) {
        self.max_subjects = self.max_subjects.min(max);
    }

    /// Selects the account's signing key of this name, in operator mode.
    pub fn role(&mut self, role: &str) {
        if self.text_is_valid("role", role) {
            self.draft.add(Part::Role(role));
        }
    }

    /// Sets the user name that the server shows.
    pub fn user_name(&mut self, name: &str) {
        if self.text_is_valid("user name", name) {
            self.draft.add(Part::UserName(name));
        }
    }

    /// Allows publishing on `subject`.
    pub fn publish_allow(&mut self, subject: &str) {
        let checked = subject::check_publish(subject);
        self.subject("publish-allow", checked, subject, Part::PublishAllow);
    }

    /// Denies publishing on `subject`.
    pub fn publish_deny(&mut self, subject: &str) {
        let checked = subject::check_publish(subject);
        self.subject("publish-deny", checked, subject, Part::PublishDeny);
    }

    /// Allows subscribing to `subject`.
    pub fn subscribe_allow(&mut self, subject: &str) {
        let checked = subject::check_subscribe(subject);
        self.subject("subscribe-allow", checked, subject, Part::SubscribeAllow);
    }

    /// Denies subscribing to `subject`.
    pub fn subscribe_deny(&mut self, subject: &str) {
        let checked = subject::check_subscribe(subject);
        self.subject("subscribe-deny", checked, subject, Part::SubscribeDeny);
    }

    /// Allows and denies publishing on these subjects.
    pub fn publish(&mut self, allow: &[String], deny: &[String]) {
        for subject in allow {
            self.publish_allow(subject);
        }
        for subject in deny {
            self.publish_deny(subject);
        }
    }

    /// Allows and denies subscribing to these subjects.
    pub fn subscribe(&mut self, allow: &[String], deny: &[String]) {
        for subject in allow {
            self.subscribe_allow(subject);
        }
        for subject in deny {
            self.subscribe_deny(subject);
        }
    }

    /// Allows up to `max` replies to one message, within `ttl` after it.
    pub fn responses_allow(&mut self, max: u32, ttl: Duration) {
        self.draft.add(Part::Responses { max, ttl });
    }

    /// Allows logins from `network` (CIDR notation). With at least one network, logins from all
    /// others are denied.
    pub fn source_allow(&mut self, network: &str) {
        match network.parse() {
            Ok(network) if self.sources < MAX_SOURCES => {
                self.sources += 1;
                self.draft.add(Part::Source(network));
            }
            Ok(_) => self.too_many("networks", MAX_SOURCES),
            Err(source) => self.problem(PermitProblem::Source(source)),
        }
    }

    /// Allows connections of this type. With at least one type, connections of all others are
    /// denied.
    pub fn connection_type_allow(&mut self, name: &str) {
        match name.parse::<ConnectionType>() {
            Ok(known) => self.draft.add(Part::ConnectionType(known)),
            Err(source) => self.problem(PermitProblem::ConnectionType(source)),
        }
    }

    /// Allows logins from `start` to `end` of every day (`HH:MM:SS`). With at least one range,
    /// logins at all other times are denied.
    pub fn time_allow(&mut self, start: &str, end: &str) {
        match TimeRange::new(start, end) {
            Ok(range) => self.time_range(range),
            Err(source) => self.problem(PermitProblem::Time(source)),
        }
    }

    /// Allows logins in this part of every day. With at least one range, logins at all other times
    /// are denied.
    pub fn time_range(&mut self, range: TimeRange) {
        if self.times < MAX_TIMES {
            self.times += 1;
            self.draft.add(Part::Time(range));
        } else {
            self.too_many("ranges of times", MAX_TIMES);
        }
    }

    /// Sets the time zone of the times, by its name in the IANA database.
    pub fn times_location(&mut self, zone: &str) {
        if is_zone_name(zone) {
            self.draft.add(Part::TimesLocation(zone));
        } else {
            self.problem(PermitProblem::TimeZone(shown(zone)));
        }
    }

    /// Requires a connection through a trusted proxy. Servers before 2.12.0 ignore the requirement.
    pub fn proxy_required(&mut self) {
        self.draft.add(Part::ProxyRequired);
    }

    /// Limits the subscriptions that the login may have at the same time, 1 to 2147483647. The
    /// smallest limit wins. Servers before 2.14.10 and 2.15.3 ignore it.
    pub fn limit_subscriptions(&mut self, max: i64) {
        self.limit(Limit::Subscriptions, max);
    }

    /// Limits the size of a message in bytes, 1 to 2147483647. The smallest limit wins. Servers
    /// before 2.14.10 and 2.15.3 ignore it.
    pub fn limit_payload(&mut self, bytes: i64) {
        self.limit(Limit::Payload, bytes);
    }

    /// Records a [`PermitProblem::DataNotEnforced`], because no server enforces `data`.
    pub fn limit_data(&mut self, _bytes: i64) {
        self.problem(PermitProblem::DataNotEnforced);
    }

    /// Limits an account that signed itself, in the permit of its request. The smallest limit wins.
    pub fn limit_account(&mut self, limit: AccountLimit, value: u64) {
        if (limit.least()..=AccountLimit::MAX).contains(&value) {
            self.draft.add(Part::AccountLimit(limit, value));
        } else {
            let value = value.to_string();
            let source = InvalidAccountLimit::Value { limit, value };
            self.problem(PermitProblem::AccountLimit(source));
        }
    }

    /// Ends the login at `time`, in seconds since the Unix epoch; the earliest limit wins.
    pub fn expires_at(&mut self, time: u64) {
        self.draft.add(Part::ExpiresAt(time));
    }

    /// Ends the login `seconds` after the request; the earliest limit wins.
    pub fn expires_in(&mut self, seconds: u64) {
        self.expires_at(self.received_at.saturating_add(seconds));
    }

    /// Adds a tag to the user JWT.
    pub fn tag(&mut self, tag: &str) {
        if self.draft.whole().tags.len() >= MAX_TAGS {
            self.too_many("tags", MAX_TAGS);
        } else if self.text_is_valid("tag", tag) {
            // Readers of tags ignore case and surrounding white space.
            let read_as = tag.trim().to_ascii_lowercase();
            if RESERVED_TAGS
                .iter()
                .any(|reserved| read_as.starts_with(reserved))
            {
                self.problem(PermitProblem::ReservedTag(tag.to_owned()));
            } else {
                self.draft.add(Part::Tag(tag));
            }
        }
    }

    /// Returns all problems so far.
    pub fn problems(&self) -> Vec<PermitProblem> {
        let whole = self.draft.whole();
        let mut problems = self.problems.clone();
        problems.extend(account_problem(whole.account));
        problems.extend(template_problem(&whole));
        // An invalid range is reported by itself, and its time zone is right.
        let has_times = whole.has_times || problems.iter().any(is_of_times);
        if whole.has_times_location && !has_times {
            problems.push(PermitProblem::TimeZoneWithoutTimes);
        }
        if let Some(expires_at) = whole.expires_at {
            if expires_at <= self.received_at {
                problems.push(PermitProblem::Expired {
                    expires_at,
                    received_at: self.received_at,
                });
            }
            if expires_at > MAX_EXPIRY {
                problems.push(PermitProblem::ExpiryOutOfRange(expires_at));
            }
        }
        problems
    }

    /// Returns the permit.
    ///
    /// # Errors
    ///
    /// Returns all problems of the permit.
    pub fn finish(self) -> Result<D::Permit, Vec<PermitProblem>> {
        let problems = self.problems();
        if problems.is_empty() {
            Ok(self.draft.finish())
        } else {
            Err(problems)
        }
    }

    fn subject<'a>(
        &mut self,
        side: &'static str,
        checked: Result<(), InvalidSubject>,
        subject: &'a str,
        part: fn(&'a str) -> Part<'a>,
    ) {
        if self.subjects >= self.max_subjects {
            return self.too_many("subjects", self.max_subjects);
        }
        if let Err(source) = checked {
            return self.problem(PermitProblem::Subject { side, source });
        }
        let bytes = self.subject_bytes.saturating_add(subject.len());
        if bytes > MAX_SUBJECT_BYTES {
            return self.too_many("bytes of subjects", MAX_SUBJECT_BYTES);
        }
        self.subjects += 1;
        self.subject_bytes = bytes;
        self.draft.add(part(subject));
    }

    /// Adds `value` as a limit that servers can read: they use signed 32-bit numbers.
    pub(crate) fn limit(&mut self, limit: Limit, value: i64) {
        match u32::try_from(value) {
            Ok(read @ 1..=MAX_LIMIT) => self.draft.add(Part::Limit(limit, read)),
            _ => self.limit_problem(limit, &value),
        }
    }

    pub(crate) fn limit_problem(&mut self, limit: Limit, value: &dyn Display) {
        let value = value.to_string();
        self.problem(PermitProblem::Limit { limit, value });
    }

    fn too_many(&mut self, what: &'static str, limit: usize) {
        self.problem(PermitProblem::TooMany { what, limit });
    }

    fn text_is_valid(&mut self, what: &'static str, text: &str) -> bool {
        let limit = MAX_TEXT;
        let valid = !text.is_empty() && text.len() <= limit && !text.chars().any(char::is_control);
        if !valid {
            self.problem(PermitProblem::Text { what, limit });
        }
        valid
    }

    /// Records the first 16 different problems, so that a policy in a loop cannot fill the log.
    pub(crate) fn problem(&mut self, problem: PermitProblem) {
        const MAX_PROBLEMS: usize = 16;
        if self.problems.len() < MAX_PROBLEMS && !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }
}

/// Returns whether a range of times is missing in the permit because it is invalid.
const fn is_of_times(problem: &PermitProblem) -> bool {
    matches!(problem, PermitProblem::Time(_))
}

fn account_problem(account: &str) -> Option<PermitProblem> {
    if account.is_empty() {
        return Some(PermitProblem::NoAccount);
    }
    (!is_account_name(account)).then(|| PermitProblem::Account(shown(account)))
}

/// Returns a problem for a user name or tag that is unsafe in a role's template. The host does not
/// know the template.
fn template_problem(whole: &Whole<'_>) -> Option<PermitProblem> {
    let role = whole.role?;
    let name = whole.user_name.map(|name| ("user name", name, name));
    // A template names at least the part before the first colon, and receives the rest. A tag
    // without a colon reaches no template.
    let tags = whole.tags.iter().filter_map(|tag| {
        let (_, value) = tag.split_once(':')?;
        Some(("tag", tag.as_str(), value))
    });
    let (what, text, _) = name
        .into_iter()
        .chain(tags)
        .find(|(_, _, value)| !is_literal_token(value))?;
    Some(PermitProblem::NotOneToken {
        what,
        text: shown(text),
        role: shown(role),
    })
}

/// Returns whether `zone` has the form of a zone name. Servers use the name as a path in their own
/// database, and reject the login if it does not exist.
fn is_zone_name(zone: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+');
    zone.len() <= MAX_TEXT
        && zone
            .split('/')
            .all(|part| !part.is_empty() && part.bytes().all(word))
}
