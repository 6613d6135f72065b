//! The share of compilation in loading a policy.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use portcullis_core::PolicyName;
use portcullis_engine::{Engine, EngineOptions, Grants, Limits, Policy, Source, measure};
use portcullis_identity::PasswordVerifier;
use wasmtime::component::Component;

/// The number of measurements of each work.
const ROUNDS: usize = 15;

/// The duration of loading one policy, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loading {
    /// The whole duration.
    pub(crate) whole: f64,
    /// The duration of one of the two compilations.
    pub(crate) compilation: f64,
}

/// Loads `module` and compiles it repeatedly, in turns.
pub(crate) fn of_loading(module: &[u8]) -> Result<Loading> {
    let options = EngineOptions {
        max_concurrent: 8,
        code_cache: None,
    };
    let engine = Engine::new(options, Arc::new(PasswordVerifier::default()))?;
    let name: PolicyName = "measured".parse()?;
    let source = Source {
        name: &name,
        module,
        settings: SETTINGS,
    };
    let component = wit_component::ComponentEncoder::default()
        .module(module)?
        .encode()?;
    let (mut whole, mut compilation) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let began = Instant::now();
        drop(Policy::load(
            &engine,
            source,
            Limits::default(),
            Grants {
                plain_hashes: true,
                ..Grants::default()
            },
        )?);
        whole.push(began.elapsed());
        let began = Instant::now();
        let compiled = Component::from_binary(measure::wasmtime(&engine), &component);
        drop(compiled.map_err(|error| anyhow!("{error:#}"))?);
        compilation.push(began.elapsed());
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        let median = times.get(ROUNDS / 2).context("nothing was measured");
        median.map(|time| time.as_secs_f64() * 1e3)
    };
    Ok(Loading {
        whole: median(&mut whole)?,
        compilation: median(&mut compilation)?,
    })
}

const SETTINGS: &str = r#"{
    "dangerous-plain-text-passwords": true,
    "default-account": "APP",
    "profiles": { "sensor": { "publish": { "allow": ["sensors.>"] } } },
    "users": { "sensor": { "token": "plain:token", "profile": "sensor" } }
}"#;
