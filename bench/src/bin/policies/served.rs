//! One size, in a process of its own: the cost of loading, and the decisions to measure.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use portcullis_bench::{Work, elsewhere};
use portcullis_catalog::{Catalog, CatalogOptions, Chain, Condition, Snapshot};
use portcullis_core::{
    Allowed, AuthorizationRequest, Client, Credentials, Identity, KeyKind, Outcome, PolicyName,
    PublicKey, Secret, Server,
};
use portcullis_engine::{Engine, EngineOptions, Grants};
use portcullis_identity::PasswordVerifier;
use serde::{Deserialize, Serialize};

use crate::directory;

/// The flag that starts this program as one of these processes. The directory and the number of
/// policies follow.
pub(crate) const FLAG: &str = "--serve";
/// The time in which an answer is useful.
const DEADLINE: Duration = Duration::from_secs(30);
/// The number of times that every policy of the directory is asked.
const WALKS: usize = 25;

/// The cost of loading a directory.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Loaded {
    /// The number of policies.
    pub(crate) policies: usize,
    /// The time until all policies serve, in seconds.
    pub(crate) seconds: f64,
    /// The time on all processors, in seconds.
    pub(crate) processor_seconds: f64,
    /// The resident memory before loading, in bytes.
    pub(crate) memory_before: f64,
    /// The resident memory after loading, in bytes.
    pub(crate) memory: f64,
    /// The time of a decision by the last policy, after all others abstained, in microseconds.
    pub(crate) walk: f64,
}

/// Starts a process for the policies in `directory`. The works have the same names and order for
/// every size.
pub(crate) fn start(directory: &Path, policies: usize) -> Result<(Loaded, Vec<Work<'static>>)> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(FLAG).arg(directory).arg(policies.to_string());
    let works = elsewhere::works_of(&mut command)?;
    let loaded = serde_json::from_slice(&std::fs::read(result(directory))?)?;
    Ok((loaded, works))
}

/// Loads the policies in `directory` and serves the works to the program that started this process.
pub(crate) fn serve(directory: &Path, policies: usize) -> Result<()> {
    let engine = Engine::new(
        EngineOptions {
            max_concurrent: 64,
            code_cache: None,
        },
        Arc::new(PasswordVerifier::default()),
    )?;
    let options = options(directory, policies)?;
    let (memory_before, used_before) = (resident()?, processor_seconds()?);
    let began = Instant::now();
    let (catalog, report) = Catalog::open(engine, options)?;
    let seconds = began.elapsed().as_secs_f64();
    let rejected: Vec<_> = report.rejections().collect();
    ensure!(rejected.is_empty(), "rejected: {rejected:?}");
    let (memory, used) = (resident()?, processor_seconds()?);

    let snapshot = catalog.snapshot();
    let last = policies.saturating_sub(1);
    let walk = Case::new(&snapshot, request(last, None), last)?;
    let loaded = Loaded {
        policies,
        seconds,
        processor_seconds: used - used_before,
        memory_before,
        memory,
        walk: walk.median()?,
    };
    std::fs::write(result(directory), serde_json::to_vec(&loaded)?)?;
    let first = Case::new(&snapshot, request(0, None), 0)?;
    let routed = request(last, Some(directory::issuer(last)));
    let routed = Case::new(&snapshot, routed, last)?;
    let mut works = [
        Work::new("first of the directory", || first.decide()),
        Work::new("behind the last chain", || routed.decide()),
    ];
    elsewhere::serve(&mut works)
}

fn result(directory: &Path) -> PathBuf {
    directory.join("loaded.json")
}

/// Returns the options of a catalog with every policy in the order of the directory, and each also
/// in a chain of its own.
fn options(directory: &Path, policies: usize) -> Result<CatalogOptions> {
    let mut options = CatalogOptions::new(directory);
    for number in 0..policies {
        let name: PolicyName = directory::name(number)?;
        options.order.push(name.clone());
        let grants = Grants {
            plain_hashes: true,
            ..Grants::default()
        };
        options.grants.insert(name.clone(), grants.into());
        options.chains.push(Chain {
            name: name.to_string(),
            logins: Condition {
                issuers: Allowed::only([directory::issuer(number)]).unwrap_or(Allowed::Any),
                ..Condition::ANY
            },
            policies: vec![name],
        });
    }
    Ok(options)
}

/// A login that a certain policy permits.
struct Case<'snapshot> {
    snapshot: &'snapshot Snapshot,
    request: Arc<AuthorizationRequest>,
}

impl<'snapshot> Case<'snapshot> {
    fn new(
        snapshot: &'snapshot Snapshot,
        request: AuthorizationRequest,
        policy: usize,
    ) -> Result<Self> {
        let request = Arc::new(request);
        let case = Self { snapshot, request };
        let decision = snapshot.decide(&case.request, Instant::now() + DEADLINE);
        let by = decision.policy.as_ref().map(|policy| &policy.name);
        let expected = directory::name(policy)?;
        let permitted = matches!(decision.outcome, Outcome::Permit(_));
        ensure!(
            permitted && by == Some(&expected),
            "`{expected}` does not decide: {decision:?}"
        );
        Ok(case)
    }

    fn decide(&self) -> Result<()> {
        let decision = self
            .snapshot
            .decide(&self.request, Instant::now() + DEADLINE);
        let permitted = matches!(decision.outcome, Outcome::Permit(_));
        ensure!(permitted, "not permitted: {decision:?}");
        Ok(())
    }

    /// Returns the median time of a decision, in microseconds.
    fn median(&self) -> Result<f64> {
        let mut times = Vec::with_capacity(WALKS);
        for _ in 0..WALKS {
            let began = Instant::now();
            self.decide()?;
            times.push(began.elapsed());
        }
        times.sort();
        let median = times.get(WALKS / 2).context("nothing was measured")?;
        Ok(median.as_secs_f64() * 1e6)
    }
}

/// Returns a login with the token of a policy, and optionally an issuer that vouches for it.
fn request(number: usize, issuer: Option<String>) -> AuthorizationRequest {
    let credentials = Credentials {
        token: Some(Secret::new(directory::token(number))),
        ..Credentials::default()
    };
    let identity = Identity {
        issuer,
        ..Identity::claimed(&credentials)
    };
    AuthorizationRequest {
        user_nkey: PublicKey::from_bytes(KeyKind::User, [7; PublicKey::LEN]),
        server: Server::new(PublicKey::from_bytes(KeyKind::Server, [7; PublicKey::LEN])),
        client: Client::default(),
        credentials,
        identity,
        received_at: 1_800_000_000,
    }
}

/// Returns the resident memory of this process, in bytes. Works on Linux with pages of 4 KiB.
fn resident() -> Result<f64> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages = statm.split_whitespace().nth(1).context("no such field")?;
    Ok(f64::from(pages.parse::<u32>()?) * 4096.0)
}

/// Returns the time that this process has used on all processors, in seconds. Works on Linux, which
/// counts in hundredths.
fn processor_seconds() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The name of the program may contain blanks, and ends with the last parenthesis.
    let (_, fields) = stat.rsplit_once(')').context("no such field")?;
    let mut hundredths = 0.0;
    for field in fields.split_whitespace().skip(11).take(2) {
        hundredths += f64::from(field.parse::<u32>()?);
    }
    Ok(hundredths / 100.0)
}
