//! The steps of a login as a tree, for people.

use std::fmt::{self, Write as _};

use portcullis_catalog::{Answer, Explained, Step};
use portcullis_claims::ServerVersion;
use portcullis_core::{AuthorizationRequest, ConnectionType, Decision, Outcome, Strength};
use portcullis_toml::text::one_line;

use super::explanation::{Change, Explanation, ServerAnswer};
use super::words::{heading, quoted, render_inbox, render_notes};
use crate::policy::time;

/// Renders the steps of a login.
pub(super) fn render(explanation: &Explanation) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = render_all(&mut text, explanation);
    text
}

fn render_all(text: &mut String, explanation: &Explanation) -> fmt::Result {
    let request = &explanation.request;
    writeln!(text, "{}", heading(&explanation.decision))?;
    render_login(text, request)?;
    if explanation.is_refused {
        writeln!(text, "identity: not proved, so no policy is asked")?;
    } else {
        render_identity(text, explanation)?;
    }
    if let Some(explained) = &explanation.explained {
        render_chain(text, explained)?;
    }
    render_notes(text, &explanation.notes)?;
    if explanation.granted().is_some() {
        render_rules(text, &explanation.enforced, &explanation.changes())?;
    }
    if let Some(new_account) = &explanation.new_account {
        new_account.render(text)?;
    }
    render_server(text, explanation)?;
    if let (Outcome::Permit(_), Some(server)) = (&explanation.decision.outcome, &explanation.server)
    {
        render_user_jwt(text, server)?;
        render_inbox(text, explanation)?;
    }
    Ok(())
}

fn render_login(text: &mut String, request: &AuthorizationRequest) -> fmt::Result {
    let (client, credentials) = (&request.client, &request.credentials);
    writeln!(text, "login at {}", time(request.received_at))?;
    let mut presented = Vec::new();
    if let Some(user) = &credentials.username {
        presented.push(format!("user `{}`", one_line(user)));
    }
    let secrets = [
        ("a password", credentials.password.is_some()),
        ("a token", credentials.token.is_some()),
        ("a user JWT", credentials.jwt.is_some()),
        ("an nkey", credentials.nkey.is_some()),
        ("a signature", credentials.signature.is_some()),
        ("a certificate", request.identity.certificate.is_some()),
    ];
    let secrets = secrets.into_iter().filter(|(_, is_there)| *is_there);
    presented.extend(secrets.map(|(name, _)| name.to_owned()));
    if presented.is_empty() {
        presented.push("nothing".to_owned());
    }
    writeln!(text, "  presented: {}", presented.join(", "))?;
    let kind = client.connection_type();
    let kind = kind.map_or("unknown", ConnectionType::as_str);
    let host = client.host.as_deref().unwrap_or("no address");
    writeln!(text, "  connection: {kind}, from {}", one_line(host))
}

fn render_identity(text: &mut String, explanation: &Explanation) -> fmt::Result {
    let identity = &explanation.request.identity;
    let strength = match (explanation.is_identified, identity.strength) {
        (true, _) => "described",
        (false, Strength::Proved) => "proved",
        (false, Strength::Claimed) => "claimed",
    };
    writeln!(
        text,
        "identity: {strength}, method {}",
        identity.method.as_str()
    )?;
    for proof in explanation.proofs() {
        writeln!(text, "  {}", one_line(&proof))?;
    }
    let list = |values: &[String]| (!values.is_empty()).then(|| values.join(", "));
    let claims: Vec<_> = identity.claims.names().map(str::to_owned).collect();
    let nkey = identity.nkey.as_ref().map(ToString::to_string);
    let certificate = identity.certificate.as_ref();
    let facts = [
        ("principal", identity.principal.clone()),
        ("issuer", identity.issuer.clone()),
        ("groups", list(&identity.groups)),
        ("claims", list(&claims)),
        ("tags", list(&identity.tags)),
        ("role", identity.role.clone()),
        ("nkey", nkey),
        ("certificate", certificate.map(|leaf| leaf.subject.clone())),
        ("ends", identity.expires_at.map(time)),
    ];
    for (name, value) in facts {
        if let Some(value) = value {
            writeln!(text, "  {name}: {}", one_line(&value))?;
        }
    }
    Ok(())
}

