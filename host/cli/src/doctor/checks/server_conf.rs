//! Comparison of the server's configuration file with the host's configuration.

use std::time::Duration;

use super::xkey::XkeyPlace;
use crate::doctor::evidence::{Evidence, Settings};
use crate::doctor::finding::{Code, Finding};
use crate::doctor::report::Checked;
use crate::doctor::server_conf::{CalloutConf, ServerConf};

/// Compares the block `auth_callout` with the host's configuration.
pub(super) fn callout(evidence: &Evidence) -> Checked {
    let conf = match &evidence.server_conf {
        None => return Checked::impossible("`--server-conf` is not given"),
        Some(Ok(conf)) => conf,
        Some(Err(error)) => {
            let mut checked = Checked::default();
            let finding = Finding::new(
                Code::ServerConfUnreadable,
                "the configuration of the server is not compared",
                "correct the file; `nats-server -t -c FILE` checks it, with the variables of the server's environment",
            );
            checked.findings.push(finding.because(error));
            return checked;
        }
    };
    let Some(settings) = &evidence.settings else {
        return Checked::impossible("the configuration is invalid");
    };
    if conf.operator_mode || settings.operator_mode {
        return Checked::impossible(
            "in operator mode, account JWTs say what the file says in config mode",
        );
    }
    let mut checked = Checked::default();
    match &conf.callout {
        None => checked.examine(Some(Finding::new(
            Code::CalloutAbsent,
            "the server's configuration has no `auth_callout`, so no login is handed to a host",
            "add `auth_callout { issuer, account, auth_users }` to its block `authorization`; `portcullis init` writes one",
        ))),
        Some(callout) => {
            checked.examine(account(settings, callout));
            checked.examine(user(settings, callout));
            checked.examine(issuer(settings, callout));
            checked.examine(xkey(settings, callout));
        }
    }
    checked.examine(timeout(settings, conf));
    checked
}

fn account(settings: &Settings, callout: &CalloutConf) -> Option<Finding> {
    let own = settings.group.account.as_str();
    (callout.account != own).then(|| {
        Finding::new(
            Code::CalloutAccountDiffers,
            "the server's configuration hands logins to another account than the host's",
            format!("set `account: \"{own}\"` in the server's auth_callout, or `account` under [callout]"),
        )
        .because(format!("the server's `account` is `{}`", callout.account))
        .because(format!("the host's `account` is `{own}`"))
    })
}

fn user(settings: &Settings, callout: &CalloutConf) -> Option<Finding> {
    let own = settings.user.as_ref()?;
    (!callout.auth_users.contains(own)).then(|| {
        Finding::new(
            Code::CalloutUserMissing,
            "the host's own user is not in `auth_users`, so the server hands the host's login to the host",
            format!("add `{own}` to `auth_users` in the server's auth_callout"),
        )
        .because(format!("`auth_users` has {} other entries", callout.auth_users.len()))
    })
}

fn issuer(settings: &Settings, callout: &CalloutConf) -> Option<Finding> {
    let own = settings.issuer.as_ref()?;
    let is_expected = callout.issuer == *own || settings.other_issuers.contains(&callout.issuer);
    (!is_expected).then(|| {
        Finding::new(
            Code::CalloutIssuerDiffers,
            "the server's configuration names another issuer than the host's",
            format!("set `issuer: {own}` in the server's auth_callout, or replace the seed in `issuer-seed-file`"),
        )
        .because(format!("the server's `issuer` is `{}`", callout.issuer))
        .because(format!("the host answers for `{own}`"))
    })
}

fn xkey(settings: &Settings, callout: &CalloutConf) -> Option<Finding> {
    let place = XkeyPlace {
        name: "the server's configuration",
        owner: "the server's",
        block: "the server's auth_callout",
    };
    place.compare(settings, callout.xkey.as_ref())
}

fn timeout(settings: &Settings, conf: &ServerConf) -> Option<Finding> {
    let waits = Duration::try_from_secs_f64(conf.timeout?).ok()?;
    (waits <= settings.deadline).then(|| {
        Finding::new(
            Code::CalloutTimeoutTooShort,
            "the server's configuration gives logins less time than the host's deadline",
            "raise `authorization.timeout`, or lower `deadline` under [callout] to at most half of it",
        )
        .because(format!("`authorization.timeout` is {waits:?}"))
        .because(format!("the host's deadline is {:?}", settings.deadline))
    })
}
