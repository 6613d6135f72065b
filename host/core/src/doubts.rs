//! Gaps that a hostile client finds in permissions that look tight.

use crate::{DenyFilter, PermissionSubject, Permissions, WorkBudget};

impl Permissions {
    /// Returns warnings for the author of these permissions, one sentence each. Empty if servers
    /// enforce the permissions as written.
    ///
    /// The warnings help authors and operators; they limit nothing. Very large permissions are
    /// skipped, because the comparison exceeds its budget.
    ///
    /// ```
    /// use portcullis_core::{Permissions, ResponsePermission};
    ///
    /// let permissions = Permissions {
    ///     responses: Some(ResponsePermission::default()),
    ///     ..Permissions::default()
    /// };
    /// assert!(permissions.doubts()[0].starts_with("`responses` gets around"));
    /// ```
    pub fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        // `Containing` models the servers that apply denies to the fewest subscriptions.
        let tails = self
            .subscribe
            .tails(DenyFilter::Containing, &mut WorkBudget::default());
        for open in tails.map(|tails| tails.open).unwrap_or_default() {
            doubts.push(open.to_string());
        }
        let is_filter = |subject: &&PermissionSubject| ends_in_open_filter(subject.as_str());
        for subject in self.publish.allow.iter().filter(is_filter) {
            doubts.push(format!(
                "clients can put `>` in the place of the last `*` of the publish-allow `{subject}`, and JetStream then \
                 reads everything below; no deny closes it: name literal subjects, or a final `>`"
            ));
        }
        if !self.publishes_everything() {
            doubts.extend(self.ways_around_publish());
        }
        doubts
    }

    fn publishes_everything(&self) -> bool {
        let everything = PermissionSubject::everything();
        self.publish.allow.contains(&everything) && self.publish.deny.is_empty()
    }

    /// Returns warnings about replies: servers do not check reply subjects against publish
    /// permissions.
    fn ways_around_publish(&self) -> impl Iterator<Item = String> {
        let responses = self.responses.map(|_| {
            "`responses` gets around `publish-allow` and `publish-deny`: a client that publishes to itself with a reply \
             subject of its choice may then publish there; allow `_INBOX.>` instead, or leave `responses` out"
                .to_owned()
        });
        let api: Vec<_> = ["$JS.API.>", "$JS.*.API.>", "$JS.ACK.>"]
            .iter()
            .filter_map(|api| api.parse::<PermissionSubject>().ok())
            .collect();
        let is_jetstream =
            |subject: &&PermissionSubject| api.iter().any(|api| subject.overlaps(api));
        let jetstream = self.publish.allow.iter().find(is_jetstream).map(|subject| {
            format!(
                "JetStream answers to any reply subject that a client names, with rights of its own: with the \
                 publish-allow `{subject}` a hostile client reaches what it may not publish; give clients that you do not \
                 trust an account of their own"
            )
        });
        responses.into_iter().chain(jetstream)
    }
}

/// Returns whether the last token is `*` and part of the filter of a `JetStream` request, as in
/// `$JS.API.CONSUMER.CREATE.STREAM.CONSUMER.FILTER` and `$JS.API.DIRECT.GET.STREAM.FILTER`.
fn ends_in_open_filter(subject: &str) -> bool {
    let tokens: Vec<_> = subject.split('.').collect();
    let (["$JS", "API", request @ ..] | ["$JS", _, "API", request @ ..]) = tokens.as_slice() else {
        return false;
    };
    match request {
        ["CONSUMER", "CREATE", _, _, filter @ ..] | ["DIRECT", "GET", _, filter @ ..] => {
            filter.last() == Some(&"*")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ResponsePermission, SubjectPermission};

    fn side(allow: &[&str], deny: &[&str]) -> SubjectPermission {
        let list = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        SubjectPermission {
            allow: list(allow),
            deny: list(deny),
        }
    }

    fn doubts(
        publish: SubjectPermission,
        subscribe: SubjectPermission,
        responses: bool,
    ) -> Vec<String> {
        let responses = responses.then(ResponsePermission::default);
        Permissions {
            publish,
            subscribe,
            responses,
        }
        .doubts()
    }

    #[test]
    fn every_way_around_is_named() {
        let none = || side(&[], &[]);
        for (doubts, part) in [
            (
                doubts(none(), side(&["a.*", "a.b.c"], &[]), false),
                "`a.b.c` is allowed too",
            ),
            (
                doubts(none(), side(&["*.*"], &[]), false),
                "servers before 2.11.16",
            ),
            (
                doubts(side(&["a"], &[]), none(), true),
                "`responses` gets around",
            ),
            (
                doubts(side(&["a.>"], &["a.b"]), none(), true),
                "`responses` gets around",
            ),
            (
                doubts(side(&["$JS.API.>"], &[]), none(), false),
                "JetStream answers to any",
            ),
            (
                doubts(side(&["$JS.hub.API.STREAM.INFO.S"], &[]), none(), false),
                "JetStream answers to any",
            ),
            (
                doubts(side(&["$JS.ACK.S.C.>"], &[]), none(), false),
                "JetStream answers to any",
            ),
        ] {
            assert!(
                matches!(doubts.as_slice(), [one] if one.contains(part)),
                "{part}: {doubts:?}"
            );
        }
        for filter in [
            "$JS.API.CONSUMER.CREATE.S.C.a.*",
            "$JS.hub.API.DIRECT.GET.S.a.*",
        ] {
            let doubts = doubts(side(&[filter], &[]), none(), false);
            assert!(
                doubts[0].contains("in the place of the last `*`"),
                "{doubts:?}"
            );
        }
        // The name of a consumer, not a filter.
        let name = doubts(side(&["$JS.API.CONSUMER.CREATE.S.*"], &[]), none(), false);
        assert_eq!(name.len(), 1, "{name:?}");
    }

    #[test]
    fn permissions_that_hold_are_not_doubted() {
        assert_eq!(
            doubts(
                side(&["a.*"], &["a.b"]),
                side(&["a.*", "b.>", "c"], &[]),
                false
            ),
            [""; 0]
        );
        assert_eq!(doubts(side(&[">"], &[]), side(&[">"], &[]), true), [""; 0]);
    }
}
