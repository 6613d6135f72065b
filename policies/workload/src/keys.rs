//! Descriptions of the settings, for their schema.

use portcullis_sdk::KeyDoc;

/// The keys of the settings, apart from those of profiles.
pub(crate) const KEYS: &[KeyDoc] = &[
    KeyDoc::new("account", "account of rules that name none; may be a template. Default: none"),
    KeyDoc::new("issuers", "issuers of service accounts' tokens, and trust domains of JWT-SVIDs, for rules without `issuers`").or("[]"),
    KeyDoc::new("beside", "credentials that a client may present in addition to its certificate").or("[]"),
    KeyDoc::new("without-rule", "verdict on workloads that no rule matches").or(r#""abstain""#),
    KeyDoc::new("expires-in", "maximum lifetime of a connection, for rules without one. Default: that of the proof"),
    KeyDoc::new("rules", "rules; the first one that matches a login decides it").or("[]"),
    KeyDoc::new("rules[].spiffe", "pattern of the SPIFFE id. Default: none"),
    KeyDoc::new("rules[].uri", "pattern of a URI among the certificate's names. Default: none"),
    KeyDoc::new("rules[].dns", "pattern of a DNS name among the certificate's names. Default: none"),
    KeyDoc::new("rules[].email", "pattern of an e-mail address among the certificate's names. Default: none"),
    KeyDoc::new("rules[].subject", "pattern of the certificate's subject. Default: none"),
    KeyDoc::new("rules[].fingerprint", "SHA-256 digest of the certificate. Default: none"),
    KeyDoc::new("rules[].service-account", "pattern of the Kubernetes service account, `namespace/name`. Default: none"),
    KeyDoc::new("rules[].issuers", "issuers whose tokens count. Default: those of the settings"),
    KeyDoc::new("rules[].account", "account; may be a template. Default: that of the settings"),
    KeyDoc::new("rules[].user-name", "user name; may be a template").or(r#""{{name}}""#),
    KeyDoc::new("rules[].expires-in", "maximum lifetime of a connection. Default: that of the settings"),
];
