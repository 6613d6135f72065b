//! Assertions of the operator: logins that must and must not reach subjects, over the whole chain.
//!
//! `assertions.toml` next to `portcullis.toml` lists them. Policy tests come with a policy and know
//! nothing of the others. Assertions hold for all policies together, with guards, chains, target
//! accounts, ceilings and expiry. They run before a new version is put in service. If one fails,
//! the last good version stays in service.

mod content;
mod format;
mod problem;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::{
    AuthorizationRequest, Denial, DenialClass, DenyFilter, Digest, KeyValues, Outcome, Permit,
    PolicyRef,
};
use portcullis_environment::Clock;
use portcullis_files::{Disk as _, ReadError, SystemDisk};

use crate::attempts::decide_in_time;
use crate::snapshot::Snapshot;
use crate::unit_error::{UnitError, UnitProblem};
pub(crate) use content::LoginSample;
use content::{Claim, Content};
pub use format::assertions_schema;
pub use problem::{AssertionsProblem, ClaimProblem};

/// Maximum size of the file, in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// Maximum time of one decision. The policies' own deadlines apply too; the difference leaves room
/// for slow password hashes.
const DEADLINE: Duration = Duration::from_secs(30);
/// Maximum number of failures that a message describes.
const SHOWN: usize = 3;

/// The file of the assertions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssertionsFile {
    /// The path of the file.
    pub path: PathBuf,
    /// Whether a missing file is an error. Otherwise it stands for no assertions.
    pub is_required: bool,
}

/// A permit after the host's own rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldPermit {
    /// The permit that the login gets.
    pub permit: Permit,
    /// The account, as the configuration names it.
    pub account: String,
    /// The way in which the login's server applies denies.
    pub filter: DenyFilter,
}

type Hold = dyn Fn(&AuthorizationRequest, Option<&PolicyRef>, Permit) -> Result<HeldPermit, Denial>
    + Send
    + Sync;

/// The assertions of the operator, and the rules of the host that apply to every permit.
#[derive(Clone)]
pub struct Assertions {
    file: AssertionsFile,
    hold: Arc<Hold>,
}

/// The outcome of one login over the whole path.
type Decided = Result<HeldPermit, Denial>;

impl Assertions {
    /// Returns the assertions in `file`. `hold` applies the host's own rules to the permit of a
    /// login.
    pub fn new(
        file: AssertionsFile,
        hold: impl Fn(&AuthorizationRequest, Option<&PolicyRef>, Permit) -> Result<HeldPermit, Denial>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self {
            file,
            hold: Arc::new(hold),
        }
    }

