//! The abuse corpus: any misbehaviour of a policy ends in a denial of its own logins, in time, and
//! does not affect other policies.

use std::process::Command;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use portcullis_core::{AuthorizationRequest, Blame, Verdict};
use portcullis_engine::{Engine, EvaluationError, Grants, Limits, LoadError, Policy};
use portcullis_test_policies::{engine, guest, load_with, request};
use portcullis_test_support::Gauge;

mod corpus;
mod neighbour;
mod wat;

use corpus::{Case, End, HURRIED, corpus};
use wat::Source;

impl Case {
    fn load(&self, engine: &Engine, limits: Limits) -> Result<Policy, LoadError> {
        load_with(engine, &self.build(), "{}", limits, Grants::default())
    }
}

/// An engine with all misbehaving policies that can be loaded, and a well-behaved one.
struct Service {
    neighbour: Policy,
    /// The misbehaving policies, with a short deadline for each decision.
    abusers: Vec<Abuser>,
}

struct Abuser {
    name: &'static str,
    policy: Policy,
    request: Arc<AuthorizationRequest>,
}

impl Service {
    fn start() -> Self {
        let engine = engine();
        let limits = Limits {
            deadline: HURRIED,
            ..Limits::default()
        };
        let grants = Grants::default();
        let load = |case: &Case| Abuser {
            name: case.name,
            policy: case.load(&engine, limits).unwrap(),
            request: case.request(),
        };
        Self {
            neighbour: load_with(&engine, &guest("counts"), "{}", Limits::default(), grants)
                .unwrap(),
            abusers: corpus()
                .iter()
                .filter(|case| !matches!(case.end, End::Refused(_)))
                .map(load)
                .collect(),
        }
    }

    /// Returns the abuser that others are compared with.
    fn spinner(&self) -> &Abuser {
        self.abusers
            .iter()
            .find(|abuser| abuser.name == "spins")
            .unwrap()
    }
}

impl Abuser {
    fn run(&self) -> Duration {
        let before = Instant::now();
        let _outcome = decide(&self.policy, &self.request);
        before.elapsed()
    }
}

/// The shared service: loading it takes longer than the tests.
static SERVICE: LazyLock<Service> = LazyLock::new(Service::start);

/// Decides with no deadline other than the policy's own.
fn decide(
    policy: &Policy,
    request: &Arc<AuthorizationRequest>,
) -> Result<Verdict, EvaluationError> {
    policy
        .evaluate(
            Arc::clone(request),
            Instant::now() + Duration::from_mins(10),
        )
        .run()
}

/// Returns what is wrong with the end of a case; `None` if it is the expected one.
fn misjudged(case: &Case, engine: &Engine) -> Option<String> {
    let policy = match (case.load(engine, case.limits()), case.end) {
        (Err(error), End::Refused(part)) => {
            let text = error.to_string();
            let host = matches!(error, LoadError::HostPanic);
            let fine = text.contains(part) && !text.contains('\n') && !host;
            return (!fine).then(|| format!("refused with `{text}`"));
        }
        (Err(error), _) => return Some(format!("refused: {error}")),
        (Ok(_), End::Refused(_)) => return Some("put in service".to_owned()),
        (Ok(policy), _) => policy,
    };
    match (decide(&policy, &case.request()), case.end) {
        (Ok(_), End::Stands) => None,
        (Err(error), End::Denied(class, part)) => {
            let text = error.to_string();
            let fine = error.class() == class
                && class.blame() == Some(Blame::Guest)
                && text.contains(part)
                && !text.contains('\n');
            (!fine).then(|| format!("`{}`: {text}", error.class()))
        }
        (other, _) => Some(format!("{other:?}")),
    }
}

#[test]
fn every_abuse_ends_in_its_own_way() {
    let engine = engine();
    let misjudged: Vec<_> = corpus()
        .iter()
        .filter_map(|case| {
            let found = misjudged(case, &engine)?;
            Some(format!("{}: expected {:?}, {found}", case.name, case.end))
        })
        .collect();
    assert!(misjudged.is_empty(), "{}", misjudged.join("\n"));
}

#[test]
fn what_the_abuses_are_made_of_is_harmless() {
    let policy = load_with(
        &engine(),
        &Source::HARMLESS.build(),
        "{}",
        Limits::default(),
        Grants::default(),
    );
    assert_eq!(decide(&policy.unwrap(), &request()), Ok(Verdict::Abstain));
}

/// Compares each abuser with one that only spins, because the time until a runaway policy stops
/// depends on the machine. The comparison includes policies that make the host work, because a call
/// into the host is not interrupted.
#[test]
fn no_abuse_lasts_longer_than_its_deadline() {
    /// The interval of the engine's clock.
    const TICK: Duration = Duration::from_millis(5);
    /// The maximum number of attempts. A policy that stops in time needs few of them, because even
    /// a busy machine has quiet moments.
    const ROUNDS: u32 = 50;
    let spinner = SERVICE.spinner();
    for abuser in &SERVICE.abusers {
        let (mut best, mut spinning) = (Duration::MAX, Duration::ZERO);
        let is_in_time = (0..ROUNDS).any(|_| {
            best = best.min(abuser.run());
            spinning = spinning.max(spinner.run());
            best <= spinning + 2 * TICK
        });
        assert!(spinning >= HURRIED, "{spinning:?}");
        assert!(
            is_in_time,
            "{}: {best:?} at best, where spinning took {spinning:?}",
            abuser.name
        );
    }
}

#[test]
fn nothing_differs_between_two_engines() {
    let verdict = || {
        let grants = Grants::default();
        let module = guest("seeks_randomness");
        let policy = load_with(&engine(), &module, "{}", Limits::default(), grants).unwrap();
        let verdicts = [(); 3].map(|()| decide(&policy, &request()).unwrap());
        assert!(verdicts.iter().all(|verdict| *verdict == verdicts[0]));
        verdicts[0].clone()
    };
    let (one, other) = (verdict(), verdict());
    assert_eq!(one, other);
    let Verdict::Deny(found) = one else {
        panic!("{one:?}")
    };
    let canonical = "nans [7ff8000000000000, 7ff8000000000000, 7ff8000000000000] 7fc00000";
    assert!(found.contains(canonical), "{found}");
}

/// The variable that marks the process of this test alone: other tests would take memory too.
const ALONE: &str = "PORTCULLIS_TEST_ALONE";

#[test]
fn memory_returns_to_where_it_was() {
    if std::env::var_os(ALONE).is_some() {
        return every_abuse_over_and_over();
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "abuse::memory_returns_to_where_it_was"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
}

fn every_abuse_over_and_over() {
    /// The first rounds fill slots of the pool, caches and the allocator's reserves, which stay
    /// allocated.
    const WARM_UP: u32 = 5;
    const ROUNDS: u32 = 50;
    /// The memory of one policy. One leaked page in every decision would be more than twice that.
    const BOUND: u64 = 16 << 10;
    let service = Service::start();
    let round = || {
        for abuser in &service.abusers {
            abuser.run();
        }
    };
    let held = || Gauge::of(std::process::id()).unwrap().memory;
    (0..WARM_UP).for_each(|_| round());
    let before = held();
    (0..ROUNDS).for_each(|_| round());
    let after = held();
    assert!(
        after <= before + BOUND,
        "{before} KiB before, {after} KiB after"
    );
}
