//! The tools of policy authors: `portcullis policy new`, `build`, `test`, `bench`, `lint` and
//! `watch`.

pub(crate) mod bench;
pub(crate) mod build;
pub(crate) mod crate_build;
mod hints;
pub(crate) mod lint;
pub(crate) mod new;
mod policy_log;
mod sdk;
pub(crate) mod template;
pub(crate) mod test;
pub(crate) mod watch;
