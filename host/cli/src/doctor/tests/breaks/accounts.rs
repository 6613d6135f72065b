//! Breaks of accounts, and of what servers tell about them.

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
    (&[Code::ServerConfUnreadable], |it| {
        it.server_conf = Some(Err("`server.conf`: line 3: a map has no `}`".to_owned()));
    }),
    (&[Code::SystemLoginRefused], |it| {
        it.system = Some(Err("gave up connecting to nats after 1 attempts".to_owned()));
    }),
];
