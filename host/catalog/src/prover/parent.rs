//! The host's side of a proof: gives a child its task, reads its answer, and takes the policy over.

use std::io::{self, Write};
use std::process::ChildStdin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::Builder;

use portcullis_core::PolicyName;
use portcullis_engine::{CodeName, Engine, Policy, TransferKey};
use tracing::level_filters::LevelFilter;

use super::choice::{ChildProver, Said};
use super::failure::ChildFailure;
use super::hearing::{Answer, Listener, hear};
use super::message::{self, Confinement, FrameError, Job, Kind, Line, Refusal};
use super::process::{Pipes, Process};
use super::task::{GLANCE, Proof, Task};
use crate::paths::Paths;
use crate::unit_error::{UnitError, UnitProblem};

/// Lets `process` prove a version. Kills the process if it takes too long, or if the host stops.
pub(super) fn prove(
    prover: &ChildProver,
    mut process: Process,
    engine: &Engine,
    task: &Task,
) -> Result<Proof, UnitError> {
    let failed = |problem| UnitError::new(&task.paths.module, problem);
    let no_random = || {
        failed(UnitProblem::Child(ChildFailure::Ended(
            ": no random bytes to be had".to_owned(),
        )))
    };
    let key = TransferKey::random().ok_or_else(no_random)?;
    let key = Arc::new(key);
    let conversation = Conversation {
        said: Arc::clone(&prover.said),
        engine: engine.clone(),
        task: task.clone(),
        key: Arc::clone(&key),
    };
    let answer = conversation.hold(&mut process).map_err(failed)?;
    drop(process);
    Ok(taken_over(engine, task, &key, answer))
}

/// The state of a conversation with a child.
struct Conversation {
    said: Arc<Said>,
    engine: Engine,
    task: Task,
    key: Arc<TransferKey>,
}

