//! The steps of a page.
//!
//! A fenced block `console` is executed. A line that begins with `$ ` is a command. It goes on
//! where its last line ends with `\`. The lines below it are its output. Without any, the output
//! does not matter. A command that ends with `&` goes on in the background, and the next step
//! begins once its output begins with what the page shows. [`super::shown`] has the wildcards.
//!
//! Any other fenced block needs a marker in front of it, `<!-- guide: … -->`. The markers are:
//!
//! - `file PATH`: the block is the content of the file.
//! - `append PATH`: the block is appended to the file.
//! - `prints`: the program that went to the background last comes to print the lines of the block.
//! - `skip REASON`: the block is not executed.
//!
//! These are for `console`:
//!
//! - `fails`: each command of the block fails.
//! - `retry`: each command of the block is repeated until it does what the page shows.
//!
//! `given NAME.wasm` stands alone. It puts the module of a ready policy into the folder.

use crate::failure::{Failure, Result};

/// A page of the guide.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) steps: Vec<Step>,
}

/// A step of a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// The number of its first line, counted from 1.
    pub(super) line: usize,
    pub(super) what: What,
}

/// The action of a step.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum What {
    /// The module of a ready policy is copied into the folder.
    Given(String),
    /// A file is written.
    Write {
        file: String,
        text: String,
        /// Whether the text comes after what the file contains.
        appends: bool,
    },
    Run(Command),
    /// The last program in the background comes to print these lines.
    Prints(Vec<String>),
    /// The block is not executed, for this reason.
    Skip(String),
}

/// A command with what it does.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) line: String,
    /// The lines of the output; empty if the output does not matter.
    pub(super) output: Vec<String>,
    /// Whether the command ends with another code than 0.
    pub(super) fails: bool,
    /// Whether the command is repeated until it does what the page shows.
    pub(super) retries: bool,
}

impl Command {
    /// Returns whether the command goes on in the background.
    pub(super) fn is_background(&self) -> bool {
        self.line.ends_with('&')
    }
}

/// A marker that waits for its block.
struct Marker {
    line: usize,
    words: String,
}

/// The lines of a page with their numbers.
type Lines<'a> = std::iter::Enumerate<std::str::Lines<'a>>;

impl Page {
    /// Reads the steps of the page `text`.
    ///
    /// # Errors
    ///
    /// Fails if a block has no marker and needs one, or if a marker is unknown or has no block. The
    /// message begins with `:LINE: `.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut steps = Vec::new();
        let mut markers: Vec<Marker> = Vec::new();
        let mut lines = text.lines().enumerate();
        while let Some((index, line)) = lines.next() {
            let number = index + 1;
            if let Some(language) = line.strip_prefix("```") {
                let block = block(&mut lines, number)?;
                let markers = std::mem::take(&mut markers);
                steps.extend(steps_of(language, &block, number, &markers)?);
            } else if line.trim_start().starts_with("```") {
                return Err(problem(number, "a block is indented, and not executed"));
            } else if let Some(start) = line.strip_prefix("<!-- guide: ") {
                let words = marker(start, &mut lines, number)?;
                match words.strip_prefix("given ") {
                    Some(module) => steps.push(Step {
                        line: number,
                        what: What::Given(module.to_owned()),
                    }),
                    None => markers.push(Marker {
                        line: number,
                        words,
                    }),
                }
            } else if !line.trim().is_empty()
                && let Some(marker) = markers.first()
            {
                return Err(problem(marker.line, "the marker has no block behind it"));
            }
        }
        match markers.first() {
            Some(marker) => Err(problem(marker.line, "the marker has no block behind it")),
            None => Ok(Self { steps }),
        }
    }
}

fn problem(line: usize, problem: &str) -> Failure {
    Failure::new(format!(":{line}: {problem}"))
}

/// Returns the lines up to the end of a block.
fn block<'a>(lines: &mut Lines<'a>, start: usize) -> Result<Vec<&'a str>> {
    let mut block = Vec::new();
    for (_, line) in lines {
        if line.starts_with("```") {
            return Ok(block);
        }
        block.push(line);
    }
    Err(problem(start, "the block has no end"))
}

/// Returns the words of a marker, which may go over several lines.
fn marker(start: &str, lines: &mut Lines<'_>, number: usize) -> Result<String> {
    let mut words = start.to_owned();
    while !words.ends_with("-->") {
        let Some((_, line)) = lines.next() else {
            return Err(problem(number, "the marker has no `-->`"));
        };
        words.push(' ');
        words.push_str(line.trim());
    }
    Ok(words.trim_end_matches("-->").trim_end().to_owned())
}

