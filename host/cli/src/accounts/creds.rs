//! `portcullis creds`: credentials files.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use portcullis_accounts::{AccountJwt, Seed, Store, StoreError, UserJwt, Validate};
use portcullis_claims::{MAX_CREDENTIALS_SIZE, UserClaims, UserCredentials};
use portcullis_core::Secret;
use portcullis_files::{Content, ReadError};
use portcullis_toml::text::one_line;
use serde_json::json;

use super::describe;
use super::reference;
use super::report::{Report, StoreArguments, failure, now};
use super::user::{self, AccountArgument};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::Output;

/// The commands for credentials files.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
#[non_exhaustive]
pub(crate) enum CredsVerb {
    /// Write the credentials file of a user of the store, mode 0600.
    Mint {
        /// The user, by name or key.
        user: String,
        #[command(flatten)]
        of: AccountArgument,
        /// The file to write. An existing file is never overwritten.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Print what a credentials file has, what is wrong with it, and which clients read it.
    Inspect {
        /// The file.
        file: PathBuf,
        /// Also write the credentials in the form that every client reads.
        #[arg(long, value_name = "FILE")]
        rewrite: Option<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Check that servers which trust the store's operator accept a credentials file now.
    Verify {
        /// The file.
        file: PathBuf,
        #[command(flatten)]
        store: StoreArguments,
    },
}

impl CredsVerb {
    /// Runs the command.
    pub(crate) fn run(&self) -> Result<Output, Failure> {
        match self {
            Self::Mint {
                user,
                of,
                out,
                store,
            } => mint(store, of, user, out),
            Self::Inspect {
                file,
                rewrite,
                json,
            } => inspect(file, rewrite.as_deref(), *json),
            Self::Verify { file, store } => verify(store, file),
        }
    }
}

fn mint(
    store: &StoreArguments,
    of: &AccountArgument,
    user: &str,
    out: &Path,
) -> Result<Output, Failure> {
    let open = store.open();
    let (account, found) = user::find(&open, of, user).map_err(failure)?;
    if let Some(problem) = refusal(&found, &account) {
        let problem = format!("no file for the user `{user}`: {problem}");
        return Err(Failure::new(
            ExitCode::BadConfiguration,
            anyhow::anyhow!(problem),
        ));
    }
    let seed = open
        .keys()
        .first_of(&[found.user.as_str()])
        .map_err(failure)?;
    write(out, &found.token, &seed)?;
    let key = found.user.as_str();
    let text = format!("made {}: the user {key}\n", out.display());
    Report::new(text, json!({ "file": out, "key": key })).output(store.json)
}

/// Writes a credentials file that only its owner can read, from its creation on.
pub(super) fn write(path: &Path, token: &str, seed: &Seed) -> Result<(), Failure> {
    NewFile::create(path)?.write_credentials(token, seed)
}

/// Writes a file that only its owner can read, from its creation on.
pub(super) fn write_secret(path: &Path, content: &Secret) -> Result<(), Failure> {
    NewFile::create(path)?.write(content)
}

/// A new file that only its owner can read, from its creation on. Removed on drop unless it was
/// written.
pub(super) struct NewFile {
    path: PathBuf,
    file: Option<File>,
}

impl NewFile {
    /// Creates the file.
    ///
    /// # Errors
    ///
    /// Fails if the path exists, or if its directory cannot be written.
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let file = options.open(path);
        let file = file.map_err(|error| unwritten(path, error))?;
        Ok(Self {
            path: path.to_owned(),
            file: Some(file),
        })
    }

    /// Writes the credentials of a user.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written.
    pub(super) fn write_credentials(self, token: &str, seed: &Seed) -> Result<(), Failure> {
        let credentials = UserCredentials::parse_pair(token, seed.expose());
        let credentials = credentials.map_err(Failure::internal)?;
        self.write(&credentials.to_text())
    }

    fn write(mut self, content: &Secret) -> Result<(), Failure> {
        if let Some(file) = &mut self.file {
            let written = file.write_all(content.expose().as_bytes());
            let written = written.and_then(|()| file.sync_all());
            written.map_err(|error| unwritten(&self.path, error))?;
        }
        self.file = None;
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if self.file.is_some() {
            // The failure that led here is the one to report.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn unwritten(path: &Path, error: io::Error) -> Failure {
    let failed = anyhow::Error::new(error).context(format!("cannot write `{}`", path.display()));
    Failure::new(ExitCode::CannotCreate, failed)
}

/// Reads a file that a user named.
pub(super) fn read(path: &Path) -> Result<(Secret, Content), Failure> {
    let unreadable =
        |code, error: String| Failure::new(code, anyhow::anyhow!("`{}` {error}", path.display()));
    let limit = MAX_CREDENTIALS_SIZE as u64;
    let mut content = portcullis_files::read(path, limit).map_err(|error| {
        let code = match error {
            ReadError::Missing => ExitCode::NotFound,
            _ => ExitCode::BadConfiguration,
        };
        unreadable(code, error.to_string())
    })?;
    let text = String::from_utf8(std::mem::take(&mut content.bytes))
        .map_err(|_| unreadable(ExitCode::BadConfiguration, "is not text".to_owned()))?;
    Ok((Secret::new(text), content))
}

/// Reads a credentials file, and the claims of its user.
fn parse(path: &Path) -> Result<(Secret, Content, UserCredentials, UserClaims), Failure> {
    let (text, content) = read(path)?;
    let wrong = |error: anyhow::Error| {
        let error = error.context(format!("`{}`", path.display()));
        Failure::new(ExitCode::BadConfiguration, error)
    };
    let credentials = UserCredentials::parse(text.expose()).map_err(|error| wrong(error.into()))?;
    let claims = UserClaims::decode(credentials.jwt()).map_err(|error| wrong(error.into()))?;
    Ok((text, content, credentials, claims))
}

fn inspect(path: &Path, rewrite: Option<&Path>, json: bool) -> Result<Output, Failure> {
    let (text, content, credentials, claims) = parse(path)?;
    let key = credentials.key().public_key();
    let issuer = claims.issuer.as_deref().unwrap_or_default();
    let account = claims.nats.issuer_account.as_deref().unwrap_or(issuer);
    let mut notes = reference::flaws(text.expose(), credentials.jwt(), credentials.key().seed());
    let portable = notes.is_empty();
    if content.access.mode & 0o077 != 0 {
        let mode = content.access.mode;
        notes.push(format!(
            "other users can read the file (mode {mode:04o}): run `chmod 600` on it"
        ));
    }
    notes.extend(claims.validate(now()).iter().map(ToString::to_string));
    let mut lines = format!(
        "user: {}\nkey: {key}\naccount: {account}\nissuer: {issuer}\n",
        claims.name.as_deref().unwrap_or_default()
    );
    let ends = claims.expires_at.filter(|at| *at > 0);
    let ends = ends.map_or("never".to_owned(), |at| format!("{at} (Unix time)"));
    let reads = if portable {
        "every client"
    } else {
        "this program, and not every client"
    };
    let _ = write!(lines, "expires: {ends}\nread by: {reads}\n");
    for note in &notes {
        let _ = writeln!(lines, "  - {note}");
    }
    if let Some(out) = rewrite {
        write_secret(out, &credentials.to_text())?;
        let _ = writeln!(lines, "made {}", out.display());
    }
    let value = json!({
        "name": claims.name,
        "key": key,
        "account": account,
        "issuer": issuer,
        "expires_at": claims.expires_at,
        "read_by_every_client": portable,
        "notes": notes,
    });
    Report::new(lines, value).output(json)
}

fn verify(store: &StoreArguments, path: &Path) -> Result<Output, Failure> {
    let (_, _, credentials, claims) = parse(path)?;
    let problems = refusals(&store.open(), &credentials, claims).map_err(failure)?;
    let name = path.display();
    let text = if problems.is_empty() {
        format!("{name}: ok\n")
    } else {
        problems.iter().fold(String::new(), |text, problem| {
            format!("{text}{name}: {}\n", one_line(problem))
        })
    };
    let report = Report::new(
        text,
        json!({ "ok": problems.is_empty(), "problems": problems }),
    );
    let code = if problems.is_empty() {
        ExitCode::Success
    } else {
        ExitCode::BadConfiguration
    };
    report.with_code(code).output(store.json)
}

/// Returns why servers refuse a user of the store.
fn refusal(user: &UserJwt, account: &AccountJwt) -> Option<String> {
    let mut lines = describe::of_user(user, account).into_iter();
    let refused = lines.find(|line| line.starts_with(describe::REFUSED));
    let findings = user.claims.validate(now());
    refused.or_else(|| {
        let mut findings = findings.iter().filter(|_| findings.is_refused());
        findings.next().map(ToString::to_string)
    })
}

/// Returns why servers refuse a user.
fn refusals(
    store: &Store,
    credentials: &UserCredentials,
    claims: UserClaims,
) -> Result<Vec<String>, StoreError> {
    let findings = claims.validate(now());
    let mut problems = Vec::new();
    if findings.is_refused() {
        problems.extend(findings.iter().map(ToString::to_string));
    }
    let issuer = claims.issuer.clone().unwrap_or_default();
    let account = claims.nats.issuer_account.clone().unwrap_or(issuer);
    let account = match store.account(&account) {
        Ok(account) => account,
        Err(error @ StoreError::Unknown { .. }) => {
            problems.push(error.to_string());
            return Ok(problems);
        }
        Err(error) => return Err(error),
    };
    let (operator, _) = store.operator()?;
    let of_account = describe::of_account(&account.claims, &operator);
    let user = UserJwt {
        user: credentials.key().as_public().clone(),
        token: credentials.jwt().to_owned(),
        claims,
    };
    let of_user = describe::of_user(&user, &account);
    let lines = of_account.into_iter().chain(of_user);
    problems.extend(lines.filter(|line| line.starts_with(describe::REFUSED)));
    let of_account = account.claims.validate(now());
    if of_account.is_refused() {
        problems.extend(
            of_account
                .iter()
                .map(|finding| format!("account: {finding}")),
        );
    }
    Ok(problems)
}
