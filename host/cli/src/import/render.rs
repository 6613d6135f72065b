//! Content of the written files.

use toml::{Table, Value};

use super::paths::{ISSUER, PASSWORD};
use super::planmdk::{Planmdk, Role, Side};

/// Returns the content of `portcullis.toml`.
pub(super) fn configuration(planmdk: &Planmdk) -> String {
    let mut lines = vec![
        "# Portcullis, made from a configuration of nats-auth-callout. Keys that are not here have their defaults.".to_owned(),
        String::new(),
        "[nats]".to_owned(),
        format!("servers = [{}]", quoted(&planmdk.server)),
    ];
    if let Some(user) = &planmdk.user {
        lines.push(format!("user = {}", quoted(user)));
        lines.push(format!("password-file = \"{PASSWORD}\""));
    }
    lines.extend([
        String::new(),
        "[callout]".to_owned(),
        format!(
            "# The servers' `auth_callout.issuer`: {}",
            planmdk.public_key
        ),
        format!("issuer-seed-file = \"{ISSUER}\""),
        format!("target-accounts = [{}]", quoted(&planmdk.account)),
        "# The servers' `auth_callout.account` and `system_account`.".to_owned(),
        "account = \"$G\"".to_owned(),
        "system-account = \"$SYS\"".to_owned(),
    ]);
    if let Some(name) = service_name(planmdk) {
        lines.push(format!("service-name = {}", quoted(name)));
    }
    lines.extend([
        String::new(),
        "[identity]".to_owned(),
        "# Where clients of nats-auth-callout put their tokens.".to_owned(),
        "token-places = [\"password\"]".to_owned(),
        String::new(),
        "[identity.issuers.oidc]".to_owned(),
        format!("issuer = {}", quoted(&planmdk.issuer)),
        "# As nats-auth-callout has it, tokens that were made for any service: name yours."
            .to_owned(),
        "audiences = [\"*\"]".to_owned(),
    ]);
    if planmdk.needs_allow_http {
        lines
            .push("# Whoever can change what comes over plain HTTP can sign any token.".to_owned());
        lines.push("allow-http = true".to_owned());
    }
    lines.extend([
        String::new(),
        "[policies]".to_owned(),
        "directory = \"policies\"".to_owned(),
    ]);
    lines.push(String::new());
    lines.join("\n")
}

/// Returns the service name if it is valid for NATS.
fn service_name(planmdk: &Planmdk) -> Option<&str> {
    let name = planmdk.service_name.as_deref()?;
    let known = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    (!name.is_empty() && name.chars().all(known)).then_some(name)
}

/// Returns the settings of `oidc-roles`.
pub(super) fn roles(planmdk: &Planmdk) -> String {
    let mut roles = Table::new();
    for (name, role) in &planmdk.roles {
        roles.insert(name.clone(), Value::Table(of_role(role)));
    }
    let mut settings = Table::new();
    settings.insert("account".to_owned(), planmdk.account.clone().into());
    // These are the rules of nats-auth-callout, which differ from the defaults of `oidc-roles`.
    let names = ["email", "sub"].map(Value::from).to_vec();
    settings.insert("name-claims".to_owned(), names.into());
    settings.insert("deny-only".to_owned(), "allow-rest".into());
    let issuers = vec![Value::from(planmdk.issuer.clone())];
    settings.insert("issuers".to_owned(), issuers.into());
    if !roles.is_empty() {
        settings.insert("roles".to_owned(), Value::Table(roles));
    }
    let mut file = Table::new();
    file.insert("settings".to_owned(), Value::Table(settings));
    file.to_string()
}

fn of_role(role: &Role) -> Table {
    let mut table = Table::new();
    for (name, side) in [("publish", &role.publish), ("subscribe", &role.subscribe)] {
        let lists = of_side(side);
        if !lists.is_empty() {
            table.insert(name.to_owned(), Value::Table(lists));
        }
    }
    table
}

fn of_side(side: &Side) -> Table {
    let mut table = Table::new();
    for (name, subjects) in [("allow", &side.allow), ("deny", &side.deny)] {
        if !subjects.is_empty() {
            table.insert(name.to_owned(), subjects.clone().into());
        }
    }
    table
}

/// Returns notes for the operator: decisions to make, and omitted settings.
pub(super) fn notes(planmdk: &Planmdk) -> Vec<String> {
    let mut notes = vec![
        "`audiences` under [identity.issuers.oidc]: with `*`, a token that was made for any other service of this issuer opens yours".to_owned(),
        "`account` and `system-account` under [callout]: the servers' `auth_callout.account` and `system_account`".to_owned(),
        "a login ends with its token now, and `iss` has to be the issuer".to_owned(),
        "an e-mail address is the user's name only if its token has `email_verified`; `sub` is otherwise".to_owned(),
    ];
    if planmdk.needs_allow_http {
        notes.push("the issuer's keys come over plain HTTP (`allow-http`)".to_owned());
    }
    if planmdk.service_name.is_some() && service_name(planmdk).is_none() {
        let note = "`:service-name` has other characters than letters, digits, `-` and `_`, which NATS refuses: left out";
        notes.push(note.to_owned());
    }
    notes
}

/// Returns a text in TOML syntax.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
