//! The configuration of planmdk's nats-auth-callout.

use std::path::Path;

use portcullis_claims::{IssuerKey, is_public_sample};
use portcullis_config::ServerAddress;
use portcullis_core::{PermissionSubject, Secret};
use portcullis_identity::IssuerOptions;
use portcullis_toml::Problem;
use url::Url;

use super::edn::{Document, Map};

/// End of a discovery address.
const WELL_KNOWN: &str = "/.well-known/openid-configuration";
/// Top-level keys of the configuration.
const KEYS: [&str; 8] = [
    "nats-url",
    "service-name",
    "service-version",
    "connection",
    "oidc-endpoint-url",
    "user-keys",
    "application-account",
    "role-mappings",
];

/// A configuration in which every key is valid. `Debug` shows no secret.
#[derive(Debug)]
pub(super) struct Planmdk {
    pub(super) server: String,
    pub(super) service_name: Option<String>,
    pub(super) user: Option<String>,
    pub(super) password: Option<Secret>,
    /// `iss` of the tokens.
    pub(super) issuer: String,
    /// Whether the provider is on another machine and uses plain HTTP.
    pub(super) needs_allow_http: bool,
    pub(super) seed: Secret,
    /// Public key of the seed that signs responses.
    pub(super) public_key: String,
    pub(super) account: String,
    /// Roles by name, in alphabetical order.
    pub(super) roles: Vec<(String, Role)>,
}

/// The permissions of a role.
#[derive(Debug, Default)]
pub(super) struct Role {
    pub(super) publish: Side,
    pub(super) subscribe: Side,
}

/// The allowed and denied subjects of a side.
#[derive(Debug, Default)]
pub(super) struct Side {
    pub(super) allow: Vec<String>,
    pub(super) deny: Vec<String>,
}

impl Planmdk {
    /// Parses `text` as the content of `file`.
    ///
    /// # Errors
    ///
    /// Returns all problems.
    pub(super) fn read(file: &Path, text: &str) -> Result<Self, Vec<Problem>> {
        let document = Document::new(file);
        let read = document
            .root(text)
            .and_then(|root| Self::of(root, &document));
        let problems = document.into_problems();
        match read {
            Some(read) if problems.is_empty() => Ok(read),
            _ => Err(problems),
        }
    }

    fn of(mut root: Map<'_>, document: &Document<'_>) -> Option<Self> {
        let server = root.needed_text("nats-url");
        if let Some(server) = &server
            && server.parse::<ServerAddress>().is_err()
        {
            let message =
                "expected an address such as `nats://127.0.0.1:4222`, without credentials";
            document.report(":nats-url", message);
        }
        let service_name = root.text("service-name");
        let _version = root.text("service-version");
        let (user, password) = credentials(&mut root);
        let issuer = issuer(&mut root, document);
        let key = signing_key(&mut root, document);
        let account = root.text("application-account");
        let roles = roles(&mut root, document);
        root.finish(&KEYS);
        let (issuer, needs_allow_http) = issuer?;
        let (seed, public_key) = key?;
        Some(Self {
            server: server?,
            service_name,
            user,
            password,
            issuer,
            needs_allow_http,
            seed,
            public_key,
            account: account.unwrap_or_else(|| "APP".to_owned()),
            roles,
        })
    }
}

fn credentials(root: &mut Map<'_>) -> (Option<String>, Option<Secret>) {
    let Some(mut connection) = root.map("connection") else {
        return (None, None);
    };
    let user = connection.needed_text("username");
    let password = connection.needed_text("password").map(Secret::new);
    connection.finish(&["username", "password"]);
    (user, password)
}

/// Returns the issuer whose discovery document is at the configured address, and whether it needs
/// `allow-http`.
fn issuer(root: &mut Map<'_>, document: &Document<'_>) -> Option<(String, bool)> {
    let address = root.needed_text("oidc-endpoint-url")?;
    let issuer = address.strip_suffix(WELL_KNOWN);
    let url = address.parse::<Url>().ok();
    let url = url.filter(|url| matches!(url.scheme(), "https" | "http"));
    let (Some(issuer), Some(url)) = (issuer, url) else {
        let message = format!("expected an address that ends in `{WELL_KNOWN}`");
        document.report(":oidc-endpoint-url", message);
        return None;
    };
    let needs_allow_http = IssuerOptions::needs_allow_http(&url);
    Some((issuer.to_owned(), needs_allow_http))
}

fn signing_key(root: &mut Map<'_>, document: &Document<'_>) -> Option<(Secret, String)> {
    let path = ":user-keys :nseed";
    let Some(mut keys) = root.map("user-keys") else {
        document.report(path, "missing: expected the account seed (SA…) that signs");
        return None;
    };
    let seed = keys.needed_text("nseed").map(Secret::new);
    keys.finish(&["nseed"]);
    let seed = seed?;
    let Ok(key) = IssuerKey::from_seed(seed.expose()) else {
        document.report(path, "expected an account seed (SA…)");
        return None;
    };
    let public_key = key.public_key().to_owned();
    if is_public_sample(&public_key) {
        let message = "this seed stands in public documentation, so anybody can sign with it; make another one with `portcullis init`";
        document.report(path, message);
        return None;
    }
    Some((seed, public_key))
}

fn roles(root: &mut Map<'_>, document: &Document<'_>) -> Vec<(String, Role)> {
    let Some(mappings) = root.map("role-mappings") else {
        return Vec::new();
    };
    let mut roles = Vec::new();
    for (name, path, value) in mappings.named() {
        let Some(mut role) = document.map(value, path.clone()) else {
            continue;
        };
        let publish = side(&mut role, "pub", &path, document);
        let subscribe = side(&mut role, "sub", &path, document);
        role.finish(&["pub", "sub"]);
        roles.push((name, Role { publish, subscribe }));
    }
    roles
}

fn side(role: &mut Map<'_>, key: &str, path: &str, document: &Document<'_>) -> Side {
    let Some(mut lists) = role.map(key) else {
        return Side::default();
    };
    let mut list = |name: &str| {
        let subjects = lists.texts(name);
        for subject in &subjects {
            let checked = if key == "pub" {
                PermissionSubject::publish(subject)
            } else {
                PermissionSubject::subscribe(subject)
            };
            if let Err(problem) = checked {
                document.report(&format!("{path} :{key} :{name}"), problem.to_string());
            } else if subject.contains("{{") || subject.contains("}}") {
                let message = "`{{` and `}}` mean something to the policy `oidc-roles`";
                document.report(&format!("{path} :{key} :{name}"), message);
            }
        }
        subjects
    };
    let side = Side {
        allow: list("allow"),
        deny: list("deny"),
    };
    lists.finish(&["allow", "deny"]);
    side
}
