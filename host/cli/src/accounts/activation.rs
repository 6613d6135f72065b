//! Activation tokens, with which accounts import private exports.

use clap::Subcommand;

use super::account::edit;
use super::account_edits::account_key;
use super::lifetime::Lifetime;
use super::report::StoreArguments;
use super::shares;
use super::values;
use crate::failure::Failure;
use crate::output::Output;

/// The commands for activation tokens of an account's exports.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
#[non_exhaustive]
pub(crate) enum ActivationVerb {
    /// Print an activation token, with which an account of another operator imports a private
    /// export: `--import KIND:ACCOUNT:SUBJECT,token=FILE`.
    Activation {
        /// The account that exports.
        account: String,
        /// The account that imports, by name or key.
        #[arg(long = "for", value_name = "ACCOUNT")]
        importer: String,
        /// The export that the importing account may use, such as `stream:a`.
        #[arg(long, value_name = "KIND:SUBJECT")]
        export: String,
        /// The time until the token expires, or when it does, as for `edit`. Default: never.
        #[arg(long, value_name = "TIME", value_parser = values::lifetime)]
        expires: Option<Lifetime>,
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Revoke the activation tokens of a private export that an account has now.
    RevokeActivation {
        /// The account that exports.
        account: String,
        /// The account that imports, by name or key; `*` for all.
        #[arg(long = "for", value_name = "ACCOUNT")]
        importer: String,
        /// The export.
        #[arg(long, value_name = "KIND:SUBJECT")]
        export: String,
        #[command(flatten)]
        store: StoreArguments,
    },
}

impl ActivationVerb {
    /// Runs the command.
    pub(super) fn run(&self) -> Result<Output, Failure> {
        match self {
            Self::Activation {
                account,
                importer,
                export,
                expires,
                store,
            } => {
                let open = store.open();
                let importer = account_key(&open, importer)?;
                let signed = shares::activate(&open, account, &importer, export, *expires);
                signed?.output(store.json)
            }
            Self::RevokeActivation {
                account,
                importer,
                export,
                store,
            } => {
                let importer = account_key(&store.open(), importer)?;
                edit(store, account, "revoked activations of", |found| {
                    shares::revoke_activation(&mut found.claims.nats, &importer, export)
                })
            }
        }
    }
}
