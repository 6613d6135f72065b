//! The shape of a measurement: the numbers that the series vary.

use portcullis_bench::{Contender, Issuer};
use serde_json::{Value, json};

/// The hosts, and the policy that decides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// The number of service connections of each host.
    pub(crate) connections: usize,
    /// The number of worker threads of each host. `None` means the number of processors.
    pub(crate) threads: Option<usize>,
    /// The number of hosts in the queue group.
    pub(crate) hosts: usize,
    /// The number of policies in the directory: the one that decides, and others for other logins.
    pub(crate) policies: usize,
    /// The policy that decides.
    pub(crate) policy: Policy,
}

/// A policy, and the size of its settings.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Policy {
    /// `static-users` with this number of users, of which one logs in.
    Users(usize),
    /// `oidc-roles` with this number of roles, of which the token has one.
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
    /// The role of the token.
    const HELD: &str = "held";

    /// Returns the name of the policy.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Users(_) => "static-users",
            Self::Roles(_) => "oidc-roles",
        }
    }

    /// Returns the client's CONNECT options.
    pub(crate) fn presented(self, issuer: &Issuer) -> anyhow::Result<Value> {
        let (user, password) = Contender::USER;
        Ok(match self {
            Self::Users(_) => json!({ "user": user, "pass": password }),
            Self::Roles(_) => json!({ "auth_token": issuer.token(&[Self::HELD])? }),
        })
    }

    /// Returns the settings. The user or role of the login is among the others, and the memory
    /// suffices for 100,000 roles.
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

/// Returns users with plain-text passwords, so that no password hash is part of a decision.
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
