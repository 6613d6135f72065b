//! Policy tests: logins that come with a policy, and the expected verdicts.
//!
//! `NAME.tests.toml` next to `NAME.wasm` lists them. They run before the policy is put in service,
//! on the bytes, settings, limits and engine that are to serve. If a test fails, the last good
//! version stays in service.

mod claims;
mod defaults;
mod described;
mod expectation;
mod format;
mod login;
mod permit_check;
mod pin;
mod place;
mod possible;
pub(crate) mod problem;
mod record;
mod schema;
mod update;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_core::{
    AuthorizationRequest, BucketName, DenyFilter, KeyValues, PolicyName, Verdict,
};
use portcullis_engine::{EvaluationError, Policy};
use portcullis_environment::Clock;
use serde::{Deserialize, Serialize};

use crate::access::WantedAccess;
use crate::assertions::LoginSample;
use crate::attempts::{decide_in_time, is_late};
use crate::lines::line_at;
use crate::unit_error::{UnitError, UnitProblem};
pub(crate) use claims::of_logins as make_claims_json;
pub(crate) use defaults::apply_to_logins as apply_login_defaults;
pub use described::{DescribedLogin, DescriptionProblem, describe};
use expectation::Expectation;
use format::TestFile;
pub(crate) use format::{Login, NOW, now, parse};
pub(crate) use login::{key_values, request};
pub use permit_check::{PermitCheck, PermittedLogin};
pub use pin::{PinError, PinnedTest, pin};
pub(crate) use place::{line_in_assertion, line_in_login};
pub(crate) use possible::is_possible;
pub use possible::{
    CertificateProblem, ConnectionProblem, Impossible, PresentedProblem, TimeClaim, TokenProblem,
};
use problem::{TestFileProblem, TestProblem};
pub use record::unrecorded;
pub use schema::tests_schema;
pub(crate) use schema::{add_defaults, schema_with_logins};
pub use update::{UpdateError, UpdatedTests, update_tests};

/// Maximum time of a test. The policy's own deadline applies too; the difference leaves room for
/// slow password hashes.
const DEADLINE: Duration = Duration::from_secs(30);
/// Maximum number of failed tests that a refusal describes, and of log lines for each.
const SHOWN: usize = 3;

/// Maximum number of measured decisions of one test.
const MAX_MEASURED: usize = 1_000_000;

/// The tests of one policy.
#[derive(Debug, Default)]
pub(crate) struct PolicyTests(Vec<PolicyTest>);

/// One login and its expected verdict.
#[derive(Debug)]
struct PolicyTest {
    name: String,
    line: usize,
    request: AuthorizationRequest,
    key_values: Arc<dyn KeyValues>,
    /// The buckets that the test names.
    buckets: Vec<BucketName>,
    expected: Expectation,
    access: WantedAccess,
    fuel: Option<u64>,
}

/// The outcome of one test.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct TestOutcome {
    /// The test's name.
    pub name: String,
    /// Line of the test in the file, counted from 1.
    pub line: usize,
    /// Fuel that the decision used: about one unit for an instruction, equal on every machine.
    pub fuel: u64,
    /// Size of the instance's memories after the decision, in bytes.
    pub memory: usize,
    /// The questions that the decision asked the host, each once, such as `identity.username` or
    /// `identity.claim(roles)`.
    pub asked: Vec<String>,
    /// The log lines of the decision, with levels, such as `warn: no such user`.
    pub log: Vec<String>,
    /// Doubts about the permit's permissions, for its author
    /// ([`portcullis_core::Permissions::doubts`]).
    pub doubts: Vec<String>,
    /// The login that a passing test permits. The host checks it against its own rules.
    pub permitted: Option<PermittedLogin>,
    /// The reason for a failure, in one line. `None` if the test passed.
    pub failure: Option<String>,
    /// The verdict, if it differs from the expected one. `None` if the decision failed, or if the
    /// verdict is not what failed.
    pub actual: Option<Verdict>,
    /// Whether the test may pass later, because it ran out of time.
    pub(crate) transient: bool,
}

