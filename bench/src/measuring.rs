//! Code that the measuring programs share.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// The command line of a measuring program: `[--seconds N] [--json FILE]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measuring {
    /// The length of a measurement. The program defines what is measured.
    pub length: Duration,
    /// The file for the results; `None` if they are only printed.
    pub json: Option<PathBuf>,
}

impl Measuring {
    /// Parses the command line of this process. `length` is the default, and `shortest` the
    /// minimum.
    ///
    /// # Errors
    ///
    /// Fails if the command line has other arguments, or if the time is too short.
    pub fn read(length: Duration, shortest: Duration) -> Result<Self> {
        Self::of(std::env::args().skip(1), length, shortest)
    }

    /// Parses the command line of a program without `--seconds`. Returns the file for the results.
    ///
    /// # Errors
    ///
    /// Fails if the command line has other arguments.
    pub fn read_untimed() -> Result<Option<PathBuf>> {
        let arguments: Vec<_> = std::env::args().skip(1).collect();
        if arguments.iter().any(|argument| argument == "--seconds") {
            bail!("`--seconds` is not for this one");
        }
        let read = Self::of(arguments.into_iter(), Duration::MAX, Duration::MAX)?;
        Ok(read.json)
    }

    fn of(
        mut arguments: impl Iterator<Item = String>,
        length: Duration,
        shortest: Duration,
    ) -> Result<Self> {
        let mut read = Self { length, json: None };
        while let Some(flag) = arguments.next() {
            let value = arguments.next();
            let value = value.with_context(|| format!("`{flag}` needs a value"))?;
            match flag.as_str() {
                "--seconds" => {
                    let seconds = value.parse();
                    let seconds =
                        seconds.with_context(|| format!("`{value}` is no number of seconds"))?;
                    read.length = Duration::from_secs(seconds);
                }
                "--json" => read.json = Some(PathBuf::from(value)),
                _ => bail!("the arguments are [--seconds N] [--json FILE]"),
            }
        }
        if read.length < shortest {
            bail!("`--seconds` is at least {}", shortest.as_secs());
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Measuring> {
        let words = line.split_whitespace().map(str::to_owned);
        Measuring::of(words, Duration::from_mins(1), Duration::from_secs(6))
    }

    #[test]
    fn options_come_in_any_order() {
        let both = read("--json rows.json --seconds 12").unwrap();
        assert_eq!(both, read("--seconds 12 --json rows.json").unwrap());
        assert_eq!(both.length, Duration::from_secs(12));
        assert_eq!(both.json, Some(PathBuf::from("rows.json")));
        let neither = read("").unwrap();
        assert_eq!((neither.length.as_secs(), neither.json), (60, None));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (line, why) in [
            ("--seconds", "needs a value"),
            ("--seconds soon", "`soon`"),
            ("--seconds 5", "at least 6"),
            ("--rate 5", "[--seconds N]"),
        ] {
            let error = read(line).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