    /// Checks that the policies of `snapshot` meet every assertion in the file, which is read now.
    /// Blocks.
    ///
    /// # Errors
    ///
    /// Fails with the first assertions that fail, or if the file cannot be read or is invalid.
    pub(crate) fn check(&self, snapshot: &Snapshot, clock: &dyn Clock) -> Result<(), UnitError> {
        let Some(content) = self.read()? else {
            return Ok(());
        };
        let logins = content.logins.iter();
        let decided: Vec<_> = logins
            .map(|(_, login)| self.decide(login, snapshot, clock))
            .collect();
        let failures = content.assertions.iter().flat_map(|assertion| {
            let logins = content.logins.iter().map(|(name, _)| name).zip(&decided);
            let failures = logins.filter_map(|(login, decided)| {
                let problem = assertion.claim.difference(login, decided)?;
                Some(format!(
                    "assertion `{}`: login `{login}`: {problem}",
                    assertion.name
                ))
            });
            failures.map(|failure| (assertion.line, failure))
        });
        let failures: Vec<_> = failures.collect();
        let Some((line, _)) = failures.first() else {
            return Ok(());
        };
        let shown = failures.iter().take(SHOWN);
        let mut shown: Vec<_> = shown.map(|(_, failure)| failure.clone()).collect();
        if let Some(more) = failures.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            shown.push(format!("{more} more failed"));
        }
        let problem = UnitProblem::Asserted(shown.join("; "));
        Err(UnitError::new(&self.file.path, problem).at_line(Some(*line)))
    }

    /// Returns the number of assertions and of logins in the file.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read or is invalid.
    pub fn count(&self) -> Result<(usize, usize), UnitError> {
        let content = self.read()?.unwrap_or_default();
        Ok((content.assertions.len(), content.logins.len()))
    }

    /// Returns the digest of the file. `None` if it cannot be read.
    pub(crate) fn digest(&self) -> Option<Digest> {
        let content = SystemDisk.read(&self.file.path, MAX_BYTES);
        content
            .ok()
            .map(|content| crate::content::digest(&content.bytes))
    }

    /// Returns the logins of the file.
    pub(crate) fn logins(&self) -> Result<Vec<(String, LoginSample)>, UnitError> {
        Ok(self.read()?.unwrap_or_default().logins)
    }

    /// Returns the file of the assertions.
    pub fn file(&self) -> &Path {
        &self.file.path
    }

    fn read(&self) -> Result<Option<Content>, UnitError> {
        let path = &self.file.path;
        match SystemDisk.read(path, MAX_BYTES) {
            Ok(content) => Content::parse(path, &content.bytes).map(Some),
            Err(ReadError::Missing) if !self.file.is_required => Ok(None),
            Err(error) => Err(UnitError::new(path, UnitProblem::Unreadable(error))),
        }
    }

    /// Applies the host's own rules to the permit of a login.
    pub(crate) fn hold(
        &self,
        request: &AuthorizationRequest,
        policy: Option<&PolicyRef>,
        permit: Permit,
    ) -> Decided {
        (self.hold)(request, policy, permit)
    }

    /// Decides a login over the whole chain, and applies the host's own rules to its permit.
    fn decide(&self, login: &LoginSample, snapshot: &Snapshot, clock: &dyn Clock) -> Decided {
        let (request, key_values): (_, &Arc<dyn KeyValues>) = (&login.request, &login.key_values);
        let decide = || snapshot.decide_with(request, key_values, clock.now() + DEADLINE);
        let decision = decide_in_time(decide, |decision| match &decision.outcome {
            Outcome::Permit(_) => false,
            Outcome::Deny(denial) => matches!(
                denial.class,
                DenialClass::PolicyDeadline | DenialClass::Deadline
            ),
        });
        match decision.outcome {
            Outcome::Permit(permit) => self.hold(request, decision.policy.as_deref(), permit),
            Outcome::Deny(denial) => Err(denial),
        }
    }
}

impl Claim {
    /// Returns how the outcome of a login differs from this claim. `None` if it does not, or if the
    /// claim is not about the login.
    fn difference(&self, login: &str, decided: &Decided) -> Option<String> {
        let is_listed = |logins: &[String]| logins.iter().any(|listed| listed == login);
        match self {
            Self::Denied { logins } => {
                let permitted = decided.as_ref().ok().filter(|_| is_listed(logins))?;
                let account = &permitted.account;
                Some(format!("it is permitted, in account `{account}`"))
            }
            Self::Access {
                logins,
                account,
                access,
            } => {
                if !is_listed(logins) {
                    return None;
                }
                match decided {
                    Ok(held) => account
                        .as_ref()
                        .filter(|account| **account != held.account)
                        .map(|account| {
                            format!("it is in account `{}` and not in `{account}`", held.account)
                        })
                        .or_else(|| access.difference(&held.permit, held.filter)),
                    // A login that is denied reaches nothing.
                    Err(denial) => (account.is_some() || access.needs_permit())
                        .then(|| format!("it is denied: {}", denial.reason)),
                }
            }
            Self::Only {
                logins,
                account,
                reserved,
            } => {
                let held = decided.as_ref().ok().filter(|_| !is_listed(logins))?;
                let elsewhere = account
                    .as_ref()
                    .is_some_and(|account| *account != held.account);
                if elsewhere {
                    return None;
                }
                let difference = reserved.difference(&held.permit, held.filter)?;
                Some(if logins.is_empty() {
                    format!("{difference}, and `only` lists no login")
                } else {
                    format!("{difference}, and is not among `{}`", logins.join("`, `"))
                })
            }
        }
    }
}

impl fmt::Debug for Assertions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Assertions")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
