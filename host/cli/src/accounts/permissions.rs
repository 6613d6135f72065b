//! Arguments for permissions, which accounts, roles and users share.

use std::time::Duration;

use clap::Args;
use portcullis_claims::{ResponseRule, SubjectRule};

use super::values;

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
    ) {
        let lists = [
            (&mut publish.allow, &self.allow_pub),
            (&mut subscribe.allow, &self.allow_sub),
            (&mut publish.deny, &self.deny_pub),
            (&mut subscribe.deny, &self.deny_sub),
        ];
        for (list, added) in lists {
            change(list, added, &self.remove_permission);
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
