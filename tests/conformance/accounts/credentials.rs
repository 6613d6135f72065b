//! Credentials files and JWTs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use data_encoding::BASE64;
use portcullis_claims::{AccountClaims, UserClaims, UserCredentials};
use portcullis_connect::{
    Authentication, ConnectionOptions, Retries, Secret, SecretSource, connect,
};
use portcullis_core::with_causes;
use portcullis_harness::{Built, Event, ForeignClient, Login, Step, run_portcullis};
use tokio::process::Command;

use super::logins::{Stage, TOKEN};

/// The samples of the NATS documentation, of version 1.
const OMEGA: &str = include_str!("../../../host/claims/tests/fixtures/keys/omega.creds");
const ACCOUNT: &str = include_str!("../../../host/claims/tests/fixtures/tokens/sample-account.jwt");

/// Verifies that a login works with every variant of a credentials file, and that an error names
/// the part that is missing.
pub(super) async fn variants(stage: &Stage) -> Result<()> {
    let path = stage.made.path("worker.creds");
    let text = fs::read_to_string(&path)?;
    let line = |start: &str| {
        let mut lines = text.lines();
        lines
            .find(|line| line.starts_with(start))
            .unwrap_or_default()
    };
    let (jwt, seed) = (line("eyJ"), line("SU"));
    let with = |text: String| Authentication::Credentials(Secret::new(text).into());
    for (name, login) in [
        (
            "file",
            Authentication::Credentials(SecretSource::File(path)),
        ),
        ("two parts", pair(jwt, seed)),
        ("two whole files", pair(&text, &text)),
        ("crlf", with(text.replace('\n', "\r\n"))),
        ("preamble", with(format!("of the\nworker\n\n{text}"))),
        ("byte order mark", with(format!("\u{feff}{text}"))),
        ("no blank lines", with(text.replace("\n\n", "\n"))),
        ("symmetric dashes", with(text.replace("------", "-----"))),
        ("no last line end", with(ends_at_the_last_mark(&text)?)),
        (
            "blank line in a block",
            with(text.replace("\n------", "\n\n------")),
        ),
        (
            "blanks after the JWT",
            with(text.replace(jwt, &format!("{jwt} \t"))),
        ),
        ("base64", with(BASE64.encode(text.as_bytes()))),
    ] {
        let logged_in = connect(&options(stage, login)).await;
        logged_in.with_context(|| format!("variant `{name}`"))?;
    }
    for (name, text, problem) in [
        (
            "seed alone",
            seed.to_owned(),
            "the user JWT (`eyJ…`) is missing",
        ),
        (
            "JWT alone",
            jwt.to_owned(),
            "the user seed (`SU…`) is missing",
        ),
        (
            "no seed",
            text.replace(seed, ""),
            "the user seed (`SU…`) is missing",
        ),
        (
            "no JWT",
            text.replace(jwt, ""),
            "the user JWT (`eyJ…`) is missing",
        ),
        ("neither", "worker".to_owned(), "neither a user JWT"),
    ] {
        let error = connect(&options(stage, with(text))).await.err();
        let error = error.with_context(|| format!("variant `{name}` logged in"))?;
        let error = with_causes(&error);
        ensure!(error.contains(problem), "variant `{name}`: {error}");
    }
    Ok(())
}

fn pair(jwt: &str, seed: &str) -> Authentication {
    Authentication::UserJwt {
        jwt: Secret::new(jwt).into(),
        seed: Secret::new(seed).into(),
    }
}

/// Returns the text up to the mark after the seed, without a line end.
fn ends_at_the_last_mark(text: &str) -> Result<String> {
    let (head, _) = text.rsplit_once("\n\n****").context("no stars")?;
    Ok(head.to_owned())
}

fn options(stage: &Stage, authentication: Authentication) -> ConnectionOptions {
    ConnectionOptions {
        authentication,
        retries: Retries::Times(0),
        ..ConnectionOptions::new("variant", vec![stage.server.url()])
    }
}

