//! Breaks of what decides logins: other ways in, locks, hosts.

use std::collections::BTreeMap;
use std::io;

use super::Broken;
use crate::doctor::evidence::*;
use crate::doctor::finding::Code;
use crate::doctor::tests::fixtures::*;

pub(super) const BREAKS: &[Broken] = &[
    (&[Code::BypassOpen], |it| {
        bypass(it, ProbeAnswer::LetIn, false);
    }),
    (&[Code::BypassClosed], |it| {
        bypass(it, ProbeAnswer::Refused, true);
    }),
    (&[Code::BypassUnclear], |it| {
        bypass(it, ProbeAnswer::LetIn, true);
    }),
    (&[Code::BypassUnclear], |it| {
        bypass(it, ProbeAnswer::Refused, false);
    }),
    (&[Code::LocksInForce], |it| {
        locked(it, None);
        locked(it, Some(NOW));
        let damaged = locked(it, None);
        damaged.key = "user.bob".to_owned();
        damaged.since = NOW - DAY;
        damaged.lock = None;
    }),
    (&[Code::LocksInForce, Code::LockEndsSoon], |it| {
        locked(it, Some(NOW + DAY - 1));
    }),
    (&[Code::LocksInForce, Code::LockEndsSoon], |it| {
        locked(it, None).expires = Some(NOW + DAY - 1);
    }),
    (&[Code::LockLasting, Code::LocksInForce], |it| {
        locked(it, None).since = NOW - 31 * DAY;
    }),
    (&[Code::LockLasting, Code::LocksInForce], |it| {
        locked(it, Some(NOW + 29 * DAY));
    }),
    (&[Code::LocksUnreadable], |it| {
        locks(it).known = Err("the bucket is missing".to_owned());
    }),
    (&[Code::LocksCopyStale], |it| {
        locks(it).copy = LockCopyFound::Confirmed(NOW - DAY);
    }),
    (&[Code::LocksCopyStale], |it| {
        locks(it).copy = LockCopyFound::Unusable("it is no copy of locks".to_owned());
    }),
    (&[Code::HostAbsent], |it| {
        it.services = Ok(Vec::new());
    }),
    (&[Code::HostNotDeciding], |it| {
        it.services = Ok(vec![service("one", "denying", "q", "4f2a")]);
    }),
    (&[Code::HostNotDeciding], |it| {
        it.services = Ok(vec![service("one", "no", "q", "4f2a")]);
    }),
    (&[Code::HostNotReady], |it| {
        let reasons = ["issuer-keys: a reason", "own-login: another"];
        let reasons = reasons.map(str::to_owned).to_vec();
        it.health = Some(HostHealth::Running {
            not_ready: Some(reasons),
            trouble: Vec::new(),
            issuers: BTreeMap::new(),
        });
    }),
    (&[Code::HostImpaired], |it| {
        let trouble = "`portcullis_policies_not_kept` is 1: a restart does not find these policies";
        it.health = Some(HostHealth::Running {
            not_ready: None,
            trouble: vec![trouble.to_owned()],
            issuers: BTreeMap::new(),
        });
    }),
    (&[Code::RecordsUnwritable], |it| {
        unwritable(it, io::ErrorKind::StorageFull);
    }),
    (&[Code::RecordsUnwritable], |it| {
        unwritable(it, io::ErrorKind::PermissionDenied);
    }),
    (&[Code::RecordsUnwritable], |it| {
        unwritable(it, io::ErrorKind::ReadOnlyFilesystem);
    }),
    (&[Code::RecordsStreamMissing], |it| {
        let stream = it.records.as_mut().unwrap().stream.as_mut();
        stream.unwrap().found = Ok(None);
    }),
    (&[Code::RecordsStreamUnavailable], |it| {
        let stream = it.records.as_mut().unwrap().stream.as_mut();
        let error = "JetStream system temporarily unavailable (code 503, error code 10008)";
        stream.unwrap().found = Err(error.to_owned());
    }),
    (&[Code::HostsDiffer], |it| {
        let (one, mut two) = (
            service("one", "yes", "q", "4f2a"),
            service("two", "yes", "q", "77ab"),
        );
        two.version = "0.2.0".to_owned();
        let facts = two.metadata.as_mut().unwrap();
        facts.insert("rules".to_owned(), "90ff".to_owned());
        it.services = Ok(vec![one, two]);
    }),
    (&[Code::QueueGroupsDiffer], |it| {
        it.services = Ok(vec![
            service("one", "yes", "q", "4f2a"),
            service("two", "yes", "other", "4f2a"),
        ]);
    }),
];
