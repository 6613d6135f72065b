//! Arguments for permissions, which accounts, roles and users share.

use std::time::Duration;

use clap::Args;
use portcullis_claims::{ResponseRule, SubjectRule};

use super::report::{absent, wrong};
use super::values;
use crate::failure::Failure;

/// Permissions to add and to remove.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct PermissionArguments {
    /// A subject to allow publishing to; can be given several times, as the next ones.
    #[arg(long, value_name = "SUBJECT", value_parser = values::permission)]
    allow_pub: Vec<String>,
    /// A subject to allow subscribing to, perhaps with a queue: `SUBJECT QUEUE`.
    #[arg(long, value_name = "SUBJECT", value_parser = values::permission)]
    allow_sub: Vec<String>,
    /// A subject to deny publishing to.
    #[arg(long, value_name = "SUBJECT", value_parser = values::permission)]
    deny_pub: Vec<String>,
    /// A subject to deny subscribing to.
    #[arg(long, value_name = "SUBJECT", value_parser = values::permission)]
    deny_sub: Vec<String>,
    /// A subject to take out of these lists.
    #[arg(long, value_name = "SUBJECT")]
    remove_permission: Vec<String>,
    /// The number of replies to a message that are allowed beyond these lists; 0 allows none.
    #[arg(long, value_name = "NUMBER")]
    responses: Option<u32>,
    /// The time after a message in which replies are allowed.
    #[arg(long, value_name = "TIME", requires = "responses", value_parser = values::some_time)]
    response_time: Option<Duration>,
}

impl PermissionArguments {
    /// Changes permissions.
    pub(super) fn apply(
        &self,
        publish: &mut SubjectRule,
        subscribe: &mut SubjectRule,
        responses: &mut Option<ResponseRule>,
    ) -> Result<(), Failure> {
        let known = [
            &publish.allow,
            &subscribe.allow,
            &publish.deny,
            &subscribe.deny,
        ];
        check_removed("permission", &self.remove_permission, &known)?;
        let published = !publish.allow.is_empty() || responses.is_some();
        let subscribed = !subscribe.allow.is_empty();
        let lists = [
            (&mut publish.allow, &self.allow_pub),
            (&mut subscribe.allow, &self.allow_sub),
            (&mut publish.deny, &self.deny_pub),
            (&mut subscribe.deny, &self.deny_sub),
        ];
        for (list, added) in lists {
            change(list, added, &self.remove_permission);
        }
        // With a permission to reply, an empty list allows replies only.
        let replies = self
            .responses
            .map_or(responses.is_some(), |number| number > 0);
        for (opens, option, action) in [
            (published && !replies && is_open(publish), "pub", "publish"),
            (subscribed && is_open(subscribe), "sub", "subscribe"),
        ] {
            if opens {
                return Err(wrong(format!(
                    "without any allowed subject, one may {action} everywhere; give another one with \
                     `--allow-{option}` (`>` for all), or `--deny-{option} '>'` for none"
                )));
            }
        }
        match self.responses {
            None => {}
            Some(0) => *responses = None,
            Some(max) => {
                let ttl = self.response_time.unwrap_or_default().as_nanos();
                *responses = Some(ResponseRule {
                    max: max.into(),
                    ttl: i64::try_from(ttl).unwrap_or(i64::MAX),
                });
            }
        }
        Ok(())
    }
}

/// The networks and connection types of users.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct OriginArguments {
    /// A network to allow connections from, such as `10.0.0.0/8`; can be given several times.
    /// Without any, all are allowed.
    #[arg(long, value_name = "NETWORK")]
    source: Vec<String>,
    /// A network to take out of these.
    #[arg(long, value_name = "NETWORK")]
    remove_source: Vec<String>,
    /// A connection type to allow, such as `WEBSOCKET`; can be given several times. Without any,
    /// all are allowed.
    #[arg(long, value_name = "TYPE", value_parser = values::connection_type)]
    connection_type: Vec<String>,
    /// A connection type to take out of these.
    #[arg(long, value_name = "TYPE", value_parser = values::connection_type)]
    remove_connection_type: Vec<String>,
}

impl OriginArguments {
    /// Changes the networks and the connection types.
    pub(super) fn apply(
        &self,
        sources: &mut Vec<String>,
        types: &mut Vec<String>,
    ) -> Result<(), Failure> {
        check_removed("network", &self.remove_source, &[&*sources])?;
        check_removed("connection type", &self.remove_connection_type, &[&*types])?;
        change(sources, &self.source, &self.remove_source);
        change(types, &self.connection_type, &self.remove_connection_type);
        if sources.is_empty() && !self.remove_source.is_empty() {
            return Err(wrong(
                "without any network, all are allowed; give another one with `--source`, or \
                 `--source 0.0.0.0/0 --source ::/0` for all",
            ));
        }
        if types.is_empty() && !self.remove_connection_type.is_empty() {
            return Err(wrong(
                "without any connection type, all are allowed; give another one with `--connection-type`",
            ));
        }
        Ok(())
    }
}

/// Returns whether a side without allowed subjects allows some: a denied `>` leaves none.
fn is_open(side: &SubjectRule) -> bool {
    side.allow.is_empty() && !side.deny.iter().any(|subject| subject == ">")
}

/// Checks that each entry to remove is in one of the lists: another one is most likely misspelled,
/// and what was meant would stay.
pub(super) fn check_removed(
    what: &str,
    removed: &[String],
    lists: &[&Vec<String>],
) -> Result<(), Failure> {
    let is_known = |entry: &&String| lists.iter().any(|list| list.contains(entry));
    match removed.iter().find(|entry| !is_known(entry)) {
        None => Ok(()),
        Some(entry) => Err(absent(format!(
            "there is no {what} `{entry}` to remove; `describe` shows those that are there"
        ))),
    }
}

/// Removes entries of a list and adds others at its end. No entry is there twice.
pub(super) fn change(list: &mut Vec<String>, added: &[String], removed: &[String]) {
    list.retain(|entry| !removed.contains(entry));
    for entry in added {
        if !list.contains(entry) {
            list.push(entry.clone());
        }
    }
}
