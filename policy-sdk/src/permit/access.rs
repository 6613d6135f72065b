//! What a permit lets a login do, for native tests of policies.

use super::Permit;

impl Permit {
    /// Returns whether the login may publish on `subject`, as servers apply the permit's lists.
    /// Exists outside wasm32 only.
    ///
    /// A subject with wildcards stands for all subjects that it matches. The answer is then `true`
    /// only if one allow covers them all and no deny meets any. `may-publish` in a policy test
    /// finds more: several allows that cover them together.
    ///
    /// Replies that `responses` allows do not count.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    ///
    /// let permit = Permit::new("APP").allow_publish(["a.>"]).deny_publish(["a.secret"]);
    /// assert!(permit.may_publish("a.b") && permit.may_publish("a.b.*"));
    /// assert!(!permit.may_publish("a.secret") && !permit.may_publish("a.*"));
    /// ```
    pub fn may_publish(&self, subject: &str) -> bool {
        let (allow, deny) = (&self.publish.allow, &self.publish.deny);
        is_whole(subject)
            && allow.iter().any(|entry| covers(entry, subject))
            && !deny.iter().any(|entry| overlap(entry, subject))
    }

    /// Returns whether the server accepts the subscription `subject`, and delivers every message of
    /// it. A queue group can follow after a space. Exists outside wasm32 only.
    ///
    /// If the permit names queue groups for subjects of the subscription, other queue groups are
    /// refused. Subscriptions with wildcards can get past that at a server; here they do not.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    ///
    /// let permit = Permit::new("APP").allow_subscribe(["a.*", "jobs workers"]);
    /// assert!(permit.may_subscribe("a.b") && permit.may_subscribe("jobs workers"));
    /// assert!(!permit.may_subscribe("a.>") && !permit.may_subscribe("jobs"));
    /// ```
    pub fn may_subscribe(&self, subject: &str) -> bool {
        let (subject, queue) = split(subject);
        let mut deny = self.subscribe.deny.iter().map(|entry| split(entry));
        let denied = deny.any(|(denied, group)| {
            let is_same = match (group, queue) {
                (None, _) => true,
                (Some(group), Some(queue)) => covers(group, queue),
                (Some(_), None) => false,
            };
            is_same && overlap(denied, subject)
        });
        let mut by_plain = false;
        let mut by_queue = false;
        let mut is_named = false;
        for (own, group) in self.subscribe.allow.iter().map(|entry| split(entry)) {
            match (group, queue) {
                (None, _) => by_plain |= covers(own, subject),
                (Some(group), Some(queue)) => {
                    is_named |= overlap(own, subject);
                    by_queue |= covers(own, subject) && covers(group, queue);
                }
                (Some(_), None) => {}
            }
        }
        is_whole(subject) && !denied && (by_queue || (by_plain && !is_named))
    }
}

/// Splits an entry into its subject and its queue group.
fn split(subject: &str) -> (&str, Option<&str>) {
    match subject.split_once(' ') {
        Some((subject, queue)) => (subject, Some(queue)),
        None => (subject, None),
    }
}

/// Returns whether every token of a subject has a character.
fn is_whole(subject: &str) -> bool {
    subject.split('.').all(|token| !token.is_empty())
}

/// Returns whether `pattern` matches everything that `subject` matches.
fn covers(pattern: &str, subject: &str) -> bool {
    let (mut own, mut other) = (pattern.split('.'), subject.split('.'));
    loop {
        match (own.next(), other.next()) {
            (None, None) | (Some(">"), Some(_)) => return true,
            (Some("*"), Some(token)) if token != ">" => {}
            (Some(own), Some(other)) if own == other => {}
            _ => return false,
        }
    }
}

/// Returns whether some subject matches both.
fn overlap(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (one.split('.'), other.split('.'));
    loop {
        match (one.next(), other.next()) {
            (None, None) | (Some(">"), Some(_)) | (Some(_), Some(">")) => return true,
            (Some("*"), Some(_)) | (Some(_), Some("*")) => {}
            (Some(one), Some(other)) if one == other => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_published_if_allowed_whole_and_denied_nowhere() {
        let permit = Permit::new("APP")
            .allow_publish(["a.>", "b.*"])
            .deny_publish(["a.*.secret", "b.c"]);
        for (subject, expected) in [
            ("a.b", true),
            ("a.b.c", true),
            ("a.*", true),
            ("a.b.secret", false),
            ("a.>", false),
            ("a", false),
            ("b.d", true),
            ("b.c", false),
            ("b.*", false),
            ("b.d.e", false),
            ("b.>", false),
            ("c", false),
            ("a..b", false),
            ("", false),
        ] {
            assert_eq!(permit.may_publish(subject), expected, "`{subject}`");
        }
        assert!(
            !Permit::new("APP").may_publish("a"),
            "an empty list allows nothing"
        );
    }

    #[test]
    fn a_named_queue_group_excludes_others() {
        let permit = Permit::new("APP")
            .allow_subscribe(["jobs.*", "jobs.a workers", "logs.> readers.*"])
            .deny_subscribe(["jobs.c", "jobs.d slow"]);
        for (subscription, expected) in [
            ("jobs.a", true),
            ("jobs.a workers", true),
            ("jobs.a others", false),
            ("jobs.b others", true),
            ("jobs.c", false),
            ("jobs.c workers", false),
            ("jobs.d", true),
            ("jobs.d slow", false),
            ("jobs.d quick", true),
            ("logs.a", false),
            ("logs.a readers.one", true),
            ("logs.a readers", false),
        ] {
            assert_eq!(
                permit.may_subscribe(subscription),
                expected,
                "`{subscription}`"
            );
        }
    }
}
