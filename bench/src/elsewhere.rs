//! Things to measure that live in another process.
//!
//! The engines that ours is compared with bring features of shared crates with which wasmtime would have to be compiled
//! anew. So they are a program of their own, and take their turns over a pipe: a line with the number of a work and a number of
//! calls goes there, a line with the nanoseconds they took comes back.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write, stdin, stdout};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::Work;

/// Serves `works` to the program that started this one, until it hangs up.
///
/// # Errors
///
/// When a call fails or the other side does not keep to the protocol.
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

/// The works that `command` [serves](serve), to be measured from here. It ends when they are dropped.
///
/// # Errors
///
/// When it cannot be started.
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
        // It would end by itself once the pipe is closed, but nothing would collect it.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn say(to: &mut impl Write, line: &str) -> Result<()> {
    writeln!(to, "{line}")?;
    Ok(to.flush()?)
}
