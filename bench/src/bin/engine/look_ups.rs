//! Decisions that look up keys.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use portcullis_bench::Work;
use portcullis_core::{BucketName, FixedKeyValues, PolicyName, Verdict};
use portcullis_engine::{Engine, EngineOptions, Grants, Limits, Policy, Source};
use portcullis_identity::PasswordVerifier;
use portcullis_test_support::guest;

use crate::decisions::{DEADLINE, password_login};

pub(crate) const ONE: &str = "decide looks_up, one key of 10000";
pub(crate) const MANY: &str = "decide looks_up, 33 keys of 10000";

/// The number of keys in the bucket.
const KEYS: u32 = 10_000;

/// The guest that looks up keys: once, and with 32 earlier look-ups.
pub(crate) struct LookUps {
    one: Policy,
    many: Policy,
}

impl LookUps {
    /// Loads the guest.
    pub(crate) fn new() -> Result<Self> {
        let bucket: BucketName = "revoked".parse()?;
        let entries = (0..KEYS).map(|number| (format!("user-{number}"), "left in May"));
        let buckets = FixedKeyValues::default().with(&bucket, entries);
        let options = EngineOptions {
            max_concurrent: 64,
            ..EngineOptions::default()
        };
        let engine = Engine::new(options, Arc::new(PasswordVerifier::default()))?;
        let engine = engine.with_key_values(Arc::new(buckets));
        let module = guest("looks_up")?;
        let name: PolicyName = "looks-up".parse()?;
        let load = |before: usize| -> Result<Policy> {
            let settings = format!(r#"{{ "bucket": "{bucket}", "before": {before} }}"#);
            let source = Source {
                name: &name,
                module: &module,
                settings: &settings,
            };
            let grants = Grants {
                key_values: BTreeSet::from([bucket.clone()]),
                ..Grants::default()
            };
            Ok(Policy::load(&engine, source, Limits::default(), grants)?)
        };
        Ok(Self {
            one: load(0)?,
            many: load(32)?,
        })
    }

    pub(crate) fn works(&self) -> Result<[Work<'_>; 2]> {
        Ok([work(ONE, &self.one)?, work(MANY, &self.many)?])
    }
}

/// Measures one decision with a fresh instance.
fn work<'policy>(name: &str, policy: &'policy Policy) -> Result<Work<'policy>> {
    let request = Arc::new(password_login());
    let decide = move || {
        Ok(policy
            .evaluate(Arc::clone(&request), Instant::now() + DEADLINE)
            .run()?)
    };
    let verdict: Verdict = decide()?;
    let permitted = matches!(verdict, Verdict::Permit(_));
    ensure!(permitted, "{name}: {verdict:?}");
    Ok(Work::new(name, decide))
}
