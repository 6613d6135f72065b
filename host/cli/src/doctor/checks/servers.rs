//! Checks of the way to the servers: address, TLS, login, account and permissions.

use portcullis_callout::Obstacle;
use portcullis_connect::RequiredPermission;

use crate::doctor::evidence::{Evidence, Greeting, Login, Server, ServerInfo, Settings};
use crate::doctor::finding::{Code, Finding};
use crate::doctor::report::Checked;

/// The beginning of the reason why no session is made, if the reason is a file of the host.
const OWN_FILES: &str = "cannot use tls: ";

/// Finds servers that are not reached, and sessions that TLS prevents.
pub(super) fn reachable(evidence: &Evidence) -> Checked {
    let Some(settings) = &evidence.settings else {
        return Checked::impossible("the configuration is invalid");
    };
    let mut checked = Checked::default();
    for server in &evidence.servers {
        checked.examine(unreachable(settings, server));
    }
    checked
}

fn unreachable(settings: &Settings, server: &Server) -> Option<Finding> {
    let Login::Failed(error) = &server.login else {
        return None;
    };
    let address = &server.address;
    let finding = match &server.greeting {
        Greeting::Failed(_) => Finding::new(
            Code::ServerUnreachable,
            format!("server `{address}` does not answer"),
            "start the server, or correct `servers` under [nats]; compare firewalls and names between both machines",
        ),
        Greeting::Silent => Finding::new(
            Code::ServerUnreachable,
            format!("server `{address}` accepts connections and says nothing"),
            "look whether the server hangs, and restart it; something else may listen at the address",
        ),
        Greeting::TlsFirst if !settings.tls_first => Finding::new(
            Code::TlsFirstDiffers,
            format!("server `{address}` waits for the TLS handshake before it says anything"),
            "set `tls-first = true` under [nats], or remove `handshake_first` from the server's `tls`",
        ),
        Greeting::Info(_) if settings.tls_first => Finding::new(
            Code::TlsFirstDiffers,
            format!("server `{address}` speaks before the TLS handshake, and `tls-first` is set"),
            "remove `tls-first` under [nats], or set `handshake_first` in the server's `tls`",
        ),
        Greeting::Info(info) if !demands_tls(settings, address, info) => Finding::new(
            Code::SessionFailed,
            format!("server `{address}` answers, and the host makes no session with it"),
            "do what the evidence says: a server that is full needs a larger `max_connections`; the server's log has the \
             same reason",
        ),
        Greeting::TlsFirst | Greeting::Info(_) if error.starts_with(OWN_FILES) => Finding::new(
            Code::TlsFailed,
            format!(
                "the host makes no session with server `{address}`, because a file of its own is wrong"
            ),
            "replace the file that the evidence names; a certificate and its key have to be of the same issue",
        ),
        Greeting::TlsFirst | Greeting::Info(_) => Finding::new(
            Code::TlsFailed,
            format!("the host makes no session with server `{address}`"),
            "set `tls-ca-file` under [nats] to the authority that signed the server's certificate; the certificate has \
             to name the host of the address and be valid now",
        ),
    };
    let finding = finding.because(error);
    // A name can lead to another machine than the operator thinks.
    Some(match &server.resolved {
        Some(resolved) => finding.because(resolved),
        None => finding,
    })
}

/// Returns whether a session with the server needs TLS.
fn demands_tls(settings: &Settings, address: &str, info: &ServerInfo) -> bool {
    info.tls_required || settings.tls_required || address.starts_with("tls://")
}

/// Finds servers that refuse the host's own user.
pub(super) fn login(evidence: &Evidence) -> Checked {
    let mut checked = Checked::default();
    for server in &evidence.servers {
        match &server.login {
            Login::Accepted => checked.examine(None),
            Login::Refused { after } => {
                let address = &server.address;
                let finding = Finding::new(
                    Code::LoginRefused,
                    format!("server `{address}` refuses the login of the host's own user"),
                    "name the user in the server's callout account and in `auth_users`, with the credentials that [nats] \
                     names; in operator mode, in `authorization` of the account's JWT",
                );
                let after = format!(
                    "refused after {} ms; a refusal after the server's whole timeout shows that the server handed this \
                     login to the callout, because the user is not one of `auth_users`",
                    after.as_millis()
                );
                checked.examine(Some(finding.because(after)));
            }
            Login::Failed(_) => {
                checked.skip(format!("no connection to `{}` is made", server.address));
            }
        }
    }
    checked
}

/// Finds a wrong account and permissions that the user lacks.
pub(super) fn user(evidence: &Evidence) -> Checked {
    let mut checked = Checked::default();
    for server in &evidence.servers {
        let Some(user) = &server.user else {
            checked.skip(format!("no connection to `{}` is made", server.address));
            continue;
        };
        checked.examine(None);
        let obstacles = user.obstacles.iter();
        let vital = obstacles.filter_map(|obstacle| obstacle_finding(&server.address, obstacle));
        for finding in vital {
            checked.examine(Some(finding));
        }
        let is_vital = |lacks: &RequiredPermission| {
            user.obstacles
                .contains(&Obstacle::NotPermitted(lacks.clone()))
        };
        for lacks in user.missing.iter().filter(|lacks| !is_vital(lacks)) {
            let finding = permission(Code::PermissionMissing, &server.address, lacks);
            checked.examine(Some(finding));
        }
    }
    checked
}

/// Returns the finding of an obstacle that concerns the user. Whether servers ask is for the probe
/// to show.
fn obstacle_finding(address: &str, obstacle: &Obstacle) -> Option<Finding> {
    match obstacle {
        Obstacle::WrongAccount { actual, expected } => Some(
            Finding::new(
                Code::AccountDiffers,
                format!("at server `{address}`, the host's user is in account `{actual}`"),
                "set `account` under [callout] (in operator mode under [operator]) to the servers' callout account, and \
                 log in as a user of it",
            )
            .because(format!("the configuration names account `{expected}`")),
        ),
        Obstacle::Unconfirmed => Some(Finding::new(
            Code::UserUnconfirmed,
            format!("server `{address}` does not say in which account the host's user is"),
            "allow the user to publish `$SYS.REQ.USER.INFO` and to subscribe to its own inbox; the server needs a system \
             account",
        )),
        Obstacle::NotPermitted(lacks) => Some(permission(Code::PermissionVital, address, lacks)),
        _ => None,
    }
}

fn permission(code: Code, address: &str, lacks: &RequiredPermission) -> Finding {
    let (side, subject, purpose) = (lacks.side, &lacks.subject, lacks.purpose);
    Finding::new(
        code,
        format!("at server `{address}`, the host's user may not {side} `{subject}`"),
        format!("allow the user to {side} `{subject}`"),
    )
    .because(format!("without it the host cannot {purpose}"))
}
