//! The child's side of a proof: confines itself, reads its task, proves it, and hands the result
//! over.

mod log;
mod output;
mod store;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::Builder;

use parking_lot::Mutex;
use portcullis_core::{KeyValues, PolicyName, SecretVerifier};
use portcullis_engine::{Engine, EngineError, EngineOptions, TransferKey};

use super::confine::{ChildLimits, confine};
use super::in_process;
use super::message::{self, Frame, FrameError, Job, Kind, Refusal, Report};
use super::task::Task;
use crate::content::Content;
use crate::languages::Texts;
use crate::options::CatalogOptions;
use crate::paths::Paths;
use crate::stop::Stop;
use crate::terms::PolicyGrants;
use crate::unit_error::UnitError;
use log::Forwarding;
use output::{Output, send};
use store::HostStore;

/// Stack size of the thread that proves the version, in bytes. It includes the stack of the policy.
const STACK: usize = 16 << 20;

/// The reason why a child failed. The parent sees only that the child ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChildError {
    /// Standard input does not contain a task.
    #[error(
        "standard input has no task: this verb is for the host, which starts it by itself ({0})"
    )]
    Task(String),
    /// The child cannot make an engine or a thread.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The parent is gone, or a system call fails.
    #[error("cannot prove a policy")]
    Io(#[from] io::Error),
}

impl From<FrameError> for ChildError {
    fn from(error: FrameError) -> Self {
        Self::Task(error.to_string())
    }
}

/// Confines this process permanently, reads one task from standard input, and writes the result to
/// standard output. A process that a [`ChildProver`](crate::ChildProver) has started calls this
/// first, while it has one thread.
///
/// `verifier` compares the passwords of policy tests. Any bucket may be granted; `key_values` says
/// so.
///
/// # Errors
///
/// Fails if standard input has no task, or if the parent is gone.
pub fn prove_for_parent(
    limits: ChildLimits,
    verifier: Arc<dyn SecretVerifier>,
    key_values: Arc<dyn KeyValues>,
) -> Result<(), ChildError> {
    let confinement = confine(&limits);
    let options = EngineOptions {
        max_concurrent: 1,
        code_cache: None,
    };
    let engine = Engine::new(options, verifier)?.with_key_values(key_values);
    let output = Arc::new(Mutex::new(io::stdout()));
    send(&output, |to| {
        message::say(to, Kind::Confinement, &confinement)
    })?;
    let thread = Builder::new()
        .name("portcullis-prove".to_owned())
        .stack_size(STACK);
    let worker = thread.spawn(move || answer(&engine, &output))?;
    match worker.join() {
        Ok(answered) => answered,
        Err(panic) => resume_unwind(panic),
    }
}

/// Reads the task, proves the version and reports the result.
fn answer(engine: &Engine, output: &Output) -> Result<(), ChildError> {
    let (job, task) = read_task(&mut io::stdin().lock())?;
    let key = TransferKey::from_text(&job.key);
    let key = key.ok_or_else(|| ChildError::Task("the key is none".to_owned()))?;
    // Fails if a subscriber is set already, which then receives the log lines.
    let _ = tracing::subscriber::set_global_default(Forwarding::new(&job.level, output));
    if job.caches {
        let key = TransferKey::from_text(&job.key);
        let key = key.ok_or_else(|| ChildError::Task("the key is none".to_owned()))?;
        engine.borrow_code(Arc::new(HostStore(Output::clone(output))), key);
    }
    let proof = in_process::here(engine, &task);
    let handed_over = proof.verdict.and_then(|(policy, outcomes)| {
        let code = policy.hand_over(&key);
        let failed = |error| UnitError::from_load(&task.paths, error);
        Ok((outcomes, code.map_err(failed)?))
    });
    let (verdict, code) = match handed_over {
        Ok((outcomes, code)) => (Ok(outcomes), Some(code)),
        Err(error) => (Err(Refusal::new(&error)), None),
    };
    let described =
        |described: Result<_, UnitError>| described.map_err(|error| Refusal::new(&error));
    let report = Report {
        description: proof.description.map(described),
        verdict,
    };
    send(output, |to| {
        message::say(to, Kind::Report, &report)?;
        match &code {
            Some(code) => message::write(to, Kind::Code, code),
            None => Ok(()),
        }
    })?;
    Ok(())
}

/// Reads the task, which is the host's first message.
pub(super) fn read_task(from: &mut impl Read) -> Result<(Job, Task), ChildError> {
    let job = Frame::expect(from, Kind::Job, "a task")?;
    let job: Job = message::parse(Kind::Job, &job)?;
    let module = Frame::expect(from, Kind::Module, "a module")?;
    let mut file = |is: bool, kind| is.then(|| Frame::expect(from, kind, "a file")).transpose();
    let settings = file(job.settings, Kind::Settings)?;
    let tests = file(job.tests, Kind::Tests)?;
    let mut policy_texts: Texts<Option<Vec<u8>>> = Default::default();
    for (text, follows) in policy_texts.iter_mut().zip(job.texts) {
        *text = file(follows, Kind::Text)?;
    }
    let name = job.name.parse();
    let name = name.map_err(|_| ChildError::Task("no policy has this name".to_owned()))?;
    let task = Task {
        paths: Paths::from_module((&job.module).into()),
        content: Arc::new(Content::new(module, settings, tests, policy_texts)),
        options: Arc::new(job.options(&name)),
        name,
        yields: job.yields,
        describes: job.describes,
        cancel: Stop::default(),
        seen: job.seen.clone(),
    };
    Ok((job, task))
}

impl Job {
    /// Returns catalog options with which [`crate::unit::prove`] proves this policy as the host
    /// would.
    fn options(&self, name: &PolicyName) -> CatalogOptions {
        let granted = PolicyGrants {
            grants: self.terms.grants.clone(),
            max_limits: Some(self.terms.max_limits),
        };
        CatalogOptions {
            limits: self.terms.limits,
            grants: BTreeMap::from([(name.clone(), granted)]),
            trusted_publishers: self.trusted_publishers.clone(),
            ..CatalogOptions::new("")
        }
    }
}

impl Refusal {
    fn new(error: &UnitError) -> Self {
        Self {
            file: error.file().display().to_string(),
            line: error.line(),
            problem: error.problem().to_string(),
            transient: error.is_transient(),
        }
    }
}