/// Returns the steps of a block.
fn steps_of(
    language: &str,
    block: &[&str],
    number: usize,
    markers: &[Marker],
) -> Result<Vec<Step>> {
    let (mut fails, mut retries, mut what) = (false, false, None);
    for marker in markers {
        match marker.words.split_once(' ') {
            None if marker.words == "fails" => fails = true,
            None if marker.words == "retry" => retries = true,
            None if marker.words == "prints" => {
                what = Some(What::Prints(
                    block.iter().map(|&line| line.into()).collect(),
                ));
            }
            Some(("skip", reason)) => what = Some(What::Skip(reason.to_owned())),
            Some((verb @ ("file" | "append"), file)) => {
                what = Some(What::Write {
                    file: file.to_owned(),
                    text: block.iter().flat_map(|line| [line, "\n"]).collect(),
                    appends: verb == "append",
                });
            }
            _ => {
                let unknown = format!("unknown marker `{}`", marker.words);
                return Err(problem(marker.line, &unknown));
            }
        }
    }
    match what {
        Some(what) => Ok(vec![Step { line: number, what }]),
        None if language == "console" => commands(block, number, fails, retries),
        None => Err(problem(
            number,
            "the block has no marker: `file PATH`, `append PATH`, `prints` or `skip REASON`",
        )),
    }
}

/// Returns the commands of a block of `console`.
fn commands(block: &[&str], number: usize, fails: bool, retries: bool) -> Result<Vec<Step>> {
    let mut steps: Vec<(usize, Command)> = Vec::new();
    let mut goes_on = false;
    for (number, text) in (number + 1..).zip(block) {
        if let (true, Some((_, command))) = (goes_on, steps.last_mut()) {
            command.line.push('\n');
            command.line.push_str(text);
            goes_on = text.ends_with('\\');
        } else if let Some(line) = text.strip_prefix("$ ") {
            goes_on = line.ends_with('\\');
            let command = Command {
                line: line.to_owned(),
                output: Vec::new(),
                fails,
                retries,
            };
            steps.push((number, command));
        } else if let Some((_, command)) = steps.last_mut() {
            command.output.push((*text).to_owned());
        } else {
            return Err(problem(number, "the block does not begin with `$ `"));
        }
    }
    let step = |(line, command)| Step {
        line,
        what: What::Run(command),
    };
    Ok(steps.into_iter().map(step).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem_of(text: &str) -> String {
        Page::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn commands_keep_their_outputs_and_their_order() {
        let text = "Do:\n\n```console\n$ a \\\n    b\nsaid\n$ c &\n```\n";
        let page = Page::parse(text).unwrap();
        let run = |line, command: &str, output: &[&str]| Step {
            line,
            what: What::Run(Command {
                line: command.to_owned(),
                output: output.iter().map(|line| (*line).to_owned()).collect(),
                ..Command::default()
            }),
        };
        assert_eq!(
            page.steps,
            [run(4, "a \\\n    b", &["said"]), run(7, "c &", &[])]
        );
    }

    #[test]
    fn markers_say_what_a_block_is() {
        let text = "<!-- guide: given cedar.wasm -->\n\n<!-- guide: append a/b.toml -->\n```toml\n\
                    x = 1\n```\n<!-- guide: skip a reason\nof two lines -->\n```text\nx\n```\n\
                    <!-- guide: fails -->\n<!-- guide: retry -->\n```console\n$ false\n```\n";
        let page = Page::parse(text).unwrap();
        let steps: Vec<_> = page.steps.into_iter().map(|step| step.what).collect();
        assert_eq!(
            steps,
            [
                What::Given("cedar.wasm".to_owned()),
                What::Write {
                    file: "a/b.toml".to_owned(),
                    text: "x = 1\n".to_owned(),
                    appends: true,
                },
                What::Skip("a reason of two lines".to_owned()),
                What::Run(Command {
                    line: "false".to_owned(),
                    fails: true,
                    retries: true,
                    ..Command::default()
                }),
            ]
        );
    }

    #[test]
    fn a_block_is_never_left_out_by_accident() {
        assert!(problem_of("```toml\nx = 1\n```\n").contains(":1: the block has no marker"));
        assert!(problem_of("1. Do:\n   ```console\n   $ a\n   ```\n").contains(":2: a block is"));
        assert!(problem_of("```console\na\n```\n").contains(":2: the block does not begin"));
        assert!(problem_of("<!-- guide: file a -->\n\nText\n").contains(":1: the marker has no"));
        assert!(problem_of("<!-- guide: flie a -->\n```toml\n```\n").contains("`flie a`"));
        assert!(problem_of("```console\n$ a\n").contains("no end"));
    }
}
