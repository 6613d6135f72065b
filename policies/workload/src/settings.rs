//! The `[settings]` table, key by key.

use std::time::Duration;

use portcullis_sdk::profile::{Profile, Responses, Subjects, Times, optional_duration};
use serde::Deserialize;

/// The `[settings]` table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// The account of rules that name none.
    pub default_account: Option<String>,
    /// The clusters' issuers, whose tokens name service accounts.
    #[serde(default)]
    pub kubernetes_issuers: Vec<String>,
    /// Rules; the first that fits decides.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// Whom a rule is for, and what they may do.
#[derive(Debug, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table with a pattern such as `spiffe`, and what it grants"
)]
pub struct Rule {
    /// Pattern of the SPIFFE id.
    pub spiffe: Option<String>,
    /// Pattern of a DNS name in the certificate.
    pub dns: Option<String>,
    /// Pattern of a URI in the certificate.
    pub uri: Option<String>,
    /// Pattern of an e-mail address in the certificate.
    pub email: Option<String>,
    /// Pattern of the certificate's subject.
    pub subject: Option<String>,
    /// Pattern of a Kubernetes service account, `namespace/name`.
    pub service_account: Option<String>,
    /// SHA-256 digests of certificates.
    #[serde(default)]
    pub fingerprints: Vec<String>,
    /// The account, instead of `default-account`.
    pub account: Option<String>,
    /// How long a connection lasts at most.
    #[serde(default, deserialize_with = "optional_duration")]
    pub expires_in: Option<Duration>,
    /// Subjects to publish on.
    #[serde(default)]
    pub publish: Subjects,
    /// Subjects to subscribe to, optionally `subject queue`.
    #[serde(default)]
    pub subscribe: Subjects,
    /// Permission to answer messages received.
    pub responses: Option<Responses>,
    /// The account's signing key to sign with (operator mode).
    pub role: Option<String>,
    /// Networks to come from; anywhere if empty.
    #[serde(default)]
    pub sources: Vec<String>,
    /// Types of connection; any if empty.
    #[serde(default)]
    pub connection_types: Vec<String>,
    /// Parts of every day; always if empty.
    #[serde(default)]
    pub times: Vec<Times>,
    /// The time zone of `times`.
    pub times_location: Option<String>,
    /// Whether the client has to come through a trusted proxy.
    #[serde(default)]
    pub proxy_required: bool,
}

impl Rule {
    /// What it grants.
    pub(crate) fn profile(&self) -> Profile {
        Profile {
            publish: self.publish.clone(),
            subscribe: self.subscribe.clone(),
            responses: self.responses,
            ..self.bounds()
        }
    }

    /// What bounds the logins it lets in.
    pub(crate) fn bounds(&self) -> Profile {
        Profile {
            role: self.role.clone(),
            sources: self.sources.clone(),
            connection_types: self.connection_types.clone(),
            times: self.times.clone(),
            times_location: self.times_location.clone(),
            proxy_required: self.proxy_required,
            ..Profile::default()
        }
    }
}
