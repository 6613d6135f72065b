//! The templates of `portcullis policy new`.

use std::fmt;

use clap::ValueEnum;

/// A policy to start from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[non_exhaustive]
pub(crate) enum Template {
    /// Leave every login to the next policy.
    #[default]
    Empty,
    /// Users with passwords, who share one set of permissions.
    Users,
    /// Permissions for the groups in the tokens of an identity provider.
    Oidc,
    /// Devices that connect over MQTT with a name and a password.
    Devices,
    /// Services that present a client certificate with their name.
    Workload,
    /// An account for each tenant, which a claim of the token names.
    Tenants,
}

/// The files of a template that no other template has.
pub(super) struct Files {
    pub(super) source: &'static str,
    pub(super) settings: &'static str,
    pub(super) tests: &'static str,
    /// What the policy does, as the rest of a sentence.
    pub(super) summary: &'static str,
}

/// The files that all templates share, by name.
pub(super) const SHARED: [(&str, &str); 5] = [
    (".gitignore", include_str!("../../templates/gitignore")),
    ("Cargo.toml", include_str!("../../templates/Cargo.toml.in")),
    ("README.md", include_str!("../../templates/README.md.in")),
    ("clippy.toml", include_str!("../../templates/clippy.toml")),
    (
        "rust-toolchain.toml",
        include_str!("../../templates/rust-toolchain.toml"),
    ),
];

macro_rules! files {
    ($folder:literal, $summary:literal) => {
        Files {
            source: include_str!(concat!("../../templates/", $folder, "/lib.rs")),
            settings: include_str!(concat!("../../templates/", $folder, "/settings.toml")),
            tests: include_str!(concat!("../../templates/", $folder, "/tests.toml")),
            summary: $summary,
        }
    };
}

impl Template {
    pub(super) const fn files(self) -> Files {
        match self {
            Self::Empty => files!("empty", "it leaves every login to the next policy."),
            Self::Users => files!(
                "users",
                "users with passwords, who share one set of permissions."
            ),
            Self::Oidc => files!(
                "oidc",
                "permissions for the groups of one identity provider."
            ),
            Self::Devices => files!(
                "devices",
                "devices that connect over MQTT with a name and a password."
            ),
            Self::Workload => files!(
                "workload",
                "services that present a client certificate with their name."
            ),
            Self::Tenants => files!(
                "tenants",
                "an account for each tenant, which a claim of the token names."
            ),
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        formatter.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}
