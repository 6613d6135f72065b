//! Logins that only test the answers of servers: probes that no host admits.

use std::path::Path;

use portcullis_callout::PROBE_PREFIX;
use portcullis_claims::{KeyKind, UserCredentials};
use portcullis_config::{Config, check_seed};
use portcullis_connect::{
    Authentication, ConnectionOptions, LoginAnswer, LoginProbe, Secret, SecretSource,
};
use portcullis_core::with_causes;
use portcullis_environment::{Clock as _, SystemClock};

use super::listener::Listener;
use super::servers::NAME;
use crate::doctor::evidence::{Greeting, Login, Probe, ProbeAnswer, Server};

/// The argument of `--bypass` that stands for a login without credentials.
const NONE: &str = "none";

/// A listener, or the reason why this command cannot listen.
type Listening<'a> = Result<Listener<'a>, String>;

/// Logs in at every server with a made-up token, one after the other.
pub(super) async fn probe_all(
    config: &Config,
    listener: &mut Listening<'_>,
    servers: &mut [Server],
) {
    let logins = match portcullis::login_probe(config) {
        Ok(Some(logins)) => Ok(logins),
        Ok(None) => {
            Err("in operator mode it needs `sentinel-creds-file` under [operator]".to_owned())
        }
        Err(error) => Err(with_causes(&error)),
    };
    for (number, server) in servers.iter_mut().enumerate() {
        let mark = mark("probe", number);
        server.probe = match &logins {
            Ok(logins) => probe(server, number, logins, Some(&mark), &mark, listener).await,
            Err(reason) => Err(reason.clone()),
        };
    }
}

/// Logs in at every server with the credential of `--bypass`, under a connection name that keeps
/// every host from letting the login in.
pub(super) async fn try_bypass(
    config: &Config,
    credential: &Path,
    listener: &mut Listening<'_>,
    servers: &mut [Server],
) {
    let logins = authentication(credential).and_then(|authentication| {
        let connection = ConnectionOptions::from(&config.nats);
        LoginProbe::new(&connection, authentication).map_err(|error| with_causes(&error))
    });
    for (number, server) in servers.iter_mut().enumerate() {
        let mark = mark("bypass", number);
        server.bypass = Some(match &logins {
            Ok(logins) => {
                let logins = logins.clone().with_name(&mark);
                probe(server, number, &logins, None, &mark, listener).await
            }
            Err(reason) => Err(reason.clone()),
        });
    }
}

/// Returns a text by which hosts know a probe, and this command its request.
fn mark(purpose: &str, number: usize) -> String {
    format!(
        "{PROBE_PREFIX}{NAME}-{purpose}-{}-{number}",
        std::process::id()
    )
}

/// Returns the login of `--bypass`.
fn authentication(credential: &Path) -> Result<Authentication, String> {
    if credential == Path::new(NONE) {
        return Ok(Authentication::None);
    }
    let source = SecretSource::File(credential.to_owned());
    let text = source.read().map_err(|error| error.to_string())?;
    let text = text.expose();
    if UserCredentials::parse(text).is_ok() {
        return Ok(Authentication::Credentials(source));
    }
    if check_seed(text, KeyKind::User).is_ok() {
        return Ok(Authentication::Nkey(source));
    }
    Ok(match text.split_once(':') {
        Some((user, password)) => Authentication::Password {
            user: user.to_owned(),
            password: Secret::new(password).into(),
        },
        None => Authentication::Token(source),
    })
}

/// Logs in at the server with the number `number`, and listens for its request, which `mark` tells
/// from others.
async fn probe(
    server: &Server,
    number: usize,
    logins: &LoginProbe,
    token: Option<&str>,
    mark: &str,
    listener: &mut Listening<'_>,
) -> Result<Probe, String> {
    if !matches!(server.greeting, Greeting::Info(_)) && server.login != Login::Accepted {
        return Err("no connection is made".to_owned());
    }
    let Some((address, _)) = logins.servers().nth(number) else {
        return Err("the server has no address".to_owned());
    };
    let start = SystemClock.now();
    let login = async {
        let answer = logins.log_in(address, token).await;
        (answer, SystemClock.elapsed(start))
    };
    let ((answer, after), request) = match listener {
        Ok(listener) => {
            let (answered, request) = listener.observe(mark, login).await;
            (answered, Ok(request))
        }
        Err(reason) => (login.await, Err(reason.clone())),
    };
    let answer = match answer {
        LoginAnswer::Refused => ProbeAnswer::Refused,
        LoginAnswer::LetIn => ProbeAnswer::LetIn,
        LoginAnswer::Unclear(error) => ProbeAnswer::Unclear(error),
    };
    Ok(Probe {
        answer,
        after,
        request,
    })
}
