//! The `[settings]` table, key by key.

use std::time::Duration;

use portcullis_sdk::Method;
use serde::Deserialize;

/// The `[settings]` table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// The account of rules that name none. May be a template.
    pub account: Option<String>,
    /// Whose tokens prove a service account, for rules that name no issuers.
    #[serde(default)]
    pub issuers: Vec<String>,
    /// What a client may present beside its certificate.
    #[serde(default)]
    pub beside: Vec<Beside>,
    /// What becomes of workloads that no rule is about.
    #[serde(default)]
    pub without_rule: WithoutRule,
    /// How long a connection lasts, for rules that do not say.
    #[serde(default, deserialize_with = "portcullis_sdk::duration::optional")]
    pub expires_in: Option<Duration>,
    /// The rules; the first that is about a login decides it.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

portcullis_sdk::profile_table! {
    /// Who is meant, and what they may do.
    #[serde(expecting = "a table with one of `spiffe`, `uri`, `dns`, `email`, `subject`, `fingerprint` and `service-account`, and what is permitted")]
    pub struct Rule {
        /// The SPIFFE id of the certificate.
        pub spiffe: Option<String>,
        /// A URI among the certificate's names.
        pub uri: Option<String>,
        /// A DNS name among them.
        pub dns: Option<String>,
        /// An e-mail address among them.
        pub email: Option<String>,
        /// The certificate's subject.
        pub subject: Option<String>,
        /// The SHA-256 digest of the certificate.
        pub fingerprint: Option<String>,
        /// A Kubernetes service account: `namespace/name`.
        pub service_account: Option<String>,
        /// Whose tokens prove the service account, instead of those of the settings.
        #[serde(default)]
        pub issuers: Vec<String>,
        /// The account, instead of that of the settings. May be a template.
        pub account: Option<String>,
        /// The user name, instead of the name that was matched. May be a template.
        pub user_name: Option<String>,
        /// How long a connection lasts, instead of what the settings say.
        #[serde(default, deserialize_with = "portcullis_sdk::duration::optional")]
        pub expires_in: Option<Duration>,
    }
}

/// What a client may present beside its certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Beside {
    /// A user JWT, as the sentinel of operator mode.
    Jwt,
    /// An nkey.
    Nkey,
    /// A user name, a password or both, which nobody compares.
    Password,
    /// A token, which nobody compares.
    Token,
}

/// What becomes of workloads that no rule is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WithoutRule {
    /// The next policy in the chain decides.
    #[default]
    Abstain,
    /// They are refused.
    Deny,
}

impl Beside {
    /// The method of a login that presents this beside a certificate.
    pub(crate) const fn method(self) -> Method {
        match self {
            Self::Jwt => Method::Jwt,
            Self::Nkey => Method::Nkey,
            Self::Password => Method::Password,
            Self::Token => Method::Token,
        }
    }
}
