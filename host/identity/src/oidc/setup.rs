//! Validation of the options of identity providers.

use std::collections::HashMap;

use super::IssuerOptions;
use super::fetch::{FetchError, Source, check_files};

/// A reason why tokens cannot be verified with these options.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenSetupError {
    /// An issuer has no `iss`.
    #[error("`{0}` has no `issuer`")]
    NoIssuer(String),
    /// Two issuers have the same `iss`.
    #[error("`{first}` and `{second}` have the same `issuer`")]
    SameIssuer {
        /// The operator's name for one.
        first: String,
        /// The operator's name for the other.
        second: String,
    },
    /// An issuer has no algorithms.
    #[error("`{0}` has no `algorithms`")]
    NoAlgorithms(String),
    /// The address of an issuer's keys cannot be used.
    #[error("the keys of `{name}` are at an address that cannot be used: {problem}")]
    Address {
        /// The operator's name for the issuer.
        name: String,
        /// What is wrong with the address.
        problem: &'static str,
    },
    /// A file that an issuer needs cannot be used.
    #[error("`{name}` has a file that cannot be used")]
    File {
        /// The operator's name for the issuer.
        name: String,
        /// What is wrong with the file.
        #[source]
        source: FetchError,
    },
}

/// Checks everything that needs no network. Returns the source of the keys of each issuer.
pub(crate) fn check(issuers: &[IssuerOptions]) -> Result<Vec<Source>, TokenSetupError> {
    let mut names: HashMap<&str, &str> = HashMap::new();
    for options in issuers {
        if let Some(first) = names.insert(&options.issuer, &options.name) {
            return Err(TokenSetupError::SameIssuer {
                first: first.to_owned(),
                second: options.name.clone(),
            });
        }
    }
    issuers.iter().map(check_one).collect()
}

fn check_one(options: &IssuerOptions) -> Result<Source, TokenSetupError> {
    let name = || options.name.clone();
    if options.issuer.is_empty() {
        return Err(TokenSetupError::NoIssuer(name()));
    }
    if options.algorithms.is_empty() {
        return Err(TokenSetupError::NoAlgorithms(name()));
    }
    let source = Source::new(options).map_err(|problem| TokenSetupError::Address {
        name: name(),
        problem,
    })?;
    check_files(&source, options).map_err(|source| TokenSetupError::File {
        name: name(),
        source,
    })?;
    Ok(source)
}
