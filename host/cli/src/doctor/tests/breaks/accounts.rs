//! Breaks of accounts, and of what servers tell about them.

use std::collections::BTreeMap;

use super::Broken;
use crate::doctor::evidence::*;
use crate::doctor::finding::Code;
use crate::doctor::tests::fixtures::*;

pub(super) const BREAKS: &[Broken] = &[
    (&[Code::AccountMissing], |it| {
        let missing = settings(it).targets.clone();
        it.system
            .as_mut()
            .unwrap()
            .as_mut()
            .unwrap()
            .missing_targets = Ok(missing);
    }),
    (&[Code::AccountMissing], |it| {
        it.system = None;
        conf(it).accounts = vec!["$G".to_owned()];
    }),
    (&[Code::NamedAccountMissing], |it| {
        open_to_all(it);
        it.names = [Namer::Settings, Namer::Assertion, Namer::Configuration]
            .map(|namer| named("OTHER", namer))
            .to_vec();
    }),
    (&[Code::NamedAccountMissing], |it| {
        open_to_all(it);
        it.system = None;
        it.names = vec![named("OTHER", Namer::Settings)];
    }),
    (&[Code::NamedAccountMissing, Code::LocksInForce], |it| {
        // `=T1RIRVI` is `OTHER`.
        "account.=T1RIRVI".clone_into(&mut locked(it, None).key);
        "account.APP".clone_into(&mut locked(it, None).key);
        "account.ENDED".clone_into(&mut locked(it, Some(NOW)).key);
    }),
    (&[Code::NamedAccountNotAllowed], |it| {
        it.names.push(named("OTHER", Namer::Settings));
        it.names.push(named("OTHER", Namer::Assertion));
        it.names.push(named("OTHER", Namer::Configuration));
        let known = &mut it.system.as_mut().unwrap().as_mut().unwrap().accounts;
        known.push("OTHER".to_owned());
    }),
    (&[Code::NamedAccountNotAllowed], |it| {
        operated(it);
        settings(it).rules.signing = Some(BTreeMap::new());
    }),
    (&[Code::AccountRejected], |it| {
        it.rejected = Some(Ok(vec![RejectedAccount {
            account: "OTHER".to_owned(),
            server: "n1".to_owned(),
            number: 3,
            at: NOW - 60,
            id: "5d1f0c2e9b7a4436-17".to_owned(),
            reason: "no valid account \"OTHER\" for auth callout response".to_owned(),
        }]));
    }),
    (&[Code::SystemAccountDiffers], |it| {
        settings(it).system_account = "$SYS".parse().unwrap();
        open_to_all(it);
    }),
    (&[Code::SystemAccountDiffers], |it| {
        settings(it).system_account = "$SYS".parse().unwrap();
        open_to_all(it);
        it.system = None;
    }),
    (&[Code::CalloutAbsent], |it| {
        operated(it).auth_users = Vec::new();
    }),
    (&[Code::CalloutUserMissing], |it| {
        operated(it).auth_users = vec!["U-OTHER".to_owned()];
    }),
    (&[Code::CalloutTargetNotAllowed], |it| {
        operated(it).allowed_accounts = vec!["A-OTHER".to_owned()];
    }),
    (&[Code::CalloutTargetNotAllowed], |it| {
        // Servers take `*` for any account only if it is alone.
        operated(it).allowed_accounts.push("*".to_owned());
        settings(it).features.first_login = true;
    }),
    (&[Code::CalloutXkeyDiffers], |it| {
        operated(it).xkey = Some("X-OTHER".to_owned());
    }),
    (&[Code::CalloutXkeyMissingThere], |it| {
        operated(it).xkey = None;
    }),
    (&[Code::CalloutSignerUnknown], |it| {
        operated(it).signers = vec!["AUTH".to_owned()];
    }),
    (&[Code::TargetSignerUnknown], |it| {
        operated(it);
        settings(it).targets[0].signers = vec!["A-OLD".to_owned()];
    }),
    (&[Code::ServerConfUnreadable], |it| {
        it.server_conf = Some(Err("`server.conf`: line 3: a map has no `}`".to_owned()));
    }),
    (&[Code::SystemLoginRefused], |it| {
        it.system = Some(Err("gave up connecting to nats at attempt 1".to_owned()));
    }),
];
