//! The command line of the benchmark programs: `[--seconds N] [--json FILE]`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

/// The command line of a program whose measurements take a chosen time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arguments {
    /// The length of a measurement. The program defines what is measured.
    pub length: Duration,
    /// The file for the results; `None` if they are only printed.
    pub json: Option<PathBuf>,
}

impl Arguments {
    /// Parses the command line of this process: `[--seconds N] [--json FILE]`. `length` is the
    /// default, and `shortest` the minimum.
    ///
    /// # Errors
    ///
    /// Fails if the command line has other arguments, or if the time is too short.
    pub fn read(length: Duration, shortest: Duration) -> Result<Self> {
        let (seconds, json) = parse(std::env::args().skip(1), true)?;
        Self::new(seconds, json, length, shortest)
    }

    fn new(
        seconds: Option<u64>,
        json: Option<PathBuf>,
        length: Duration,
        shortest: Duration,
    ) -> Result<Self> {
        let length = seconds.map_or(length, Duration::from_secs);
        ensure!(
            length >= shortest,
            "`--seconds` is at least {}",
            shortest.as_secs()
        );
        Ok(Self { length, json })
    }
}

/// Returns the file for the results from this process's command line: `[--json FILE]`.
///
/// # Errors
///
/// Fails if the command line has other arguments.
pub fn json_file() -> Result<Option<PathBuf>> {
    let (_, json) = parse(std::env::args().skip(1), false)?;
    Ok(json)
}

/// Parses arguments. `--seconds` is known to programs that are `timed`.
fn parse(
    mut arguments: impl Iterator<Item = String>,
    timed: bool,
) -> Result<(Option<u64>, Option<PathBuf>)> {
    let (mut seconds, mut json) = (None, None);
    while let Some(flag) = arguments.next() {
        match flag.as_str() {
            "--seconds" if timed => {
                let value = value(&flag, &mut arguments)?;
                let parsed = value.parse();
                seconds =
                    Some(parsed.with_context(|| format!("`{value}` is no number of seconds"))?);
            }
            "--json" => json = Some(PathBuf::from(value(&flag, &mut arguments)?)),
            _ if timed => bail!("`{flag}`: the arguments are [--seconds N] [--json FILE]"),
            _ => bail!("`{flag}`: the arguments are [--json FILE]"),
        }
    }
    Ok((seconds, json))
}

fn value(flag: &str, arguments: &mut impl Iterator<Item = String>) -> Result<String> {
    let value = arguments.next();
    value.with_context(|| format!("`{flag}` needs a value"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Arguments> {
        let words = line.split_whitespace().map(str::to_owned);
        let (seconds, json) = parse(words, true)?;
        Arguments::new(
            seconds,
            json,
            Duration::from_mins(1),
            Duration::from_secs(6),
        )
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
    fn a_program_without_a_chosen_time_takes_no_seconds() {
        let untimed = |line: &str| parse(line.split_whitespace().map(str::to_owned), false);
        assert_eq!(untimed("").unwrap(), (None, None));
        let rows = Some(PathBuf::from("rows"));
        assert_eq!(untimed("--json rows").unwrap(), (None, rows));
        let error = untimed("--seconds 5").unwrap_err().to_string();
        assert_eq!(error, "`--seconds`: the arguments are [--json FILE]");
    }

    #[test]
    fn a_wrong_argument_is_named() {
        for (line, why) in [
            ("--seconds", "needs a value"),
            ("--seconds soon", "`soon`"),
            ("--seconds 5", "at least 6"),
            ("--rate 5", "[--seconds N]"),
            ("rows", "`rows`"),
        ] {
            let error = read(line).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
