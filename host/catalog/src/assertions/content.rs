//! The checked content of `assertions.toml`.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use portcullis_core::{AuthorizationRequest, KeyValues};

use super::format;
use super::problem::{AssertionsProblem, ClaimProblem};
use crate::access::WantedAccess;
use crate::lines::line_at;
use crate::policy_tests::problem::TestProblem;
use crate::policy_tests::{self, Login};
use crate::unit_error::{UnitError, UnitProblem};

/// The logins and the claims about them.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) logins: Vec<(String, LoginSample)>,
    pub(super) assertions: Vec<Assertion>,
}

/// A login of a file: the facts that a policy gets, and the buckets that it may look into.
#[derive(Clone, Debug)]
pub(crate) struct LoginSample {
    pub(crate) request: Arc<AuthorizationRequest>,
    pub(crate) key_values: Arc<dyn KeyValues>,
}

/// One assertion.
#[derive(Debug)]
pub(super) struct Assertion {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) claim: Claim,
}

/// What an assertion claims.
#[derive(Debug)]
pub(super) enum Claim {
    /// The host denies these logins.
    Denied { logins: Vec<String> },
    /// These logins are in the account, and reach what is stated.
    Access {
        logins: Vec<String>,
        account: Option<String>,
        access: WantedAccess,
    },
    /// No other login in the account reaches what is reserved.
    Only {
        logins: Vec<String>,
        account: Option<String>,
        reserved: WantedAccess,
    },
}

impl LoginSample {
    /// Returns the login that a file states, at the time `now`.
    pub(crate) fn new(mut login: Login, now: u64) -> Result<Self, TestProblem> {
        let key_values = policy_tests::key_values(&mut login)?;
        Ok(Self {
            request: Arc::new(policy_tests::request(login, now)?),
            key_values: Arc::new(key_values),
        })
    }
}

impl Content {
    pub(super) fn parse(file: &Path, bytes: &[u8]) -> Result<Self, UnitError> {
        let wrong = |line, problem| {
            UnitError::new(file, UnitProblem::Assertions(Box::new(problem))).at_line(line)
        };
        let text =
            std::str::from_utf8(bytes).map_err(|_| wrong(None, AssertionsProblem::NotText))?;
        let at = |position| line_at(text, position);
        let parsed = format::File::parse(text).map_err(|(span, message)| {
            let line = span.map(|span| at(span.start));
            wrong(line, AssertionsProblem::Format(message))
        })?;
        let now = parsed.now;
        let logins = parsed.logins.into_iter().map(|(name, login)| {
            let line = at(name.span().start);
            let name = name.into_inner();
            let sample = LoginSample::new(login, now).map_err(|problem| {
                let keys = problem.place();
                let keys = keys.get(1..).unwrap_or_default();
                let place = policy_tests::line_in_login(text, &name, keys);
                let name = name.clone();
                let problem = AssertionsProblem::Login { name, problem };
                wrong(place.or(Some(line)), problem)
            })?;
            Ok((name, sample))
        });
        let logins: Vec<_> = logins.collect::<Result<_, _>>()?;
        let mut names = BTreeSet::new();
        let assertions = parsed.assertions.iter().enumerate();
        let assertions = assertions.map(|(index, assertion)| {
            let line = at(assertion.name.span().start);
            let name = assertion.name.get_ref().clone();
            let is_new = names.insert(name.clone());
            let claim = Claim::new(assertion, is_new, &logins).map_err(|problem| {
                let key = problem.key();
                let place =
                    key.and_then(|key| policy_tests::line_in_assertion(text, index, &[key]));
                let name = name.clone();
                let problem = AssertionsProblem::Assertion { name, problem };
                wrong(place.or(Some(line)), problem)
            })?;
            Ok(Assertion { name, line, claim })
        });
        let assertions = assertions.collect::<Result<_, UnitError>>()?;
        Ok(Self { logins, assertions })
    }
}

impl Claim {
    /// Returns the claim of an assertion about logins that are `known`. `is_new` says whether no
    /// assertion before it has its name.
    fn new(
        assertion: &format::Assertion,
        is_new: bool,
        known: &[(String, LoginSample)],
    ) -> Result<Self, ClaimProblem> {
        if assertion.name.get_ref().trim().is_empty() {
            return Err(ClaimProblem::NoName);
        }
        if !is_new {
            return Err(ClaimProblem::SameName);
        }
        let listed = assertion.logins.iter().chain(&assertion.only).flatten();
        let is_unknown = |name: &&String| !known.iter().any(|(known, _)| known == *name);
        if let Some(unknown) = listed.into_iter().find(is_unknown) {
            return Err(ClaimProblem::UnknownLogin(unknown.clone()));
        }
        // Names a mistake under the key that has it.
        let access = assertion.access().parse()?;
        let account = assertion.account.clone();
        match (&assertion.logins, &assertion.only) {
            (None, Some(logins)) => {
                let reserved = assertion.reserved()?.parse()?;
                if reserved.is_empty() {
                    return Err(ClaimProblem::ReservesNothing);
                }
                Ok(Self::Only {
                    logins: logins.clone(),
                    account,
                    reserved,
                })
            }
            (Some(logins), None) if !logins.is_empty() => {
                let logins = logins.clone();
                let states_access = account.is_some() || !access.is_empty();
                match (assertion.denied, states_access) {
                    (true, false) => Ok(Self::Denied { logins }),
                    (false, true) => Ok(Self::Access {
                        logins,
                        account,
                        access,
                    }),
                    (true, true) => Err(ClaimProblem::DeniedWithAccess),
                    (false, false) => Err(ClaimProblem::ClaimsNothing),
                }
            }
            _ => Err(ClaimProblem::Logins),
        }
    }
}
