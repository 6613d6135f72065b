//! Execution of the guide: the commands and files of the pages in `docs/guide`, verbatim.
//!
//! Each page runs in a new folder of its own, in a shell with the built programs on `PATH`. The
//! page fails at the first command that does not do what the page shows.
//!
//! # Layout
//!
//! - [`page`]: the steps of a page, with the markers that its author writes.
//! - [`shown`]: the comparison of an output with the one that a page shows.
//! - [`shell`]: the shell that the commands of a page run in.

mod page;
mod shell;
mod shown;

use std::fs;
use std::io::{Write, stderr};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::failure::{Failure, Result};
use page::{Command, Page, Step, What};
use shell::{Finished, Shell};

/// The ports that the pages use, because `portcullis init` writes them, and the usual one of MQTT.
const PORTS: [u16; 3] = [4222, 9222, 1883];

/// Longest time for one command. The first build of a policy takes most of a minute.
const COMMAND: Duration = Duration::from_mins(10);

/// Longest time until a program in the background, or a repeated command, shows what the page says.
const READY: Duration = Duration::from_mins(2);

/// Pause between two looks at an output.
const PAUSE: Duration = Duration::from_millis(100);

/// What the pages need from the repository.
#[derive(Debug)]
pub(crate) struct Tools {
    /// The folder of the pages.
    pub(crate) pages: PathBuf,
    /// The folder of the ready policies.
    pub(crate) modules: PathBuf,
    /// The target directory that the policies of all pages share.
    pub(crate) target: PathBuf,
    /// The programs that the pages call, each with the name that they call it by. A program
    /// without an absolute path is on `PATH`.
    pub(crate) programs: Vec<(&'static str, PathBuf)>,
    /// The folder of Python packages that the pages import.
    pub(crate) python: PathBuf,
}

/// Runs the pages, or those whose names contain one of `filters`.
///
/// # Errors
///
/// Fails if a page cannot be read, or at the first page with a step that fails.
pub(crate) fn run(tools: &Tools, filters: &[String]) -> Result<()> {
    let mut ran = 0;
    for path in pages(&tools.pages)? {
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if filters.is_empty() || filters.iter().any(|filter| name.contains(filter)) {
            let text = fs::read_to_string(&path).map_err(Failure::at("read", &path))?;
            run_page(tools, &name, &Page::parse(&text).map_err(at(&path))?).map_err(at(&path))?;
            ran += 1;
        }
    }
    if ran == 0 {
        return Err(Failure::new(format!(
            "no page of `{}` has a name with {}",
            tools.pages.display(),
            filters.join(", ")
        )));
    }
    Ok(())
}

/// Lists the pages in their order.
fn pages(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
    let entries = entries.map_err(Failure::at("read", folder))?;
    let mut pages: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
    pages.retain(|path| path.extension().is_some_and(|end| end == "md"));
    pages.sort();
    Ok(pages)
}

fn at(path: &Path) -> impl FnOnce(Failure) -> Failure {
    let path = path.display().to_string();
    move |failure| Failure::new(format!("{path}{failure}"))
}

fn run_page(tools: &Tools, name: &str, page: &Page) -> Result<()> {
    let start = Instant::now();
    let id = std::process::id();
    let folder = std::env::temp_dir().join(format!("portcullis-guide-{id}-{name}"));
    let mut visit = Visit::new(tools, &folder)?;
    for step in &page.steps {
        visit.take(step).map_err(|failure| {
            let kept = folder.display();
            Failure::new(format!(":{}: {failure}\nits folder is `{kept}`", step.line))
        })?;
    }
    let Visit {
        shell,
        commands,
        left_out,
        ..
    } = visit;
    shell.end()?;
    fs::remove_dir_all(&folder).map_err(Failure::at("remove", &folder))?;
    let seconds = start.elapsed().as_secs_f64();
    say(&format!("{name}: {commands} commands, {seconds:.1} s"));
    for (line, reason) in left_out {
        say(&format!("  line {line} is not executed: {reason}"));
    }
    Ok(())
}

/// Prints a line of progress to stderr.
fn say(line: &str) {
    // A closed stderr does not stop the work.
    let _ = writeln!(stderr(), "      {line}");
}

/// A page that is being executed.
struct Visit<'a> {
    tools: &'a Tools,
    /// The folder that the page begins in.
    home: PathBuf,
    shell: Shell,
    commands: usize,
    /// The program that went to the background last.
    background: Option<Background>,
    /// The blocks and commands that are not executed, each with its line and the reason.
    left_out: Vec<(usize, String)>,
}

