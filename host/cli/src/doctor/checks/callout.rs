//! Checks of what a probe login shows: whether servers ask, for whose answers, and when.

use std::time::Duration;

use crate::doctor::evidence::{
    Evidence, ObservedRequest, OwnXkey, Probe, ProbeAnswer, ReadRequest, Server, Settings,
};
use crate::doctor::finding::{Code, Finding};
use crate::doctor::report::Checked;

/// Finds servers that decide the probe without the host's account.
pub(super) fn asked(evidence: &Evidence) -> Checked {
    let mut checked = Checked::default();
    for (server, probe) in probes(evidence, &mut checked) {
        match (&probe.answer, &probe.request) {
            (ProbeAnswer::Unclear(error), Ok(None) | Err(_)) => checked.skip(format!(
                "the probe at `{}` has no answer: {error}",
                server.address
            )),
            (ProbeAnswer::LetIn, Ok(None)) => checked.examine(Some(let_in(server))),
            (ProbeAnswer::Refused, Ok(None)) => {
                checked.examine(Some(not_asked(evidence, server, probe)));
            }
            (_, Ok(Some(_))) => checked.examine(None),
            (_, Err(reason)) => checked.skip(reason),
        }
    }
    checked
}

fn let_in(server: &Server) -> Finding {
    Finding::new(
        Code::ServerLetsIn,
        format!("server `{}` admits a made-up token without asking", server.address),
        "remove `no_auth_user` and other ways around the callout from the server, or set `auth_callout`",
    )
    .because("a login with a token that no host admits was accepted, and no request arrived")
}

fn not_asked(evidence: &Evidence, server: &Server, probe: &Probe) -> Finding {
    let account = evidence
        .settings
        .as_ref()
        .map(|settings| settings.group.account.to_string());
    Finding::new(
        Code::CalloutNotAsked,
        format!(
            "server `{}` does not hand logins to account `{}`",
            server.address,
            account.unwrap_or_default()
        ),
        "set `auth_callout` with this account on the server, or in operator mode `authorization` with `auth_users` in \
         the account's JWT; `--server-conf` says what is wrong there",
    )
    .because(format!(
        "a probe login was refused after {} ms, and no request arrived in the account",
        probe.after.as_millis()
    ))
}

/// Compares issuer, encryption and trust with those of the requests.
pub(super) fn keys(evidence: &Evidence) -> Checked {
    let mut checked = Checked::default();
    let Some(settings) = &evidence.settings else {
        return Checked::impossible("the configuration is invalid");
    };
    for (server, request) in requests(evidence, &mut checked) {
        let findings = match request {
            ObservedRequest::Encrypted => vec![encrypted(server)],
            ObservedRequest::OtherXkey => vec![other_xkey(settings, server)],
            ObservedRequest::Read(read) => compare(settings, server, read),
        };
        checked.examine(None);
        checked.findings.extend(findings);
    }
    checked
}

fn encrypted(server: &Server) -> Finding {
    Finding::new(
        Code::CalloutXkeyMissingHere,
        format!("server `{}` encrypts its requests, and the host has no xkey", server.address),
        "set `xkey-seed-file` under [callout] to the seed of the `xkey` in the server's auth_callout, or remove that",
    )
    .because("the request of a probe login is encrypted")
}

fn other_xkey(settings: &Settings, server: &Server) -> Finding {
    let own = match &settings.xkey {
        OwnXkey::Key(key) => key.as_str(),
        OwnXkey::Unknown | OwnXkey::Absent => "",
    };
    Finding::new(
        Code::CalloutXkeyDiffers,
        format!("server `{}` encrypts its requests for another xkey", server.address),
        format!("set `xkey` in the server's auth_callout to `{own}`, or `xkey-seed-file` to the seed of the server's"),
    )
    .because(format!("the key of the host, `{own}`, does not open the request of a probe login"))
}

