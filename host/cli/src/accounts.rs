//! Operators, accounts, users, keys and tokens at the command line.
//!
//! Each verb is thin: the crate `portcullis-accounts` has the store, the signing and the
//! validation.

mod account;
mod account_edits;
mod activation;
mod at_servers;
mod common;
mod creds;
mod describe;
mod jwt;
mod keys;
mod lifetime;
mod limits;
mod new_key;
mod operator;
mod patched;
mod permissions;
mod pull;
mod push;
mod reference;
mod report;
mod role;
mod rotate;
mod server_config;
mod shares;
mod status;
mod transfer;
mod user;
mod values;
mod verify;

pub(crate) use account::AccountVerb;
pub(crate) use creds::CredsVerb;
pub(crate) use jwt::JwtVerb;
pub(crate) use keys::KeysVerb;
pub(crate) use operator::OperatorVerb;
pub(crate) use report::{StoreArguments, failure as store_failure};
pub(crate) use transfer::{ExportTo, import_nsc};
pub(crate) use user::UserVerb;
pub(crate) use values::some_time;

#[cfg(test)]
mod tests;