impl PolicyTests {
    /// Reads a test file.
    pub(crate) fn parse(file: &Path, bytes: &[u8]) -> Result<Self, UnitError> {
        let wrong = |line, problem| {
            UnitError::new(file, UnitProblem::Tests(Box::new(problem))).at_line(line)
        };
        let text = std::str::from_utf8(bytes).map_err(|_| wrong(None, TestFileProblem::NotText))?;
        let tests = TestFile::parse(text).map_err(|(span, message)| {
            let line = span.map(|span| line_at(text, span.start));
            wrong(line, TestFileProblem::Format(message))
        })?;
        let tests = tests.tests.into_iter().enumerate().map(|(index, test)| {
            let line = line_at(text, test.name.span().start);
            let name = test.name.get_ref().clone();
            PolicyTest::new(test, line).map_err(|problem| {
                let place = place::line_in_test(text, index, &problem.place());
                let problem = TestFileProblem::Test { name, problem };
                wrong(place.or(Some(line)), problem)
            })
        });
        let tests = tests.collect::<Result<Vec<_>, _>>()?;
        for (index, test) in tests.iter().enumerate() {
            let mut before = tests.iter().take(index);
            if before.any(|other| other.name == test.name) {
                let problem = TestFileProblem::SameName(test.name.clone());
                return Err(wrong(Some(test.line), problem));
            }
        }
        Ok(Self(tests))
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the logins of the tests, with the tests' names.
    pub(crate) fn logins(&self) -> Vec<(String, LoginSample)> {
        let logins = self.0.iter().map(|test| {
            let login = LoginSample {
                request: Arc::new(test.request.clone()),
                key_values: Arc::clone(&test.key_values),
            };
            (test.name.clone(), login)
        });
        logins.collect()
    }

    /// Returns the buckets that the tests name.
    pub(crate) fn buckets(&self) -> impl Iterator<Item = &BucketName> {
        self.0.iter().flat_map(|test| &test.buckets)
    }

    /// Measures the decision of every test on `policy`, for `span` all together.
    pub(crate) fn measure(
        &self,
        policy: &Policy,
        span: Duration,
        clock: &dyn Clock,
    ) -> Vec<Vec<Duration>> {
        let tests = self.0.iter();
        let share = span / u32::try_from(self.len()).unwrap_or(u32::MAX).max(1);
        let measured = tests.map(|test| test.measure(policy, share, clock));
        measured.collect()
    }

    /// Runs every test on `policy`. Measures the fuel on `metered`, which is the same policy.
    pub(crate) fn run(
        &self,
        policy: &Policy,
        metered: &Policy,
        clock: &dyn Clock,
    ) -> Vec<TestOutcome> {
        let tests = self.0.iter();
        tests.map(|test| test.run(policy, metered, clock)).collect()
    }
}

impl TestOutcome {
    /// Marks a passing test as failed if the host would deny its login. The failure quotes that
    /// denial.
    pub(crate) fn hold_to(&mut self, check: &PermitCheck, policy: &PolicyName) {
        if let Some(login) = &self.permitted
            && let Err(denial) = check.check(policy, login)
        {
            let reason = denial.reason;
            self.failure = Some(format!("the host denies every such login: {reason}"));
        }
    }
}

impl PolicyTest {
    fn new(mut test: format::Test, line: usize) -> Result<Self, TestProblem> {
        let name = test.name.get_ref().clone();
        if name.trim().is_empty() {
            return Err(TestProblem::NoName);
        }
        let access = test.access().parse()?;
        let expected = Expectation::new(&mut test, !access.is_empty())?;
        let key_values = login::key_values(&mut test.login)?;
        let request = login::request(test.login, test.now)?;
        Ok(Self {
            name,
            line,
            request,
            buckets: key_values.named().cloned().collect(),
            key_values: Arc::new(key_values),
            expected,
            access,
            fuel: test.fuel,
        })
    }

    fn decide(
        &self,
        policy: &Policy,
        request: &Arc<AuthorizationRequest>,
        now: Instant,
    ) -> Result<Verdict, EvaluationError> {
        // The current content of the operator's buckets must not decide whether a policy is good.
        policy
            .evaluate(Arc::clone(request), now + DEADLINE)
            .with_key_values(&self.key_values)
            .run()
    }

