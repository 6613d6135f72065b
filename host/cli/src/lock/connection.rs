//! The connection to the account of the bucket.

use std::path::PathBuf;

use clap::Args;
use portcullis_connect::InboxPrefix;

/// The connection to the account of the bucket.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct LockConnection {
    /// The configuration, portcullis.toml, that names the bucket (`locks` under [key-value]), the
    /// servers and TLS.
    #[arg(long, value_name = "FILE")]
    pub(super) config: PathBuf,
    /// The credentials file of a user who may write to the bucket. Default: the login of the
    /// configuration, which usually may only read it.
    #[arg(long, value_name = "FILE", conflicts_with = "nkey_seed_file")]
    pub(super) creds: Option<PathBuf>,
    /// The file with the user seed (SU…) of such a user.
    #[arg(long, value_name = "FILE")]
    pub(super) nkey_seed_file: Option<PathBuf>,
    /// The prefix of the subjects of answers that this user's permissions allow, such as
    /// `_INBOX_KEEPER`. Default: any.
    #[arg(long, value_name = "PREFIX")]
    pub(super) inbox_prefix: Option<InboxPrefix>,
}
