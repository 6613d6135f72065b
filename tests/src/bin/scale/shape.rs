//! What there can be more of, one thing at a time.

use portcullis_bench::Issuer;
use portcullis_tests::Contender;
use serde_json::{Value, json};

/// A host, or several, and what decides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Service connections of each host.
    pub(crate) connections: usize,
    /// Threads that work on requests, of each host; as many as there are processors if none.
    pub(crate) threads: Option<usize>,
    /// Hosts in the queue group.
    pub(crate) hosts: usize,
    /// Policies in the directory: the one that decides, and others for other logins.
    pub(crate) policies: usize,
    /// What the one that decides is.
    pub(crate) policy: Policy,
}

/// A policy, and how much is in its settings.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Policy {
    /// `static-users` with so many users; one logs in.
    Users(usize),
    /// `oidc-roles` with so many roles; the token has one.
    Roles(usize),
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            connections: 1,
            threads: None,
            hosts: 1,
            policies: 1,
            policy: Policy::Users(10),
        }
    }
}

impl Policy {
    /// The role that the token has.
    const HELD: &str = "held";

    /// The policy's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Users(_) => "static-users",
            Self::Roles(_) => "oidc-roles",
        }
    }

    /// What the client puts into CONNECT.
    pub(crate) fn presented(self, issuer: &Issuer) -> anyhow::Result<Value> {
        let (user, password) = Contender::USER;
        Ok(match self {
            Self::Users(_) => json!({ "user": user, "pass": password }),
            Self::Roles(_) => json!({ "auth_token": issuer.token(&[Self::HELD])? }),
        })
    }

    /// The settings: the one who logs in somewhere among the others, with as much memory as 100,000 roles need.
    pub(crate) fn settings(self) -> String {
        let limits = "[limits]\nmemory = \"96MiB\"\n\n[settings]\n";
        let (publish, subscribe) = Contender::PERMISSIONS;
        let granted =
            format!("publish = {{ allow = {publish:?} }}, subscribe = {{ allow = {subscribe:?} }}");
        match self {
            Self::Users(number) => format!("{limits}{}", users(number, &granted)),
            Self::Roles(number) => format!("{limits}{}", roles(number, &granted)),
        }
    }
}

/// In plain text, so that no password hash is part of a decision.
fn users(number: usize, granted: &str) -> String {
    let (user, password) = Contender::USER;
    let account = Contender::ACCOUNT;
    let other = |number| format!("u{number}={{password=\"plain:p\",profile=\"a\"}}\n");
    let others: String = (1..number).map(other).collect();
    format!(
        "dangerous-plain-text-passwords = true\ndefault-account = \"{account}\"\nprofiles = {{ a = {{ {granted} }} }}\n\
         [settings.users]\n{user} = {{ password = \"plain:{password}\", profile = \"a\" }}\n{others}"
    )
}

fn roles(number: usize, granted: &str) -> String {
    let (account, held) = (Contender::ACCOUNT, Policy::HELD);
    let other = |number| format!("r{number}={{publish={{allow=[\"o.{number}\"]}}}}\n");
    let others: String = (1..number).map(other).collect();
    format!("account = \"{account}\"\n[settings.roles]\n{held} = {{ {granted} }}\n{others}")
}
