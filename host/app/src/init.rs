//! `portcullis init`: a directory to start from.

mod files;

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

pub(crate) use self::files::{Directory, NewFiles};
use portcullis_claims::KeyKind;

use crate::keys;

const PORTCULLIS_TOML: &str = include_str!("init/portcullis.toml");
const NATS_SERVER_CONF: &str = include_str!("init/nats-server.conf");

/// What was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Initialized {
    directory: PathBuf,
    /// The public key that servers expect responses to be signed with (`A…`).
    pub issuer: String,
    /// The public key that the service logs in with (`U…`).
    pub service: String,
}

/// Why nothing was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotInitialized {
    /// Something is in the way.
    #[error("`{}` exists already; nothing was written: choose another directory or move it away", .0.display())]
    Exists(PathBuf),
    /// A file or directory cannot be made; what had been made before it was removed.
    #[error("cannot make `{}`; what was written before it is removed", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The key library failed.
    #[error("cannot make keys")]
    Keys(#[source] portcullis_claims::KeyError),
}

/// Writes keys, a nats-server configuration and a `portcullis.toml` to `directory`, and makes an empty
/// directory for policies. `directory` is made if need be.
///
/// # Errors
///
/// When one of the files exists, or cannot be written. Either way nothing new is left behind.
pub fn init(directory: &Path) -> Result<Initialized, NotInitialized> {
    let issuer = keys::generate(KeyKind::Account).map_err(NotInitialized::Keys)?;
    let service = keys::generate(KeyKind::User).map_err(NotInitialized::Keys)?;
    let server = NATS_SERVER_CONF
        .replace("{issuer}", &issuer.public)
        .replace("{service}", &service.public);

    let names = ["portcullis.toml", "nats-server.conf", "keys", "policies"];
    let mut files = NewFiles::in_directory(directory, &names)?;
    files.directory("keys", Directory::Private)?;
    files.secret("keys/issuer.nk", &issuer.seed)?;
    files.secret("keys/callout.nk", &service.seed)?;
    files.directory("policies", Directory::Shared)?;
    files.file("nats-server.conf", &server)?;
    files.file("portcullis.toml", PORTCULLIS_TOML)?;
    files.keep();
    Ok(Initialized {
        directory: directory.to_path_buf(),
        issuer: issuer.public,
        service: service.public,
    })
}

impl Initialized {
    /// What was made and what to do next, for people.
    pub fn summary(&self) -> String {
        let mut text = String::new();
        let directory = self.directory.display();
        for (name, what) in [
            ("portcullis.toml", "configuration of the callout service"),
            ("nats-server.conf", "configuration of a server that asks it"),
            (
                "keys/issuer.nk",
                "seed that signs responses; keep it secret",
            ),
            (
                "keys/callout.nk",
                "seed the service logs in with; keep it secret",
            ),
            ("policies/", "put policies here"),
        ] {
            // Writing to a string does not fail.
            let _ = writeln!(text, "made {directory}/{name}: {what}");
        }
        let _ = write!(
            text,
            "\nnext:\n  \
             1. put a policy, NAME.wasm, into {directory}/policies\n  \
             2. portcullis check --config {directory}/portcullis.toml\n  \
             3. nats-server -c {directory}/nats-server.conf\n  \
             4. portcullis serve --config {directory}/portcullis.toml\n"
        );
        text
    }
}

#[cfg(test)]
mod tests;
