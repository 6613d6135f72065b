//! `portcullis decisions show`: one record as a tree, in the words of `portcullis decide`.

use std::fmt::{self, Write as _};

use portcullis_core::{DecisionRecord, LoginOutcome, RecordedAnswer};
use portcullis_toml::text::one_line;

use super::list::{reason, render_rights};

/// Renders a record.
pub(super) fn render(record: &DecisionRecord) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = render_all(&mut text, record);
    text
}

fn render_all(text: &mut String, record: &DecisionRecord) -> fmt::Result {
    writeln!(text, "{}", heading(record))?;
    render_login(text, record)?;
    render_identity(text, record)?;
    if !record.policies.is_empty() {
        writeln!(text, "policies")?;
        for answer in &record.policies {
            render_answer(text, answer)?;
        }
    }
    if record.access.is_some() {
        writeln!(text, "rights")?;
        for line in render_rights(record).lines() {
            writeln!(text, "{}", one_line(line))?;
        }
    }
    let (reply, elapsed) = (&record.reply, record.elapsed_us);
    writeln!(text, "reply: {}, after {elapsed} µs", one_line(reply))?;
    if let Some(reason) = &record.server_reason {
        let reason = if reason.is_empty() {
            "no reason given"
        } else {
            reason
        };
        writeln!(text, "server: refused the login: {}", one_line(reason))?;
    }
    let host = &record.host;
    writeln!(
        text,
        "host: {} {}, start {}, login {}",
        one_line(&host.name),
        one_line(&host.version),
        one_line(&host.start),
        host.sequence
    )?;
    writeln!(text, "id: {}", one_line(&record.id))
}

/// Returns the outcome in one line.
fn heading(record: &DecisionRecord) -> String {
    let by = record.policy.as_ref().map_or_else(String::new, |policy| {
        let (name, generation) = (&policy.name, policy.generation);
        format!(", by policy `{name}` (generation {generation})")
    });
    let outcome = record.outcome.as_str();
    let what = match (record.outcome, &record.access) {
        (LoginOutcome::Admitted | LoginOutcome::Issued, Some(access)) => {
            let key = access.account_name.as_ref().map(|_| &access.account);
            let key = key.map_or_else(String::new, |key| format!(", named `{key}` by the policy"));
            format!("account `{}`{key}", access.account_name())
        }
        _ => reason(record).unwrap_or_else(|| "not known to be in".to_owned()),
    };
    one_line(&format!("{outcome}: {what}{by}")).into_owned()
}

fn render_login(text: &mut String, record: &DecisionRecord) -> fmt::Result {
    let (client, server) = (&record.login.client, &record.login.server);
    writeln!(text, "login at {}", one_line(&record.time))?;
    if let Some(user) = record.login.username.as_ref().or(client.user.as_ref()) {
        writeln!(text, "  user: {}", one_line(user))?;
    }
    let kind = client.kind.as_deref().unwrap_or("unknown");
    let transport = client.transport.as_deref();
    let transport = transport.map_or_else(String::new, |it| format!(" over {it}"));
    let host = client.host.as_deref().unwrap_or("no address");
    let connection = format!("{kind}{transport}, from {host}, id {}", client.id);
    writeln!(text, "  connection: {}", one_line(&connection))?;
    if let Some(name) = client.name.as_ref().or(client.mqtt_id.as_ref()) {
        writeln!(text, "  name: {}", one_line(name))?;
    }
    let release = server.version.as_deref().unwrap_or("unknown");
    let server = format!("{} ({}), release {release}", server.name, server.id);
    writeln!(text, "  server: {}", one_line(&server))?;
    writeln!(text, "  user nkey: {}", one_line(&record.user_nkey))
}

fn render_identity(text: &mut String, record: &DecisionRecord) -> fmt::Result {
    let identity = &record.login.identity;
    let strength = if identity.proved { "proved" } else { "claimed" };
    writeln!(
        text,
        "identity: {strength}, method {}",
        one_line(&identity.method)
    )?;
    let list = |values: &[String]| (!values.is_empty()).then(|| values.join(", "));
    let claims: Vec<_> = identity.claims.keys().cloned().collect();
    let certificate = record.login.certificate.as_ref();
    let facts = [
        ("principal", identity.principal.clone()),
        ("issuer", identity.issuer.clone()),
        ("groups", list(&identity.groups)),
        ("claims", list(&claims)),
        ("tags", list(&identity.tags)),
        ("role", identity.role.clone()),
        ("nkey", identity.nkey.clone()),
        ("certificate", certificate.map(|it| it.subject.clone())),
        ("ends", identity.expires_at.map(crate::policy::time)),
    ];
    for (name, value) in facts {
        if let Some(value) = value {
            writeln!(text, "  {name}: {}", one_line(&value))?;
        }
    }
    Ok(())
}

fn render_answer(text: &mut String, answer: &RecordedAnswer) -> fmt::Result {
    let role = if answer.guard { "guard " } else { "" };
    let (policy, elapsed) = (&answer.policy, answer.elapsed_us);
    let said = match answer.answer.as_str() {
        "permit" if answer.guard => "permits, which counts as an abstention of a guard",
        "permit" => "permits",
        "deny" => "denies",
        "abstain" => "abstains",
        _ => "fails",
    };
    let name = one_line(&policy.name);
    writeln!(text, "  {role}{name}: {said}, in {elapsed} µs")?;
    let asked = if answer.asked.is_empty() {
        "nothing".to_owned()
    } else {
        answer.asked.join(", ")
    };
    writeln!(text, "    asked: {}", one_line(&asked))?;
    writeln!(text, "    module: {}", one_line(&policy.digest))?;
    writeln!(text, "    version: {}", one_line(&policy.version))
}