    /// Returns the times of decisions on `policy`, made one after the other for `span`, at least
    /// one and at most [`MAX_MEASURED`].
    fn measure(&self, policy: &Policy, span: Duration, clock: &dyn Clock) -> Vec<Duration> {
        let request = Arc::new(self.request.clone());
        let end = clock.now() + span;
        let mut times = Vec::new();
        loop {
            let started = clock.now();
            // The tests have passed, so every verdict is the expected one.
            let _ = std::hint::black_box(self.decide(policy, &request, started));
            let ended = clock.now();
            times.push(ended.saturating_duration_since(started));
            if ended >= end || times.len() >= MAX_MEASURED {
                return times;
            }
        }
    }

    fn run(&self, policy: &Policy, metered: &Policy, clock: &dyn Clock) -> TestOutcome {
        let request = Arc::new(self.request.clone());
        let serve = || self.decide(policy, &request, clock.now());
        let fuel = self.fuel.unwrap_or(u64::MAX);
        let count = || {
            metered
                .evaluate(Arc::clone(&request), clock.now() + DEADLINE)
                .with_key_values(&self.key_values)
                .run_metered(fuel)
        };
        let served = decide_in_time(serve, is_late);
        let counted = decide_in_time(count, |counted| is_late(&counted.verdict));
        let transient = is_late(&served) || is_late(&counted.verdict);
        let permit = match &served {
            Ok(Verdict::Permit(permit)) => Some(permit.clone()),
            _ => None,
        };
        let doubts = permit.as_ref().map(|permit| permit.permissions().doubts());
        let verdict = served.as_ref().ok().cloned();
        let failure = self.expected.difference(served);
        let actual = verdict.filter(|_| failure.is_some());
        let failure = failure.or_else(|| self.expected.difference(counted.verdict));
        let failure = failure.or_else(|| {
            let permit = permit.as_ref()?;
            // A test has no server whose version the host knows.
            self.access.difference(permit, DenyFilter::Overlapping)
        });
        let permit = permit.filter(|_| failure.is_none());
        TestOutcome {
            name: self.name.clone(),
            line: self.line,
            fuel: counted.fuel,
            memory: counted.memory,
            asked: counted.asked,
            log: counted.log,
            doubts: doubts.unwrap_or_default(),
            permitted: permit.map(|permit| PermittedLogin {
                permit,
                server_version: self.request.server.version.clone(),
            }),
            failure,
            actual,
            transient,
        }
    }
}

/// Returns the error that failed tests result in. `None` if no test failed.
pub(crate) fn refusal(file: &Path, outcomes: &[TestOutcome]) -> Option<UnitError> {
    let failed: Vec<_> = outcomes
        .iter()
        .filter(|outcome| outcome.failure.is_some())
        .collect();
    let first = failed.first()?;
    let mut lines: Vec<_> = failed
        .iter()
        .take(SHOWN)
        .map(|outcome| {
            let failure = outcome.failure.as_deref().unwrap_or_default();
            format!("test `{}`: {failure}{}", outcome.name, logged(&outcome.log))
        })
        .collect();
    if let Some(more) = failed.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        lines.push(format!("{more} more failed"));
    }
    let problem = UnitProblem::TestsFailed {
        failures: lines.join("; "),
        transient: failed.iter().all(|outcome| outcome.transient),
    };
    Some(UnitError::new(file, problem).at_line(Some(first.line)))
}

/// Returns the last log lines of a failed test, as the end of a sentence.
fn logged(lines: &[String]) -> String {
    let hidden = lines.len().saturating_sub(SHOWN);
    let lines: Vec<_> = lines
        .iter()
        .skip(hidden)
        .map(|line| format!("`{line}`"))
        .collect();
    match (lines.is_empty(), hidden) {
        (true, _) => String::new(),
        (false, 0) => format!(", it logged {}", lines.join(", ")),
        (false, _) => format!(", it logged at last {}", lines.join(", ")),
    }
}

#[cfg(test)]
mod tests;