impl Conversation {
    /// Talks to the child on a new thread, so that this thread can give the child up.
    fn hold(self, process: &mut Process) -> Result<Answer, UnitProblem> {
        let pipes = process.pipes();
        let pipes = pipes.ok_or_else(|| UnitProblem::Child(ChildFailure::Ended(String::new())))?;
        let task = self.task.clone();
        let limit = task.options.load_timeout;
        let (sender, receiver) = channel();
        let thread = Builder::new().name("portcullis-child".to_owned());
        let conversation = move || {
            // If this thread gave the child up, the receiver is gone.
            let _ = sender.send(self.talk(pipes));
        };
        thread.spawn(conversation).map_err(UnitProblem::NoThread)?;
        let clock = &*task.options.clock;
        let started = clock.now();
        loop {
            let left = limit.saturating_sub(clock.elapsed(started));
            match receiver.recv_timeout(GLANCE.min(left)) {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(FrameError::Ended | FrameError::Io(_))) => {
                    return Err(UnitProblem::Child(process.failure()));
                }
                Ok(Err(error)) => return Err(nonsense(&error.to_string())),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(nonsense("the host failed while it listened"));
                }
                Err(RecvTimeoutError::Timeout) if task.is_stopped() => {
                    return Err(UnitProblem::Stopped);
                }
                Err(RecvTimeoutError::Timeout) if left.is_zero() => {
                    return Err(UnitProblem::TooSlow { limit });
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Gives the child its task and reads its messages.
    fn talk(self, pipes: Pipes) -> Result<Answer, FrameError> {
        let Pipes { stdin, mut stdout } = pipes;
        let mut talk = Talk {
            conversation: self,
            to: stdin,
        };
        hear(&mut stdout, &mut talk)
    }

    fn give_task(&self, to: &mut impl Write) -> io::Result<()> {
        let (task, content) = (&self.task, &self.task.content);
        let job = Job {
            name: task.name.to_string(),
            module: task.paths.module.display().to_string(),
            terms: task.terms(),
            trusted_publishers: task.options.trusted_publishers.clone(),
            yields: task.yields,
            describes: task.describes,
            key: self.key.to_text(),
            level: LevelFilter::current().to_string(),
            caches: self.engine.code_cache_counts().is_some(),
            settings: content.settings.is_some(),
            tests: content.tests.is_some(),
            texts: content.texts.each_ref().map(Option::is_some),
            seen: task.seen.clone(),
        };
        message::say(to, Kind::Job, &job)?;
        message::write_files(to, content)?;
        to.flush()
    }
}

/// A conversation, and the pipe to the child.
struct Talk {
    conversation: Conversation,
    to: ChildStdin,
}

impl Listener for Talk {
    fn begin(&mut self, confinement: &Confinement) -> io::Result<()> {
        say_once(&self.conversation.said, confinement);
        self.conversation.give_task(&mut self.to)
    }

    fn log(&mut self, line: &Line) {
        log(&self.conversation.task.name, line);
    }

    fn lend(&mut self, name: &[u8]) -> io::Result<()> {
        let Conversation {
            task, engine, key, ..
        } = &self.conversation;
        let module = task.content.fingerprint.module.as_bytes();
        let code =
            CodeName::from_bytes(name).and_then(|(name, _)| engine.lend_code(module, &name, key));
        match code {
            Some(code) => message::write(&mut self.to, Kind::Found, &code)?,
            None => message::write(&mut self.to, Kind::Absent, &[])?,
        }
        self.to.flush()
    }

    /// Stores code for later proofs. Faulty code harms only the same module, in a child.
    fn take_back(&mut self, named: &[u8]) {
        let Conversation { task, engine, .. } = &self.conversation;
        let module = task.content.fingerprint.module.as_bytes();
        if let Some((name, code)) = CodeName::from_bytes(named) {
            engine.take_code_back(module, &name, code);
        }
    }
}

/// Converts an answer to the result that a proof in this process would have.
fn taken_over(engine: &Engine, task: &Task, key: &TransferKey, answer: Answer) -> Proof {
    let paths = &task.paths;
    let description = answer
        .report
        .description
        .map(|described| described.map_err(|refusal| refusal.error(paths)));
    let verdict = match (answer.report.verdict, answer.code) {
        (Err(refusal), _) => Err(refusal.error(paths)),
        (Ok(outcomes), Some(code)) => {
            take_over(engine, task, key, &code).map(|policy| (policy, outcomes))
        }
        (Ok(_), None) => Err(UnitError::new(
            &paths.module,
            nonsense("the policy is missing"),
        )),
    };
    Proof {
        description,
        verdict,
    }
}

fn take_over(
    engine: &Engine,
    task: &Task,
    key: &TransferKey,
    code: &[u8],
) -> Result<Policy, UnitError> {
    Policy::take_over(engine, &task.name, key, code)
        .map_err(|error| UnitError::from_load(&task.paths, error))
}

pub(super) fn nonsense(what: &str) -> UnitProblem {
    let what: String = printable(what).chars().take(300).collect();
    UnitProblem::Child(ChildFailure::Nonsense(what))
}

/// Returns the text of a child without control characters. Errors are one line, and terminals show
/// them.
fn printable(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// Logs the confinement of children once.
fn say_once(said: &Said, confinement: &Confinement) {
    if said.confinement.swap(true, Ordering::Relaxed) {
        return;
    }
    let Confinement {
        limits,
        files,
        calls,
        whole,
    } = confinement;
    let message = "policies are proved in child processes";
    if *whole {
        tracing::info!(
            child.limits = limits,
            child.files = files,
            child.calls = calls,
            "{message}"
        );
    } else {
        tracing::warn!(
            child.limits = limits,
            child.files = files,
            child.calls = calls,
            "{message}"
        );
    }
}

/// Logs a line of the child's log.
pub(super) fn log(name: &PolicyName, line: &Line) {
    let field = |name: &str| {
        let mut fields = line.fields.iter();
        fields
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    };
    let (guest, error) = (field("guest.message"), field("error"));
    let configure_us = field("policy.configure_us").and_then(|text| text.parse::<u64>().ok());
    let asked = field("policy.asked");
    let dropped = field("policy.dropped_lines").and_then(|text| text.parse::<u64>().ok());
    // A log filter treats the line as if the host had written it.
    macro_rules! repeat {
        ($target:literal, $level:ident) => {
            tracing::$level!(
                target: $target,
                {
                    policy.name = %name,
                    policy.configure_us = configure_us,
                    policy.asked = asked,
                    policy.dropped_lines = dropped,
                    guest.message = guest,
                    error = error
                },
                "{}",
                line.message
            )
        };
        ($target:literal) => {
            match line.level.as_str() {
                "ERROR" => repeat!($target, error),
                "WARN" => repeat!($target, warn),
                "INFO" => repeat!($target, info),
                _ => repeat!($target, debug),
            }
        };
    }
    match asked {
        Some(_) => repeat!("portcullis_engine::asked"),
        None => repeat!("portcullis_engine::host"),
    }
}

impl Refusal {
    /// Returns the error that a proof in this process would have.
    pub(super) fn error(self, paths: &Paths) -> UnitError {
        let mut known = paths.all().into_iter();
        // A child may name only the files that it received.
        let file = known.find(|path| path.display().to_string() == self.file);
        let file = file.unwrap_or(&paths.module);
        let problem = UnitProblem::Refused {
            problem: printable(&self.problem),
            transient: self.transient,
        };
        UnitError::new(file, problem).at_line(self.line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_child_says_is_one_line_about_its_own_files() {
        assert_eq!(
            nonsense("unknown field `a\u{1b}b\n`").to_string(),
            "the process that loaded it is not to be believed: unknown field `a b `"
        );
        let paths = Paths::from_module("policies/p.wasm".into());
        let refusal = |file: &str| Refusal {
            file: file.to_owned(),
            line: Some(7),
            problem: "a\u{0}\u{9b}b\nc".to_owned(),
            transient: false,
        };
        for (file, shown) in [
            ("policies/p.tests.toml", "policies/p.tests.toml"),
            ("/etc/\u{1b}passwd", "policies/p.wasm"),
        ] {
            let error = refusal(file).error(&paths).to_string();
            assert_eq!(error, format!("`{shown}`, line 7: a  b c"));
        }
    }
}