/// Verifies that the log at its most detailed level has no seed, JWT or token, and that `check`
/// warns of a file that every user of the machine may read.
pub(super) async fn secrets(stage: &Stage) -> Result<()> {
    let mut secrets = vec![TOKEN.to_owned()];
    for name in ["creds/callout.creds", "creds/sentinel.creds", "short.creds"] {
        let text = fs::read_to_string(stage.made.path(name))?;
        let secret = |line: &&str| line.starts_with("eyJ") || line.starts_with("SU");
        secrets.extend(text.lines().filter(secret).map(str::to_owned));
    }
    for name in ["keys/issuer.nk", "keys/app.nk", "keys/xkey.nk"] {
        let seed = fs::read_to_string(stage.made.path(name))?;
        secrets.push(seed.trim().to_owned());
    }
    let log = stage.host.log().all();
    let detailed = |event: &Event| matches!(event.text("level"), "DEBUG" | "TRACE");
    ensure!(log.iter().any(detailed), "the log has no details");
    for event in &log {
        let found = secrets.iter().any(|secret| event.line().contains(secret));
        ensure!(!found, "a secret is in {event:?}");
    }
    let open = stage.made.path("creds/callout.creds");
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644))?;
    let config = stage.made.path("portcullis.toml").display().to_string();
    let checked = run_portcullis(&["check", "--config", &config], "").await?;
    let said = format!("{}{}", checked.stdout, checked.stderr);
    ensure!(said.contains("use mode 0600"), "{checked:?}");
    Ok(())
}

/// Verifies that JWTs of both versions are read, and that one changed byte is noticed.
pub(super) async fn versions() -> Result<()> {
    let omega = UserCredentials::parse(OMEGA)?;
    let account = ACCOUNT.trim();
    UserClaims::decode(omega.jwt())?;
    AccountClaims::decode(account)?;
    for (kind, jwt) in [("user", omega.jwt()), ("account", account)] {
        let decoded = run_portcullis(&["jwt", "decode", "-"], jwt).await?;
        let named = format!("\"type\": \"{kind}\"");
        ensure!(decoded.stdout.contains(&named), "{decoded:?}");
        let (head, signature) = jwt.rsplit_once('.').context("not a JWT")?;
        let (first, rest) = signature.split_at(1);
        let other = if first == "A" { "B" } else { "A" };
        let spoilt = format!("{head}.{other}{rest}");
        let decoded = run_portcullis(&["jwt", "decode", "-"], &spoilt).await?;
        ensure!(decoded.code != Some(0), "{decoded:?}");
        ensure!(decoded.stderr.contains("signature"), "{decoded:?}");
    }
    Ok(())
}

/// Verifies that each client logs in with the file that `creds mint` wrote.
pub(super) async fn minted(stage: &Stage) -> Result<()> {
    let creds = stage.made.path("worker.creds");
    let url = stage.server.url();
    stage.made.log_in(&stage.server, &creds).await?;
    let login = Login::credentials(&fs::read_to_string(&creds)?);
    for client in [ForeignClient::Python, ForeignClient::JavaScript] {
        let session = client.run(&url, login.clone(), "minted", &[Step::UserInfo]);
        let session = session.await?;
        ensure!(session.connected, "{client:?}: {session:?}");
        let info = session.result(0, "info");
        let account = info.get("account").and_then(|account| account.as_str());
        ensure!(account == Some(stage.key.as_str()), "{client:?}: {info}");
    }
    // The command has nats.go of its own release, and row 20 has the pinned one.
    if let Some(nats) = Built::nats_command() {
        let output = Command::new(nats)
            .args(["pub", "orders.new", "one", "--server", &url, "--creds"])
            .arg(&creds)
            .stdin(Stdio::null())
            .output()
            .await?;
        ensure!(output.status.success(), "{output:?}");
    }
    Ok(())
}
