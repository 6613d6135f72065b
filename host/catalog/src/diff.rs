//! Comparison of two versions of a policy: which logins gain access, and which lose it.
//!
//! Both versions decide the logins of their policy tests, of the operator's assertions, one bare
//! login of each method, and variations of all of them. They also decide recorded logins. Permits
//! are compared as sets of subjects.

mod access;
mod logins;
mod recorded;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::{
    DenyFilter, Digest, PermissionSubject, PolicyName, PolicyRef, Reached, Verdict, WorkBudget,
};
use portcullis_engine::{Engine, Policy};

use crate::assertions::{Assertions, HeldPermit, LoginSample};
use crate::attempts::{decide_in_time, is_late};
use crate::content::Content;
use crate::options::CatalogOptions;
use crate::paths::Paths;
use crate::policy_tests::PolicyTests;
use crate::prover::{Proved, prove};
use crate::single::{SinglePolicy, policy_name};
use crate::unit_error::UnitError;
pub use access::AccessChanges;
use access::{Outcome, changes};
pub use recorded::{RecordError, RecordProblem, RecordedLogins, RecordedSecrets};

/// Maximum time of one decision. The policy's own deadline applies too; the difference leaves room
/// for slow password hashes.
const DEADLINE: Duration = Duration::from_secs(30);

/// The access that logins gain and lose with a new version.
#[derive(Debug)]
pub struct VersionDiff {
    /// Digest of module, settings and tests of the old version.
    pub old: Digest,
    /// Digest of module, settings and tests of the new version.
    pub new: Digest,
    /// Number of logins that both versions decided.
    pub logins: usize,
    /// Number of logins that at least one of the versions permitted. If it is 0, no permissions
    /// were compared.
    pub permitted: usize,
    /// The logins whose access differs, in the order of the files.
    pub changes: Vec<(String, AccessChanges)>,
    /// The logins that reach a forbidden subject with the new version: login, subject and example.
    pub forbidden: Vec<(String, PermissionSubject, String)>,
}

/// The versions to compare, and what both are held to.
#[derive(Clone, Copy, Debug)]
pub struct Versions<'a> {
    /// The module of the old version.
    pub old: &'a Path,
    /// The module of the new version.
    pub new: &'a Path,
    /// Assertions whose logins both versions decide, and whose rules apply to permits. `None`
    /// compares what the policy itself permits.
    pub assertions: Option<&'a Assertions>,
    /// Logins of recorded decisions, which both versions decide as they are.
    pub recorded: &'a RecordedLogins,
    /// Subjects that no login may reach with the new version.
    pub never: &'a [PermissionSubject],
}

/// Compares two versions of a policy. The limits and grants of both are those of the new version's
/// name. Blocks.
///
/// # Errors
///
/// Fails if a version cannot be loaded, or if a file with logins cannot be read.
pub fn diff_versions(
    engine: &Engine,
    options: &CatalogOptions,
    versions: Versions<'_>,
) -> Result<VersionDiff, UnitError> {
    let name = policy_name(versions.new)?;
    let options = Arc::new(options.clone());
    let old = load(engine, &options, &name, versions.old)?;
    let new = load(engine, &options, &name, versions.new)?;
    let mut stated = Vec::new();
    stated.extend(logins_of(versions.new, &new.content)?);
    if old.content.fingerprint.tests != new.content.fingerprint.tests {
        let logins = logins_of(versions.old, &old.content)?.into_iter();
        stated.extend(logins.map(|(name, login)| (format!("{name} (old tests)"), login)));
    }
    if let Some(assertions) = versions.assertions {
        stated.extend(assertions.logins()?);
    }
    let mut logins = logins::with_variations(stated);
    logins.extend(versions.recorded.logins());
    let mut diff = VersionDiff {
        old: old.content.fingerprint.version(),
        new: new.content.fingerprint.version(),
        logins: logins.len(),
        permitted: 0,
        changes: Vec::new(),
        forbidden: Vec::new(),
    };
    let decide = |proved: &Proved, login: &LoginSample| {
        outcome(&proved.policy, login, &name, &options, versions.assertions)
    };
    for (login_name, login) in logins {
        let (before, now) = (decide(&old, &login), decide(&new, &login));
        if [&before, &now].into_iter().any(Outcome::is_permit) {
            diff.permitted = diff.permitted.saturating_add(1);
        }
        for subject in versions.never {
            if let Some(example) = reached(&now, subject) {
                let login = login_name.clone();
                diff.forbidden.push((login, subject.clone(), example));
            }
        }
        let changed = changes(&before, &now);
        if !changed.is_empty() {
            diff.changes.push((login_name, changed));
        }
    }
    Ok(diff)
}