fn render_chain(text: &mut String, explained: &Explained) -> fmt::Result {
    match &explained.chain {
        Some(name) => writeln!(text, "policies of chain `{name}`")?,
        None => writeln!(text, "policies")?,
    }
    for step in &explained.steps {
        render_step(text, step)?;
    }
    for name in &explained.not_asked {
        writeln!(text, "  {name}: not asked")?;
    }
    Ok(())
}

fn render_step(text: &mut String, step: &Step) -> fmt::Result {
    let role = if step.is_guard { "guard " } else { "" };
    let answer = match &step.answer {
        Answer::Permit(_) if step.is_guard => {
            "permits, which counts as an abstention of a guard".to_owned()
        }
        Answer::Permit(permit) => format!("permits, account `{}`", permit.account()),
        Answer::Deny(reason) => format!("denies: {reason}"),
        Answer::Abstain => "abstains".to_owned(),
        Answer::Failed(denial) => format!("fails: {denial}"),
    };
    let name = &step.policy.name;
    writeln!(
        text,
        "  {role}{name}: {}, in {:.1?}",
        one_line(&answer),
        step.elapsed
    )?;
    let asked = if step.asked.is_empty() {
        "nothing".to_owned()
    } else {
        step.asked.join(", ")
    };
    writeln!(text, "    asked: {}", one_line(&asked))?;
    for line in &step.log {
        writeln!(text, "    log: {}", one_line(line))?;
    }
    if step.answer == Answer::Abstain && step.log.is_empty() {
        writeln!(text, "    log: no line says why it abstains")?;
    }
    Ok(())
}

fn render_rules(text: &mut String, enforced: &Decision, changes: &[Change]) -> fmt::Result {
    if let Outcome::Deny(denial) = &enforced.outcome {
        return writeln!(
            text,
            "host's rules: refuse the permit: {}",
            one_line(&denial.to_string())
        );
    }
    if changes.is_empty() {
        return writeln!(text, "host's rules: keep the permit as it is");
    }
    writeln!(text, "host's rules: change the permit (ceilings, expiry)")?;
    for change in changes {
        let (before, after) = (quoted(&change.before), quoted(&change.after));
        writeln!(text, "  {}: {before} becomes {after}", change.part)?;
    }
    Ok(())
}

fn render_server(text: &mut String, explanation: &Explanation) -> fmt::Result {
    let is_signed = explanation.new_account.as_ref();
    let is_signed = is_signed.is_some_and(|account| account.is_signed);
    if is_signed || !matches!(explanation.enforced.outcome, Outcome::Permit(_)) {
        return Ok(());
    }
    let version = explanation.request.server.version.as_deref();
    let release = version.map_or_else(
        || {
            format!(
                "any release (checked by every rule; shown as {})",
                ServerVersion::NEWEST
            )
        },
        |version| format!("release {}", one_line(version)),
    );
    let Some(ServerAnswer { accepted, .. }) = &explanation.server else {
        return writeln!(
            text,
            "server, {release}: would refuse the permit, so the host denies"
        );
    };
    writeln!(text, "server, {release}: accepts")?;
    writeln!(text, "  account: {}", one_line(&accepted.account))?;
    if let Some(user) = &accepted.shown_user {
        writeln!(text, "  user: {}", one_line(user))?;
    }
    if let Some(end) = accepted.expires_at {
        writeln!(text, "  closes the connection: {}", time(end))?;
    }
    if !accepted.ignored.is_empty() {
        let ignored = accepted.ignored.join(", ");
        writeln!(
            text,
            "  does not enforce: {ignored}; the host has checked it for this login"
        )?;
    }
    Ok(())
}

fn render_user_jwt(text: &mut String, server: &ServerAnswer) -> fmt::Result {
    writeln!(text, "user JWT, decoded:")?;
    let claims = serde_json::to_string_pretty(&server.user).map_err(|_| fmt::Error)?;
    for line in claims.lines() {
        writeln!(text, "  {line}")?;
    }
    Ok(())
}
