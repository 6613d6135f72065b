//! A service without connections, in front of a catalog of policies.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use bytes::Bytes;
use portcullis_authority::{AuthorityOptions, Issuers, PermitRules, TargetAccounts};
use portcullis_bench::{Issuer, Work};
use portcullis_callout::measure::{self, Handling};
use portcullis_callout::{HostKeys, OpenRules, ServiceOptions, TimeLimits};
use portcullis_catalog::{Catalog, CatalogOptions};
use portcullis_claims::IssuerKey;
use portcullis_core::{Allowed, Outcome};
use portcullis_engine::{Engine, EngineOptions, Grants};
use portcullis_identity::{
    Identifier, IdentifierOptions, IssuerOptions, KeySource, PasswordVerifier, TokenVerifier,
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::requests::{password, signed, token};
use crate::settings;

/// More requests than any run takes. Each is new, because hosts reject repeated requests.
const REQUESTS: usize = 80_000;

/// A supply of requests, and the service that handles them.
pub(crate) struct Handled {
    name: String,
    runtime: Runtime,
    handling: Handling<Catalog>,
    requests: RefCell<std::vec::IntoIter<Bytes>>,
    /// The answered requests. They are kept because releasing them is not a part of handling a
    /// request.
    answered: RefCell<Vec<Bytes>>,
    /// The directory of the provider's keys, which are read again while requests are handled.
    _keys: Option<TempDir>,
}

impl Handled {
    /// Creates a chain of `policies` policies made of `module`, which is `static-users`. The last
    /// one decides; the others do not know the user.
    pub(crate) fn users(module: &[u8], policies: usize) -> Result<Self> {
        let name = match policies {
            1 => "static-users".to_owned(),
            more => format!("a chain of {more}"),
        };
        let catalog = settings::of_users(policies);
        Self::new(name, module, &catalog, &password(), Identifier::default())
    }

    /// Creates `oidc-roles` from `module`, and logins with tokens of a provider whose keys are in a
    /// file.
    pub(crate) fn roles(module: &[u8]) -> Result<Self> {
        let issuer = Issuer::generate()?;
        let folder = tempfile::tempdir()?;
        let keys = folder.path().join("keys.json");
        std::fs::write(&keys, issuer.keys())?;
        let options = IssuerOptions {
            audiences: Allowed::only([Issuer::AUDIENCE.to_owned()]).unwrap_or(Allowed::Any),
            keys: KeySource::File(keys),
            ..IssuerOptions::new("company", Issuer::NAME)
        };
        let identifier = Identifier::new(IdentifierOptions {
            tokens: Some(Arc::new(TokenVerifier::new(vec![options])?)),
            ..IdentifierOptions::default()
        });
        let connect = token(&issuer.token(&[settings::ROLE])?);
        let settings = [settings::of_roles()];
        let name = "oidc-roles".to_owned();
        Ok(Self {
            _keys: Some(folder),
            ..Self::new(name, module, &settings, &connect, identifier)?
        })
    }

    /// Creates policies from `module` with these settings, and requests of clients with these
    /// CONNECT options.
    fn new(
        name: String,
        module: &[u8],
        settings: &[String],
        connect: &Value,
        identifier: Identifier,
    ) -> Result<Self> {
        let issuer = IssuerKey::from_seed(IssuerKey::generate_seed()?.expose())?;
        let requests = signed(issuer.public_key(), connect, REQUESTS)?;
        let catalog = catalog(module, settings)?;
        Ok(Self {
            name,
            runtime: Runtime::new()?,
            handling: Handling::new(catalog, options(issuer, identifier)?),
            requests: RefCell::new(requests.into_iter()),
            answered: RefCell::new(Vec::with_capacity(REQUESTS)),
            _keys: None,
        })
    }

    /// Measures the handling of one request after the other.
    pub(crate) fn work(&self) -> Work<'_> {
        Work::new(format!("handle, {}", self.name), || self.handle())
    }

    /// Measures one step of the handling of one request after the other.
    pub(crate) fn step(&self, step: Step) -> Work<'_> {
        let name = format!("of {}, {step}", self.name);
        Work::of_batches(name, move |calls| {
            let mut took = Duration::ZERO;
            for _ in 0..calls {
                let began = Instant::now();
                let handled = self.handle()?;
                took += match step {
                    Step::Open => handled.opened_at - began,
                    Step::Decide => handled.decided_at - handled.opened_at,
                    Step::Seal => handled.sealed_at - handled.decided_at,
                };
            }
            Ok(took)
        })
    }

    fn handle(&self) -> Result<measure::Handled> {
        let request = self.requests.borrow_mut().next();
        let request = request.context("no requests are left")?;
        let handled = self.runtime.block_on(self.handling.handle(&request, None));
        let handled = handled.map_err(|error| anyhow!(error))?;
        let permitted = matches!(handled.decision.outcome, Outcome::Permit(_));
        ensure!(
            permitted && handled.response.is_some(),
            "not permitted: {:?}",
            handled.decision
        );
        self.answered.borrow_mut().push(request);
        Ok(handled)
    }
}

/// A step of handling a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// Decoding and verification of the request.
    Open,
    /// Identification of the client, including the verification of a token, and the decision of the
    /// policies.
    Decide,
    /// Creation, signature and check of the user JWT and the response.
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

fn catalog(module: &[u8], settings: &[String]) -> Result<Catalog> {
    let directory = tempfile::tempdir()?;
    for (number, settings) in settings.iter().enumerate() {
        let file = |extension: &str| directory.path().join(format!("p{number}.{extension}"));
        std::fs::write(file("wasm"), module)?;
        std::fs::write(file("toml"), settings)?;
    }
    let options = EngineOptions {
        max_concurrent: 64,
        code_cache: None,
    };
    let engine = Engine::new(options, Arc::new(PasswordVerifier::default()))?;
    let granted = (0..settings.len()).map(|number| {
        let grants = Grants {
            plain_hashes: true,
            ..Grants::default()
        };
        Ok((format!("p{number}").parse()?, grants.into()))
    });
    let options = CatalogOptions {
        grants: granted.collect::<Result<_>>()?,
        ..CatalogOptions::new(directory.path())
    };
    let (catalog, report) = Catalog::open(engine, options)?;
    let rejected: Vec<_> = report.rejections().collect();
    ensure!(rejected.is_empty(), "rejected: {rejected:?}");
    Ok(catalog)
}

fn options(issuer: IssuerKey, identifier: Identifier) -> Result<ServiceOptions> {
    let rules = PermitRules {
        accounts: TargetAccounts::Only(BTreeSet::from(["APP".parse()?])),
        ..PermitRules::default()
    };
    let keys = HostKeys::new(Issuers::Config(issuer));
    Ok(ServiceOptions {
        open: OpenRules {
            // All requests are made before the first one is handled.
            clock_skew: Duration::from_hours(1),
            ..OpenRules::default()
        },
        authority: AuthorityOptions {
            identifier,
            max_in_flight: 64,
            ..AuthorityOptions::new(rules)
        },
        times: TimeLimits {
            deadline: Duration::from_secs(2),
            ..TimeLimits::default()
        },
        ..ServiceOptions::new(keys, PermitRules::default(), "AUTH".parse()?)
    })
}