fn load(
    engine: &Engine,
    options: &Arc<CatalogOptions>,
    name: &PolicyName,
    module: &Path,
) -> Result<Proved, UnitError> {
    let named = SinglePolicy {
        name: name.clone(),
        ..SinglePolicy::read(module, options)?
    };
    prove(engine, named.task(options))
}

/// Returns the logins of a version's policy tests.
fn logins_of(module: &Path, content: &Content) -> Result<Vec<(String, LoginSample)>, UnitError> {
    let paths = Paths::from_module(module.to_owned());
    let tests = content.tests.as_deref();
    let tests = tests.map(|tests| PolicyTests::parse(&paths.tests, tests));
    Ok(tests.transpose()?.unwrap_or_default().logins())
}

/// Decides a login by one policy, and applies the host's own rules to its permit.
fn outcome(
    policy: &Policy,
    login: &LoginSample,
    name: &PolicyName,
    options: &CatalogOptions,
    assertions: Option<&Assertions>,
) -> Outcome {
    let decide = || {
        policy
            .evaluate(Arc::clone(&login.request), options.clock.now() + DEADLINE)
            .with_key_values(&login.key_values)
            .run()
    };
    let permit = match decide_in_time(decide, is_late) {
        Ok(Verdict::Permit(permit)) => permit,
        Ok(Verdict::Abstain) => return Outcome::Abstained,
        Ok(Verdict::Deny(_)) | Err(_) => return Outcome::Denied,
    };
    let Some(assertions) = assertions else {
        let account = permit.account().to_string();
        return Outcome::Permitted(Box::new(HeldPermit {
            permit,
            account,
            filter: DenyFilter::Overlapping,
        }));
    };
    let reference = PolicyRef {
        name: name.clone(),
        digest: Digest::from_bytes([0; 32]),
        version: Digest::from_bytes([0; 32]),
        generation: 0,
    };
    assertions
        .hold(&login.request, Some(&reference), permit)
        .map_or(Outcome::Denied, |held| Outcome::Permitted(Box::new(held)))
}

/// Returns an example of `subject` that a login reaches, or why that cannot be told.
fn reached(now: &Outcome, subject: &PermissionSubject) -> Option<String> {
    let Outcome::Permitted(held) = now else {
        return None;
    };
    if let Some(role) = held.permit.role() {
        return Some(format!("what the template of role `{role}` allows"));
    }
    let told =
        |verb: &str, reached: Option<Reached>| reached.map(|reached| format!("{verb} {reached}"));
    let example = held.permissions().and_then(|permissions| {
        let reach = held.reach(&permissions);
        let mut work = WorkBudget::default();
        // A queue group means nothing for publishing.
        let published = match subject.queue() {
            None => reach.some_published(subject, &mut work)?,
            Some(_) => None,
        };
        let received = reach.some_received(subject, &mut WorkBudget::default())?;
        let replies = reach.replies_anywhere(&mut WorkBudget::default())?;
        let replies = replies.then(|| "may publish there as a reply (`responses`)".to_owned());
        Ok(told("may publish", published)
            .or_else(|| told("receives", received))
            .or(replies))
    });
    example.unwrap_or_else(|error| Some(format!("what cannot be compared: {error}")))
}