fn compare(settings: &Settings, server: &Server, read: &ReadRequest) -> Vec<Finding> {
    let mut findings = Vec::new();
    let address = &server.address;
    if let (false, OwnXkey::Key(own)) = (read.encrypted, &settings.xkey) {
        findings.push(
            Finding::new(
                Code::CalloutXkeyMissingThere,
                format!("server `{address}` sends its requests in the clear, and the host demands encryption"),
                format!("set `xkey: {own}` in the server's auth_callout, or remove `xkey-seed-file` under [callout]"),
            )
            .because("the request of a probe login is not encrypted"),
        );
    }
    if let Some(own) = settings
        .issuer
        .as_ref()
        .filter(|own| **own != read.expected && !settings.other_issuers.contains(&read.expected))
    {
        findings.push(
            Finding::new(
                Code::CalloutIssuerDiffers,
                format!("server `{address}` expects answers of another issuer than the host's"),
                "set `issuer` in the server's auth_callout to the public key of `issuer-seed-file`, or replace the seed; \
                 in operator mode, compare `account` under [operator]",
            )
            .because(format!("the server expects `{}`", read.expected))
            .because(format!("the host answers for `{own}`")),
        );
    }
    if !read.trusted {
        findings.push(
            Finding::new(
                Code::ServerNotTrusted,
                format!("the host does not answer server `{address}`"),
                "add one of the server's `server_tags` to `trusted-server-tags` under [callout]; a server id is new at \
                 every start",
            )
            .because(format!("its name is `{}` and its id `{}`", read.server_name, read.server_id)),
        );
    }
    if let Some(fault) = &read.fault {
        findings.push(
            Finding::new(
                Code::RequestInvalid,
                format!("the host refuses the requests of server `{address}`"),
                "change the server's configuration as the evidence says",
            )
            .because(fault),
        );
    }
    findings
}

/// Compares the time that servers wait with the host's deadline.
pub(super) fn timeout(evidence: &Evidence) -> Checked {
    let mut checked = Checked::default();
    let Some(settings) = &evidence.settings else {
        return Checked::impossible("the configuration is invalid");
    };
    for (server, request) in requests(evidence, &mut checked) {
        match request {
            ObservedRequest::Read(read) => {
                let waits = read.lifetime.map(Duration::from_secs);
                checked.examine(waits.and_then(|waits| too_short(settings, server, waits)));
            }
            _ => checked.skip(UNREADABLE),
        }
    }
    checked
}

/// Reason to skip a check of a request that the host's keys do not open.
const UNREADABLE: &str = "the host's keys do not open the server's requests";

fn too_short(settings: &Settings, server: &Server, waits: Duration) -> Option<Finding> {
    (waits <= settings.deadline).then(|| {
        Finding::new(
            Code::CalloutTimeoutTooShort,
            format!("server `{}` gives a login up before the host has to be done", server.address),
            "raise `authorization.timeout` of the server, or lower `deadline` under [callout] to at most half of it",
        )
        .because(format!(
            "its requests expire after {}, by times in whole seconds",
            humantime::format_duration(waits)
        ))
        .because(format!("the host's deadline is {:?}", settings.deadline))
    })
}

/// Compares the clocks of servers with that of this machine.
pub(super) fn clock(evidence: &Evidence) -> Checked {
    let mut checked = Checked::default();
    let Some(settings) = &evidence.settings else {
        return Checked::impossible("the configuration is invalid");
    };
    for (server, request) in requests(evidence, &mut checked) {
        match request {
            ObservedRequest::Read(read) => checked.examine(clocks(settings, server, read)),
            _ => checked.skip(UNREADABLE),
        }
    }
    checked
}

fn clocks(settings: &Settings, server: &Server, read: &ReadRequest) -> Option<Finding> {
    // The time in a request is cut to seconds, so a request seems to be up to one second old.
    let difference = read
        .ahead
        .saturating_add(i64::from(read.ahead < 0))
        .unsigned_abs();
    (difference > settings.clock_skew.as_secs()).then(|| {
        let side = if read.ahead > 0 { "behind" } else { "ahead of" };
        Finding::new(
            Code::ClockDiffers,
            format!(
                "the clock of this machine is {} s {side} that of server `{}`",
                read.ahead.unsigned_abs(),
                server.address
            ),
            "set both clocks by NTP; `clock-skew` under [callout] is the difference that the host accepts",
        )
        .because(format!("`clock-skew` is {:?}", settings.clock_skew))
    })
}

/// Returns the probes that were made. Records the others as gaps.
fn probes<'a>(evidence: &'a Evidence, checked: &mut Checked) -> Vec<(&'a Server, &'a Probe)> {
    if evidence.settings.is_none() {
        checked.skip("the configuration is invalid");
    }
    let mut made = Vec::new();
    for server in &evidence.servers {
        match &server.probe {
            Ok(probe) => made.push((server, probe)),
            Err(reason) => checked.skip(format!("`{}`: {reason}", server.address)),
        }
    }
    made
}

/// Returns the requests that arrived. Records servers without one as gaps.
fn requests<'a>(
    evidence: &'a Evidence,
    checked: &mut Checked,
) -> Vec<(&'a Server, &'a ObservedRequest)> {
    let mut arrived = Vec::new();
    for (server, probe) in probes(evidence, checked) {
        match &probe.request {
            Ok(Some(request)) => arrived.push((server, request)),
            Ok(None) => checked.skip(format!("no request of `{}` arrived", server.address)),
            Err(reason) => checked.skip(reason),
        }
    }
    arrived
}
