//! A service without connections, in front of a catalog of policies.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use bytes::Bytes;
use portcullis_bench::Work;
use portcullis_callout::measure::Handling;
use portcullis_callout::{
    Ceilings, DenyModes, Expiry, Issuers, ServiceOptions, TargetAccounts, ThrottleOptions,
    TrustedServers,
};
use portcullis_catalog::{Catalog, CatalogOptions};
use portcullis_claims::IssuerKey;
use portcullis_core::Outcome;
use portcullis_engine::{Engine, EngineOptions};
use portcullis_identity::{Identifier, PasswordVerifier};
use tokio::runtime::Runtime;

use crate::requests::{USER, signed};

/// More than are ever asked: each is new, as hosts refuse what comes twice.
const REQUESTS: usize = 80_000;

/// Requests, and who handles them.
pub(crate) struct Handled {
    name: String,
    runtime: Runtime,
    handling: Handling<Catalog>,
    requests: RefCell<std::vec::IntoIter<Bytes>>,
}

impl Handled {
    /// A chain of so many policies made of `module`, which is `static-users`. The last of them decides, the others do not know the
    /// user.
    pub(crate) fn new(module: &[u8], policies: usize) -> Result<Self> {
        let issuer = IssuerKey::from_seed(IssuerKey::generate_seed()?.expose())?;
        let requests = signed(issuer.public_key(), REQUESTS)?;
        let catalog = catalog(module, policies)?;
        Ok(Self {
            name: match policies {
                1 => "handle, static-users".to_owned(),
                more => format!("handle, a chain of {more}"),
            },
            runtime: Runtime::new()?,
            handling: Handling::new(catalog, options(issuer)),
            requests: RefCell::new(requests.into_iter()),
        })
    }

    /// Answers one request after the other.
    pub(crate) fn work(&self) -> Work<'_> {
        Work::new(&self.name, || self.handle())
    }

    /// Answers one request after the other, and tells how long one step of it takes.
    pub(crate) fn step(&self, step: Step) -> Work<'_> {
        let name = format!("of this, {step}");
        Work::of_batches(name, move |calls| {
            let mut took = Duration::ZERO;
            for _ in 0..calls {
                let began = Instant::now();
                let [opened, decided, sealed] = self.handle()?;
                took += match step {
                    Step::Open => opened - began,
                    Step::Decide => decided - opened,
                    Step::Seal => sealed - decided,
                };
            }
            Ok(took)
        })
    }

    fn handle(&self) -> Result<[Instant; 3]> {
        let request = self.requests.borrow_mut().next();
        let request = request.context("no requests are left")?;
        let handled = self.runtime.block_on(self.handling.handle(&request, None));
        let (response, decision, times) = handled.map_err(|error| anyhow!(error))?;
        let permitted = matches!(decision.outcome, Outcome::Permit(_));
        ensure!(
            permitted && response.is_some(),
            "not permitted: {decision:?}"
        );
        Ok(times)
    }
}

/// A part of what is done with a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// Decode and verify the request.
    Open,
    /// Identify who asks and have the policies decide, on another thread.
    Decide,
    /// Make, sign and check the user JWT and the response.
    Seal,
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Open => "open",
            Self::Decide => "identify and decide",
            Self::Seal => "seal",
        })
    }
}

fn catalog(module: &[u8], policies: usize) -> Result<Catalog> {
    let directory = tempfile::tempdir()?;
    for number in 0..policies {
        let file = |extension: &str| directory.path().join(format!("p{number}.{extension}"));
        let [user, password] = match number + 1 {
            last if last == policies => USER,
            _ => ["nobody", "nobody's"],
        };
        std::fs::write(file("wasm"), module)?;
        std::fs::write(file("toml"), settings(user, password))?;
    }
    let options = EngineOptions {
        max_concurrent: 64,
        code_cache: None,
    };
    let engine = Engine::new(options, Arc::new(PasswordVerifier::default()))?;
    let (catalog, report) = Catalog::open(engine, CatalogOptions::new(directory.path()))?;
    let rejected: Vec<_> = report.rejections().collect();
    ensure!(rejected.is_empty(), "rejected: {rejected:?}");
    Ok(catalog)
}

/// Plain text, so that no slow hash is part of it, and four permissions.
fn settings(user: &str, password: &str) -> String {
    format!(
        "[settings]\n\
         dangerous-plain-text-passwords = true\n\
         unknown-users = \"abstain\"\n\
         default-account = \"APP\"\n\
         [settings.profiles.staff]\n\
         publish = {{ allow = [\"orders.>\", \"returns.>\"] }}\n\
         subscribe = {{ allow = [\"_INBOX.>\", \"orders.>\"] }}\n\
         [settings.users.{user}]\n\
         password = \"plain:{password}\"\n\
         profile = \"staff\"\n"
    )
}

fn options(issuer: IssuerKey) -> ServiceOptions {
    ServiceOptions {
        issuers: Issuers::Config(issuer),
        xkey: None,
        trusted_servers: TrustedServers::default(),
        refuse_replays: true,
        identifier: Identifier::default(),
        throttle: ThrottleOptions::default(),
        accounts: TargetAccounts::new(["APP".to_owned()], ["AUTH".to_owned()]),
        ceilings: Ceilings::default(),
        account: "AUTH".to_owned(),
        queue_group: "q".to_owned(),
        max_in_flight: 64,
        deadline: Duration::from_secs(2),
        clock_skew: Duration::from_secs(5),
        expiry: Expiry::default(),
        deny: DenyModes::default(),
        discovery: None,
        drain_timeout: Duration::from_secs(1),
    }
}
