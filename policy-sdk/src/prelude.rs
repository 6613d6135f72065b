//! The items that a policy usually needs: `use portcullis_sdk::prelude::*;`.

pub use crate::{
    Method, NoSettings, Permit, Policy, Request, SettingsError, Verdict, check_account, check_hash,
    export, log, subject,
};
