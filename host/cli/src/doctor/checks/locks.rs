//! Checks of the locks of logins, and of the host's copy of them.

use std::time::{Duration, UNIX_EPOCH};

use crate::doctor::evidence::{Evidence, FoundLock, LockCopyFound, Locks};
use crate::doctor::finding::{Code, Finding};
use crate::doctor::report::Checked;

/// Seconds of a day.
const DAY: u64 = 24 * 60 * 60;

/// Time after which a lock counts as lasting, in seconds.
const MONTH: u64 = 30 * DAY;

/// Age from which a copy is stale, in seconds. A host that follows the bucket confirms its copy
/// every minute.
const STALE: u64 = 10 * 60;

/// Maximum number of locks that a finding names.
const NAMED: usize = 10;

/// Looks at the locks in force, and at the copy.
pub(super) fn locks(evidence: &Evidence) -> Checked {
    if evidence.settings.is_none() {
        return Checked::impossible("the configuration is invalid");
    }
    let mut checked = Checked::default();
    let Some(locks) = &evidence.locks else {
        // Without a bucket of locks, no login is locked.
        checked.examine(None);
        return checked;
    };
    let now = evidence.now;
    match &locks.known {
        Ok(known) => {
            let in_force: Vec<_> = known.iter().filter(|lock| lock.counts_at(now)).collect();
            checked.examine(number(&in_force));
            checked.examine(ending(&in_force, now));
            checked.examine(lasting(&in_force, now));
        }
        Err(reason) => checked.examine(Some(unreadable(locks, reason))),
    }
    copy(locks, now, &mut checked);
    checked
}

fn number(in_force: &[&FoundLock]) -> Option<Finding> {
    let oldest = in_force.iter().min_by_key(|lock| lock.since)?;
    let finding = Finding::new(
        Code::LocksInForce,
        format!("logins are locked: locks in force: {}", in_force.len()),
        "`portcullis lock list` shows all, and `portcullis lock remove` ends one",
    )
    .because(format!("the oldest is {}", described(oldest)));
    let damaged = in_force.iter().filter(|lock| lock.lock.is_none());
    Some(damaged.take(NAMED).fold(finding, |finding, lock| {
        finding.because(format!(
            "`{}` is unreadable, and hosts deny what it names",
            lock.key
        ))
    }))
}

fn ending(in_force: &[&FoundLock], now: u64) -> Option<Finding> {
    let soon = in_force.iter().filter(|lock| {
        let end = lock.end();
        end.is_some_and(|end| end.saturating_sub(now) < DAY)
    });
    named(soon.copied()).map(|evidence| {
        let finding = Finding::new(
            Code::LockEndsSoon,
            "a lock ends within a day, and logins are then decided as before it",
            "if its reason still holds, add it again with a later end, or change the policy or the identity provider",
        );
        evidence.into_iter().fold(finding, Finding::because)
    })
}

fn lasting(in_force: &[&FoundLock], now: u64) -> Option<Finding> {
    let long = in_force.iter().filter(|lock| {
        let until = lock.end().unwrap_or(now).max(now);
        until.saturating_sub(lock.since) > MONTH
    });
    named(long.copied()).map(|evidence| {
        let finding = Finding::new(
            Code::LockLasting,
            "a lock lasts for more than a month",
            "change the policy's settings or the user at the identity provider, and end the lock with `portcullis lock \
             remove`",
        );
        evidence.into_iter().fold(finding, Finding::because)
    })
}

fn unreadable(locks: &Locks, reason: &str) -> Finding {
    let copy = match &locks.copy {
        LockCopyFound::Confirmed(at) => format!("the host has a copy of {}", date(*at)),
        LockCopyFound::Missing | LockCopyFound::Unusable(_) => {
            "the host has no copy, so it then denies every login".to_owned()
        }
    };
    Finding::new(
        Code::LocksUnreadable,
        format!(
            "the bucket of locks, `{}`, cannot be read, so a host that starts now does not know the locks",
            locks.bucket
        ),
        "make the bucket, let JetStream run, and give the host's user the permissions for it; remove `locks` under \
         [key-value] if nothing is to be locked",
    )
    .because(reason)
    .because(copy)
}

fn copy(locks: &Locks, now: u64, checked: &mut Checked) {
    let file = locks.file.display();
    let remedy = "let a host that reads the bucket run on this machine; at a start without the bucket, the host knows \
                  only what the copy has";
    match &locks.copy {
        LockCopyFound::Missing => checked.skip(format!(
            "`{file}` does not exist yet; the host writes it when it has read the bucket"
        )),
        LockCopyFound::Unusable(reason) => checked.examine(Some(
            Finding::new(
                Code::LocksCopyStale,
                format!("the host's copy of the locks, `{file}`, is not usable"),
                remedy,
            )
            .because(reason),
        )),
        LockCopyFound::Confirmed(at) => {
            let age = Duration::from_secs(now.saturating_sub(*at));
            checked.examine((age.as_secs() > STALE).then(|| {
                Finding::new(
                    Code::LocksCopyStale,
                    format!(
                        "the host's copy of the locks, `{file}`, is {} old",
                        humantime::format_duration(age)
                    ),
                    remedy,
                )
                .because(format!("the host last knew the locks at {}", date(*at)))
            }));
        }
    }
}

/// Describes the first of `locks`. Returns `None` without locks.
fn named<'a>(locks: impl Iterator<Item = &'a FoundLock>) -> Option<Vec<String>> {
    let all: Vec<_> = locks.collect();
    let mut texts: Vec<_> = all.iter().take(NAMED).map(|lock| described(lock)).collect();
    if all.len() > NAMED {
        texts.push(format!("and {} more", all.len().saturating_sub(NAMED)));
    }
    (!texts.is_empty()).then_some(texts)
}

/// Describes a lock: key, start, end and reason.
fn described(lock: &FoundLock) -> String {
    let end = lock.end().map_or_else(
        || "until it is removed".to_owned(),
        |end| format!("until {}", date(end)),
    );
    let reason = lock.lock.as_ref().map_or("", |lock| lock.reason.as_str());
    format!(
        "`{}`, since {}, {end}: {reason}",
        lock.key,
        date(lock.since)
    )
}

fn date(seconds: u64) -> humantime::Rfc3339Timestamp {
    let time = UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    humantime::format_rfc3339_seconds(time.unwrap_or(UNIX_EPOCH))
}
