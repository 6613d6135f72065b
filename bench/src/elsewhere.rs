//! Works that another process runs.
//!
//! The peer engines require features of shared crates that would make cargo compile wasmtime again.
//! The peers are therefore a program of their own, measured over a pipe. A request is a line with
//! the number of a work and a number of calls. The reply is a line with the nanoseconds that the
//! calls took.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write, stdin, stdout};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::Work;

/// Serves `works` to the program that started this one, until that program closes the pipe.
///
/// # Errors
///
/// Fails if a call fails or the other side breaks the protocol.
pub fn serve(works: &mut [Work<'_>]) -> Result<()> {
    let names: Vec<_> = works.iter().map(|work| work.name().to_owned()).collect();
    say(&mut stdout(), &names.join("\t"))?;
    for line in stdin().lines() {
        let line = line?;
        let asked = line
            .split_once(' ')
            .context("not a work and a number of calls")?;
        let (index, calls): (usize, u32) = (asked.0.parse()?, asked.1.parse()?);
        let work = works.get_mut(index).context("no such work")?;
        let took = work.run(calls)?;
        say(&mut stdout(), &took.as_nanos().to_string())?;
    }
    Ok(())
}

/// Starts `command`, which [serves](serve) works, and returns these works. The process ends when
/// they are dropped.
///
/// # Errors
///
/// Fails if the command cannot be started.
pub fn works_of(command: &mut Command) -> Result<Vec<Work<'static>>> {
    let started = Server::start(command);
    let mut server =
        started.with_context(|| format!("`{}`", command.get_program().to_string_lossy()))?;
    let names = server.hear()?;
    let server = Rc::new(RefCell::new(server));
    let work = |(index, name): (usize, &str)| {
        let server = Rc::clone(&server);
        Work::of_batches(name, move |calls| {
            let mut server = server.borrow_mut();
            say(&mut server.input, &format!("{index} {calls}"))?;
            Ok(Duration::from_nanos(server.hear()?.parse()?))
        })
    };
    Ok(names.split('\t').enumerate().map(work).collect())
}

struct Server {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Server {
    fn start(command: &mut Command) -> Result<Self> {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = process.stdin.take().context("no pipe to it")?;
        let output = process.stdout.take().context("no pipe from it")?;
        Ok(Self {
            process,
            input,
            output: BufReader::new(output),
        })
    }

    fn hear(&mut self) -> Result<String> {
        let mut line = String::new();
        let length = self.output.read_line(&mut line)?;
        anyhow::ensure!(length > 0, "the other process has ended");
        Ok(line.trim_end_matches('\n').to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The process would exit by itself once the pipe is closed, but would stay a zombie.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn say(to: &mut impl Write, line: &str) -> Result<()> {
    writeln!(to, "{line}")?;
    Ok(to.flush()?)
}
