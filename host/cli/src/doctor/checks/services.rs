//! Comparison of the hosts of the callout account with each other.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_callout::{FoundService, PARTICIPATING};

use crate::doctor::evidence::Evidence;
use crate::doctor::finding::{Code, Finding};
use crate::doctor::report::Checked;

/// Prefix of the facts that hosts state about their policies.
const POLICY: &str = "policy.";

/// Compares the services that answer logins.
pub(super) fn hosts(evidence: &Evidence) -> Checked {
    let services = match &evidence.services {
        Ok(services) => services,
        Err(reason) => return Checked::impossible(reason),
    };
    let mut checked = Checked::default();
    checked.examine(services.is_empty().then(|| {
        Finding::new(
            Code::HostAbsent,
            "no host answers logins in the account",
            "start `portcullis serve`; with `discoverable = false`, hosts are not found",
        )
    }));
    for service in services {
        checked.examine(not_deciding(service));
    }
    checked.examine(queue_groups(services));
    checked.examine(differing(services));
    checked
}

fn not_deciding(service: &FoundService) -> Option<Finding> {
    let word = service.fact(PARTICIPATING)?;
    (word != "yes").then(|| {
        let does = if word == "denying" {
            "denies every login"
        } else {
            "leaves logins to other hosts"
        };
        Finding::new(
            Code::HostNotDeciding,
            format!("host `{}` runs and {does}", service.id),
            "read the reason at its `/readyz` or in its log, and mend it",
        )
        .because(format!("it states `{PARTICIPATING}` as `{word}`"))
    })
}

fn queue_groups(services: &[FoundService]) -> Option<Finding> {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for service in services {
        let endpoint = service.login_endpoint()?;
        groups
            .entry(&endpoint.queue_group)
            .or_default()
            .push(&service.id);
    }
    (groups.len() > 1).then(|| {
        let finding = Finding::new(
            Code::QueueGroupsDiffer,
            "services of the account answer logins in different queue groups",
            "give all of them the same `queue-group` under [callout]",
        );
        groups.iter().fold(finding, |finding, (group, ids)| {
            finding.because(format!("queue group `{group}`: {}", ids.join(", ")))
        })
    })
}

/// The fact that hosts state about the rules of their configuration.
const RULES: &str = "rules";

/// Compares releases, rules and policies. The services of other projects state no policies.
fn differing(services: &[FoundService]) -> Option<Finding> {
    let hosts: Vec<_> = services
        .iter()
        .filter(|service| service.fact(PARTICIPATING).is_some())
        .collect();
    let mut observations = Vec::new();
    let versions: BTreeSet<_> = hosts.iter().map(|host| host.version.as_str()).collect();
    if versions.len() > 1 {
        observations.extend(
            hosts
                .iter()
                .map(|host| format!("host `{}` is {}", host.id, host.version)),
        );
    }
    let rules: BTreeSet<_> = hosts.iter().map(|host| host.fact(RULES)).collect();
    if rules.len() > 1 {
        observations.extend(hosts.iter().map(|host| {
            let digest = host.fact(RULES).unwrap_or("absent");
            format!("host `{}` has rules with the digest `{digest}`: target accounts, ceilings, expiry and keys", host.id)
        }));
    }
    let names: BTreeSet<&str> = hosts.iter().flat_map(|host| policies(host)).collect();
    for name in names {
        let fact = format!("{POLICY}{name}");
        let of = |host: &&&FoundService| host.fact(&fact).unwrap_or("absent").to_owned();
        let digests: BTreeSet<_> = hosts.iter().map(|host| of(&host)).collect();
        if digests.len() > 1 {
            let each = hosts.iter().map(|host| {
                format!(
                    "host `{}` has policy `{name}` at version `{}`",
                    host.id,
                    of(&host)
                )
            });
            observations.extend(each);
        }
    }
    (!observations.is_empty()).then(|| {
        let finding = Finding::new(
            Code::HostsDiffer,
            "hosts of the account decide differently",
            "give all hosts the same release, the same files in their policy directories, and the same tables [callout], [operator] and [ceilings]",
        );
        observations.into_iter().fold(finding, Finding::because)
    })
}

fn policies(host: &FoundService) -> impl Iterator<Item = &str> {
    let facts = host.metadata.iter().flat_map(BTreeMap::keys);
    facts.filter_map(|key| key.strip_prefix(POLICY))
}
