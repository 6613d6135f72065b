//! `portcullis keys`: seeds in files.

use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use data_encoding::{BASE32_NOPAD, BASE64};
use portcullis_accounts::Seed;
use portcullis_claims::{KeyError, KeyKind, UserCredentials, is_public_sample};
use portcullis_core::Secret;
use serde_json::json;
use zeroize::Zeroizing;

use super::creds::{read, write_secret};
use super::report::{Report, wrong};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::Output;

/// The commands for keys.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
#[non_exhaustive]
pub(crate) enum KeysVerb {
    /// Write a new seed to a file, mode 0600, and print its public key.
    Generate {
        /// The kind of the key.
        kind: Kind,
        /// The file to write. An existing file is never overwritten.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the kind and the public key of a seed, or what a file has instead.
    Inspect {
        /// The file: a seed, a credentials file or a private key in PEM.
        file: PathBuf,
        /// The kind of a private key in PEM, which does not say it.
        #[arg(long, value_name = "KIND")]
        kind: Option<Kind>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write the seed of a file in another form, mode 0600.
    Convert {
        /// The file: a seed, a credentials file or a private key in PEM.
        file: PathBuf,
        /// The form.
        #[arg(long, value_name = "FORM")]
        to: Form,
        /// The kind of a private key in PEM, which does not say it.
        #[arg(long, value_name = "KIND")]
        kind: Option<Kind>,
        /// The file to write. An existing file is never overwritten.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// A kind of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Signs accounts.
    Operator,
    /// Signs users.
    Account,
    /// Logs in.
    User,
    /// A server's key.
    Server,
    /// A cluster's key.
    Cluster,
    /// Encrypts the requests to an auth callout (xkey).
    Curve,
}

/// A form of a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// An nkey seed, `S…`.
    Seed,
    /// A private key in PEM (PKCS #8), which OpenSSL reads.
    Pem,
}

/// Beginning of an Ed25519 private key in PKCS #8, before its 32 bytes.
const PKCS8: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

impl KeysVerb {
    /// Runs the command.
    pub(crate) fn run(&self) -> Result<Output, Failure> {
        match self {
            Self::Generate { kind, out, json } => {
                let seed = Seed::generate(kind.key_kind()).map_err(Failure::internal)?;
                write_secret(out, &Secret::new([seed.expose(), "\n"].concat()))?;
                report(&seed, Some(out)).output(*json)
            }
            Self::Inspect { file, kind, json } => report(&load(file, *kind)?, None).output(*json),
            Self::Convert {
                file,
                to,
                kind,
                out,
                json,
            } => {
                let seed = load(file, *kind)?;
                let text = match to {
                    Form::Seed => Secret::new([seed.expose(), "\n"].concat()),
                    Form::Pem => to_pem(&seed)?,
                };
                write_secret(out, &text)?;
                report(&seed, Some(out)).output(*json)
            }
        }
    }
}

impl Kind {
    const fn key_kind(self) -> KeyKind {
        match self {
            Self::Operator => KeyKind::Operator,
            Self::Account => KeyKind::Account,
            Self::User => KeyKind::User,
            Self::Server => KeyKind::Server,
            Self::Cluster => KeyKind::Cluster,
            Self::Curve => KeyKind::Curve,
        }
    }
}

fn report(seed: &Seed, made: Option<&Path>) -> Report {
    let (kind, key) = (seed.public.kind().to_string(), seed.public.as_str());
    let is_public = is_public_sample(key);
    let mut text = match made {
        Some(made) => format!(
            "made {}: the seed of the {kind} key {key}\n",
            made.display()
        ),
        None => format!("the seed of the {kind} key {key}\n"),
    };
    if is_public {
        text.push_str(
            "the seed is published in samples, so that anyone can sign with it: use another\n",
        );
    }
    let json = json!({ "kind": kind, "key": key, "published": is_public, "file": made });
    Report::new(text, json)
}

/// Reads the seed in a file of any form.
fn load(path: &Path, kind: Option<Kind>) -> Result<Seed, Failure> {
    let (text, _) = read(path)?;
    let text = text.expose();
    if text.contains(BEGIN) {
        let kind = kind.ok_or_else(|| wrong("a private key in PEM needs `--kind`"))?;
        return from_pem(text, kind.key_kind()).ok_or_else(|| {
            unusable(
                path,
                anyhow::anyhow!("it is no Ed25519 private key in PKCS #8"),
            )
        });
    }
    // A seed alone, between marks, or the one of a credentials file.
    let mut words = text.split_whitespace();
    if let Some(seed) = words.find_map(|word| Seed::parse(word).ok()) {
        return Ok(seed);
    }
    // Credentials can also be base64.
    if let Ok(credentials) = UserCredentials::parse(text) {
        let seed = Seed::parse(credentials.key().seed());
        return seed.map_err(|error| unusable(path, error.into()));
    }
    Seed::parse(text).map_err(|error| unusable(path, of_any_kind(error)))
}

/// Returns the failure of a text that could have had a seed of any kind.
fn of_any_kind(error: KeyError) -> anyhow::Error {
    let found = match error {
        KeyError::Empty(_) => "nothing".to_owned(),
        KeyError::Unexpected { found, .. } => found,
        KeyError::Damaged { problem, .. } => format!("one that is damaged: {problem}"),
        error => return error.into(),
    };
    anyhow::anyhow!("expected a seed (SO…, SA…, SU…), found {found}")
}

fn unusable(path: &Path, error: anyhow::Error) -> Failure {
    let error = error.context(format!("`{}` has no seed", path.display()));
    Failure::new(ExitCode::BadConfiguration, error)
}

/// Writes the private key of a seed, which is the 32 bytes after the two of its prefix.
fn to_pem(seed: &Seed) -> Result<Secret, Failure> {
    if seed.public.kind() == KeyKind::Curve {
        return Err(wrong(
            "a curve key is no Ed25519 key, which PEM is for here",
        ));
    }
    let bytes = Zeroizing::new(
        BASE32_NOPAD
            .decode(seed.expose().as_bytes())
            .unwrap_or_default(),
    );
    let key = bytes.get(2..34).unwrap_or_default();
    let der = Zeroizing::new([PKCS8.as_slice(), key].concat());
    let text = Zeroizing::new(BASE64.encode(&der));
    Ok(Secret::new([BEGIN, "\n", &text, "\n", END, "\n"].concat()))
}

fn from_pem(text: &str, kind: KeyKind) -> Option<Seed> {
    let (_, rest) = text.split_once(BEGIN)?;
    let (body, _) = rest.split_once(END)?;
    let body: Zeroizing<String> = Zeroizing::new(body.split_whitespace().collect());
    let der = Zeroizing::new(BASE64.decode(body.as_bytes()).ok()?);
    let key: &[u8; 32] = der.strip_prefix(PKCS8.as_slice())?.try_into().ok()?;
    Seed::from_bytes(kind, key).ok()
}
