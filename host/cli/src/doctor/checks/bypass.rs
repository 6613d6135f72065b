//! Judgement of the login with the credential of `--bypass`.

use crate::doctor::evidence::{Evidence, ObservedRequest, Probe, ProbeAnswer, Server};
use crate::doctor::finding::{Code, Finding};
use crate::doctor::report::Checked;

/// Says whether the credential enters without the callout.
pub(super) fn bypass(evidence: &Evidence) -> Checked {
    let mut checked = Checked::default();
    for server in &evidence.servers {
        match &server.bypass {
            // Without the argument, the check is not wanted.
            None => {}
            Some(Err(reason)) => checked.skip(format!("`{}`: {reason}", server.address)),
            Some(Ok(probe)) => match is_asked(server, probe) {
                Ok(is_asked) => checked.examine(Some(judge(server, probe, is_asked))),
                Err(reason) => checked.skip(format!("`{}`: {reason}", server.address)),
            },
        }
    }
    checked
}

/// Returns whether the server has asked about the login. The absence of a request counts only if
/// this command has heard the request of the probe login before.
fn is_asked(server: &Server, probe: &Probe) -> Result<bool, String> {
    match &probe.request {
        Err(reason) => Err(reason.clone()),
        Ok(Some(ObservedRequest::Read(_))) => Ok(true),
        Ok(Some(_)) => Err("the host's keys do not open the server's requests".to_owned()),
        Ok(None) => {
            let heard = |probe: &Probe| matches!(probe.request, Ok(Some(ObservedRequest::Read(_))));
            if server.probe.as_ref().is_ok_and(heard) {
                Ok(false)
            } else {
                Err("no request of the probe login arrived, so the absence of another shows nothing".to_owned())
            }
        }
    }
}

fn judge(server: &Server, probe: &Probe, is_asked: bool) -> Finding {
    let address = &server.address;
    match (&probe.answer, is_asked) {
        (ProbeAnswer::LetIn, false) => Finding::new(
            Code::BypassOpen,
            format!("the credential enters server `{address}` without the callout"),
            "remove the user from `auth_users`, from `no_auth_user` and from accounts outside `allowed_accounts`, or \
             keep the credential as one for emergencies",
        )
        .because("the server let it in, and no request about it arrived"),
        (ProbeAnswer::Refused, true) => Finding::new(
            Code::BypassClosed,
            format!("the credential does not enter server `{address}` without the callout"),
            "nothing is to do",
        )
        .because("a request about it arrived, no host answered with a permit, and the server refused it"),
        (ProbeAnswer::LetIn, true) => Finding::new(
            Code::BypassUnclear,
            format!("server `{address}` asked about the credential, and a service let it in"),
            "stop services of the account that are not this release of Portcullis, and repeat",
        )
        .because("this release lets in no login whose connection name begins with `portcullis-probe:`"),
        (ProbeAnswer::Refused, false) => Finding::new(
            Code::BypassUnclear,
            format!("server `{address}` refused the credential without asking"),
            "give a credential that is valid now; servers do not ask about wrong passwords of `auth_users`, and in \
             operator mode not about user JWTs that are not valid",
        )
        .because(format!("refused after {} ms, and no request arrived", probe.after.as_millis())),
        (ProbeAnswer::Unclear(error), _) => Finding::new(
            Code::BypassUnclear,
            format!("server `{address}` did not answer the login with the credential"),
            "repeat",
        )
        .because(error),
    }
}