/// A program that goes on in the background.
struct Background {
    started: Finished,
    /// The number of lines of its output that the page has shown or passed over.
    seen: usize,
}

impl<'a> Visit<'a> {
    fn new(tools: &'a Tools, folder: &Path) -> Result<Self> {
        for port in PORTS {
            TcpListener::bind(("127.0.0.1", port)).map_err(|cause| {
                Failure::new(format!(
                    ": the page uses port {port} of this machine: {cause}; stop the program there"
                ))
            })?;
        }
        let (home, programs) = (folder.join("home"), folder.join("programs"));
        for folder in [&home, &programs] {
            fs::create_dir_all(folder).map_err(Failure::at("create", folder))?;
        }
        for (name, path) in tools.programs.iter().filter(|(_, path)| path.is_absolute()) {
            let link = programs.join(name);
            std::os::unix::fs::symlink(path, &link).map_err(Failure::at("create", &link))?;
        }
        let shell = Shell::start(&shell::Place {
            home: &home,
            outputs: folder,
            programs: &programs,
            python: &tools.python,
            target: &tools.target,
        })?;
        Ok(Self {
            tools,
            home,
            shell,
            commands: 0,
            background: None,
            left_out: Vec::new(),
        })
    }

    fn take(&mut self, step: &Step) -> Result<()> {
        match &step.what {
            What::Skip(reason) => {
                self.left_out.push((step.line, reason.clone()));
                Ok(())
            }
            What::Given(module) => {
                let (from, to) = (self.tools.modules.join(module), self.home.join(module));
                fs::copy(&from, &to).map_err(Failure::at("copy", &from))?;
                Ok(())
            }
            What::Write {
                file,
                text,
                appends: append,
            } => self.write(file, text, *append),
            What::Run(command) => self.run(step.line, command),
            What::Prints(lines) => self.wait_for(&[&["…".to_owned()], lines.as_slice()].concat()),
        }
    }

    fn write(&self, file: &str, text: &str, append: bool) -> Result<()> {
        let path = self.home.join(file);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(Failure::at("create", folder))?;
        }
        let text = if append {
            let before = fs::read_to_string(&path).map_err(Failure::at("read", &path))?;
            format!("{before}\n{text}")
        } else {
            text.to_owned()
        };
        fs::write(&path, text).map_err(Failure::at("write", &path))
    }

    fn run(&mut self, line: usize, command: &Command) -> Result<()> {
        let program = command.line.split_whitespace().next().unwrap_or_default();
        if program == "nats" && self.tools.programs.iter().all(|(name, _)| *name != program) {
            let reason = "this machine has neither the `nats` command nor Go".to_owned();
            self.left_out.push((line, reason));
            return Ok(());
        }
        self.commands += 1;
        let deadline = Instant::now() + if command.retries { READY } else { COMMAND };
        loop {
            let finished = self.shell.run(&command.line, deadline)?;
            let Some(problem) = Self::problem(command, &finished)? else {
                if !command.is_background() {
                    return Ok(());
                }
                self.background = Some(Background {
                    started: finished,
                    seen: 0,
                });
                return self.wait_for(&command.output);
            };
            if !command.retries || Instant::now() > deadline {
                return Err(Failure::new(format!("`{}` {problem}", command.line)));
            }
            self.shell.pause(PAUSE)?;
        }
    }

    /// Returns what differs from the page; `None` if nothing does.
    fn problem(command: &Command, finished: &Finished) -> Result<Option<String>> {
        let output = finished.output()?;
        let code = finished.code;
        Ok(if (code != 0) != command.fails {
            Some(format!("ended with code {code}:\n{output}"))
        } else if command.output.is_empty() || command.is_background() {
            None
        } else {
            let is_shown = shown::matched(&command.output, output.lines(), false).is_some();
            (!is_shown).then(|| difference(&command.output, &output))
        })
    }

    /// Waits until the program in the background has printed what the page shows.
    fn wait_for(&mut self, shown: &[String]) -> Result<()> {
        let Some(program) = &mut self.background else {
            return Err(Failure::new("no program runs in the background"));
        };
        let deadline = Instant::now() + READY;
        loop {
            let output = program.started.output()?;
            let lines = output.lines().skip(program.seen);
            if let Some(seen) = shown::matched(shown, lines, true) {
                program.seen += seen;
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(Failure::new(difference(shown, &output)));
            }
            self.shell.pause(PAUSE)?;
        }
    }
}

fn difference(shown: &[String], output: &str) -> String {
    let shown = shown.join("\n");
    format!("printed:\n{output}\nand the page shows:\n{shown}")
}
