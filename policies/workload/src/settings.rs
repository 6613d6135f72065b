//! The `[settings]` table of the policy.

use std::time::Duration;

use portcullis_sdk::Method;
use serde::Deserialize;

/// The `[settings]` table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// The account of rules that name none. May be a template. Default: none.
    pub account: Option<String>,
    /// The issuers whose tokens prove a service account, and the trust domains whose JWT-SVIDs
    /// prove a SPIFFE id. They apply to rules without `issuers`. Default: none.
    #[serde(default)]
    pub issuers: Vec<String>,
    /// The credentials that a client may present in addition to its certificate. Default: none.
    #[serde(default)]
    pub beside: Vec<Beside>,
    /// The decision about workloads that no rule matches. Default: abstain.
    #[serde(default)]
    pub without_rule: WithoutRule,
    /// The maximum lifetime of a connection, for rules without `expires_in`. Default: that of the
    /// proof.
    #[serde(default, deserialize_with = "portcullis_sdk::duration::optional")]
    pub expires_in: Option<Duration>,
    /// The rules. The first one that matches a login decides it.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

policy_support::profile_table! {
    /// A pattern of workloads, and their permissions.
    #[serde(expecting = "a table with one of `spiffe`, `uri`, `dns`, `email`, `subject`, `fingerprint` and `service-account`, and what is permitted")]
    pub struct Rule {
        /// A pattern of the SPIFFE id, from a certificate or a JWT-SVID.
        pub spiffe: Option<String>,
        /// A pattern of a URI among the certificate's names.
        pub uri: Option<String>,
        /// A pattern of a DNS name among the certificate's names.
        pub dns: Option<String>,
        /// A pattern of an e-mail address among the certificate's names.
        pub email: Option<String>,
        /// A pattern of the certificate's subject.
        pub subject: Option<String>,
        /// The SHA-256 digest of the certificate.
        pub fingerprint: Option<String>,
        /// A pattern of the Kubernetes service account: `namespace/name`.
        pub service_account: Option<String>,
        /// The issuers whose tokens count. Default: those of the settings.
        #[serde(default, deserialize_with = "portcullis_sdk::restriction::optional")]
        pub issuers: Option<Vec<String>>,
        /// The account, which takes precedence over the settings' `account`. May be a template.
        pub account: Option<String>,
        /// The user name. May be a template. Default: the matched name.
        pub user_name: Option<String>,
        /// The maximum lifetime of a connection. Default: that of the settings.
        #[serde(default, deserialize_with = "portcullis_sdk::duration::optional")]
        pub expires_in: Option<Duration>,
    }
}

/// A credential that a client may present in addition to its certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Beside {
    /// A user JWT, such as the sentinel of operator mode.
    Jwt,
    /// An nkey.
    Nkey,
    /// A user name, a password or both. The policy verifies neither.
    Password,
    /// A token. The policy does not verify it.
    Token,
}

/// The decision about workloads that no rule matches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WithoutRule {
    /// An abstention: the next policy in the chain decides.
    #[default]
    Abstain,
    /// A denial.
    Deny,
}

impl Beside {
    /// Returns the method of a login that presents this credential in addition to a certificate.
    pub(crate) const fn method(self) -> Method {
        match self {
            Self::Jwt => Method::Jwt,
            Self::Nkey => Method::Nkey,
            Self::Password => Method::Password,
            Self::Token => Method::Token,
        }
    }
}
