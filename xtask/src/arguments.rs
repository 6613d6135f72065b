//! The command line.

use std::path::PathBuf;

use crate::benches::Bench;
use crate::dist;
use crate::failure::{Failure, Result};

/// The output of `cargo xtask help`.
pub(crate) const HELP: &str = "\
The repository's own verbs.

Usage: cargo xtask <verb>

  demo [--keep]     runs a demo with real clients and shows the decisions; --keep leaves it running
                    and prints commands to try
  test [FILTER…]    runs all tests, or those whose names contain a FILTER
  conformance [--suite callout|identity|connect|accounts] [--server PROGRAM]
                    runs nats-server's own tests of auth callout with this host answering, a login
                    of every kind, the features of Overmind's connect, and those of the account
                    server; prints a matrix for each suite. Fetches five releases and builds two
                    more if Go is installed. PROGRAM adds a nats-server of yours and also tests the
                    host's rules about servers on it
  faults [FAULT…]   injects faults while clients log in, and counts their cost: all faults, or
                    those whose names contain a FAULT
  bench accounts [--json FILE]
                    start of a server, lookups, first logins and memory with 10,000 accounts from
                    `portcullis resolver`, compared with nats-server's own full resolver; FILE gets
                    the same rows
  bench connections [--json FILE]
                    logins a second with one and more service connections; FILE gets the same numbers
  bench contract [--json FILE]
                    cost of a decision with the present contract, and with one record or JSON;
                    FILE gets the same numbers
  bench engine [--json FILE]
                    cost of a decision, compared with the cryptography of a login, with an
                    instantiation, and with Cedar and regorus; FILE gets the same rows
  bench exchange [--seconds N] [--json FILE]
                    exchanges of tokens for user JWTs a second, and their processor time, compared
                    with logins by auth callout with the same token, each for N (5) seconds; memory
                    of 10,000 idle logins that wait for their renewal; FILE gets the same numbers
  bench floor [--json FILE]
                    cost of a login's cryptography with aws-lc-rs, ring, ed25519-dalek and nkeys, and
                    of the boxes of this host and of nkeys; FILE gets the same rows
  bench handle [--json FILE]
                    cost of a request without NATS, step by step, compared with the cryptography of
                    a login; FILE gets the same rows
  bench policies [--json FILE]
                    memory, time to load and time of a decision with 1, 100 and 500 policies in
                    one directory; FILE gets the same numbers
  bench flood [--seconds N] [--json FILE]
                    decisions a second, latency and processor time of a decision of this host and
                    of the reference callout (needs Go), with 1 to 512 concurrent requests, in the
                    clear and encrypted, each for N (5) seconds; FILE gets the same numbers
  bench login [--seconds N] [--json FILE]
                    logins a second, latency and shares of the processors with this host, with the
                    reference callout and without callout, with 1 to 512 concurrent clients, each
                    for N (5) seconds; FILE gets the same numbers
  bench reload [--seconds N] [--json FILE]
                    logins at half of the maximum rate, with and without a replacement of the
                    policy every second, each for N (60) seconds; and the time until a new version
                    serves; FILE gets the same numbers
  bench scale [--seconds N] [--json FILE]
                    cost of a decision with more service connections, worker threads, hosts,
                    policies, users and roles, each for N (5) seconds; FILE gets the same numbers
  bench start [--json FILE]
                    time until a host is ready, with 1 and 50 policies, with and without the code
                    cache, and its memory; FILE gets the same numbers
  bench storm [--json FILE]
                    number of clients that can log in at the same instant before one is rejected,
                    with this host and with the reference callout, and the reconnection of
                    thousands after a restart of their server; FILE gets the same numbers
  bench watch [--json FILE]
                    time from a save of a small policy's source, with `portcullis policy watch`, to a
                    host that serves the new version; FILE gets the same rows
  bench all [--seconds N]
                    runs floor, handle, flood, login, start, storm, reload and scale, then report
  bench report      writes docs/performance.md from the latest results of `bench all`
  guide [PAGE…]     runs the commands and files of the pages in docs/guide, or of those whose names
                    contain a PAGE, and compares outputs with the ones that the pages show
  check             checks documents, comments, formatting, lints, documentation, dependencies and
                    the SDK's public items, as CI does
  dist [--binary FILE] [--into DIR]
                    builds the program for distribution, and packages it: an archive with
                    completions and manual pages, a Debian package, the context of a container
                    image, the list of contents (SBOM) and checksums. FILE is packaged in place of
                    a build; DIR is target/packages by default
  help              prints this text

A verb fetches the tools that the machine lacks once, and keeps them in target/xtask/.
";

/// The verb that the command line selects.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Demo {
        keep: bool,
    },
    Test {
        filters: Vec<String>,
    },
    Conformance {
        suite: Option<Suite>,
        /// A program to test in addition to the known releases.
        server: Option<String>,
    },
    Faults {
        filters: Vec<String>,
    },
    /// The pages of the guide.
    Guide {
        filters: Vec<String>,
    },
    /// A benchmark program with its options.
    Bench {
        program: Bench,
        options: Vec<String>,
    },
    /// The programs in [`Bench::REPORTED`], then the report. The options are for timed programs.
    BenchAll {
        options: Vec<String>,
    },
    /// The report alone.
    BenchReport,
    Check,
    /// The packages of a release.
    Dist(dist::Options),
    Help,
}

/// A part of the conformance tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Suite {
    Accounts,
    Callout,
    Connect,
    Identity,
}

/// Parses the arguments after the program's name.
pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Verb> {
    let mut arguments = arguments.into_iter();
    let Some(verb) = arguments.next() else {
        return Ok(Verb::Help);
    };
    let rest: Vec<String> = arguments.collect();
    if let ("bench", [name, options @ ..]) = (verb.as_str(), rest.as_slice())
        && let Some(program) = Bench::named(name)
    {
        let options = program.accept(options)?;
        return Ok(Verb::Bench { program, options });
    }
    match (verb.as_str(), rest.as_slice()) {
        ("demo", []) => Ok(Verb::Demo { keep: false }),
        ("demo", [flag]) if flag == "--keep" => Ok(Verb::Demo { keep: true }),
        ("test", filters) if filters.iter().all(|filter| !filter.starts_with('-')) => {
            Ok(Verb::Test { filters: rest })
        }
        ("conformance", options) => conformance(options),
        ("faults", filters) if filters.iter().all(|filter| !filter.starts_with('-')) => {
            Ok(Verb::Faults { filters: rest })
        }
        ("guide", filters) if filters.iter().all(|filter| !filter.starts_with('-')) => {
            Ok(Verb::Guide { filters: rest })
        }
        ("bench", [name]) if name == "report" => Ok(Verb::BenchReport),
        ("bench", [name]) if name == "all" => Ok(Verb::BenchAll {
            options: Vec::new(),
        }),
        ("bench", [name, flag, seconds])
            if name == "all" && flag == "--seconds" && seconds.parse::<u32>().is_ok() =>
        {
            let options = vec![flag.clone(), seconds.clone()];
            Ok(Verb::BenchAll { options })
        }
        ("check", []) => Ok(Verb::Check),
        ("dist", options) => dist(options),
        ("help" | "--help" | "-h", _) => Ok(Verb::Help),
        ("demo" | "test" | "faults" | "guide" | "bench" | "check", rest) => {
            Err(Failure::new(format!(
                "`{verb}` does not take `{}`; see `cargo xtask help`",
                rest.join(" ")
            )))
        }
        _ => Err(Failure::new(format!(
            "unknown verb `{verb}`; see `cargo xtask help`"
        ))),
    }
}

fn conformance(options: &[String]) -> Result<Verb> {
    let (mut chosen, mut server, mut rest) = (None, None, options);
    while let [flag, value, others @ ..] = rest {
        match flag.as_str() {
            "--suite" => chosen = Some(suite(value)?),
            "--server" => server = Some(value.clone()),
            _ => break,
        }
        rest = others;
    }
    if rest.is_empty() {
        let suite = chosen;
        return Ok(Verb::Conformance { suite, server });
    }
    Err(Failure::new(format!(
        "`conformance` does not take `{}`; see `cargo xtask help`",
        rest.join(" ")
    )))
}

fn dist(options: &[String]) -> Result<Verb> {
    let (mut read, mut rest) = (dist::Options::default(), options);
    while let [flag, value, others @ ..] = rest {
        match flag.as_str() {
            "--binary" => read.binary = Some(PathBuf::from(value)),
            "--into" => read.into = Some(PathBuf::from(value)),
            _ => break,
        }
        rest = others;
    }
    if rest.is_empty() {
        return Ok(Verb::Dist(read));
    }
    Err(Failure::new(format!(
        "`dist` does not take `{}`; see `cargo xtask help`",
        rest.join(" ")
    )))
}

fn suite(name: &str) -> Result<Suite> {
    let known = [
        Suite::Callout,
        Suite::Identity,
        Suite::Connect,
        Suite::Accounts,
    ];
    let suite = known.into_iter().find(|suite| suite.as_str() == name);
    suite.ok_or_else(|| {
        let known = known.map(|suite| format!("`{}`", suite.as_str()));
        Failure::new(format!(
            "there is no suite `{name}`; the suites are {}",
            known.join(", ")
        ))
    })
}

impl Suite {
    /// Returns the name of the suite, which is also the prefix of its tests' names.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Callout => "callout",
            Self::Connect => "connect",
            Self::Identity => "identity",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Verb> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn every_verb_is_read() {
        assert_eq!(parsed("demo").unwrap(), Verb::Demo { keep: false });
        assert_eq!(parsed("demo --keep").unwrap(), Verb::Demo { keep: true });
        assert_eq!(parsed("check").unwrap(), Verb::Check);
        assert_eq!(
            parsed("conformance").unwrap(),
            Verb::Conformance {
                suite: None,
                server: None
            }
        );
        for suite in [
            Suite::Callout,
            Suite::Identity,
            Suite::Connect,
            Suite::Accounts,
        ] {
            let line = format!("conformance --server ./nats --suite {}", suite.as_str());
            let (suite, server) = (Some(suite), Some("./nats".to_owned()));
            assert_eq!(parsed(&line).unwrap(), Verb::Conformance { suite, server });
        }
        let packages = dist::Options {
            binary: Some("a".into()),
            into: Some("b".into()),
        };
        assert_eq!(
            parsed("dist --into b --binary a").unwrap(),
            Verb::Dist(packages)
        );
        assert_eq!(
            parsed("dist").unwrap(),
            Verb::Dist(dist::Options::default())
        );
        let filters = vec!["garbage".to_owned()];
        assert_eq!(parsed("faults garbage").unwrap(), Verb::Faults { filters });
        let filters = vec!["reload".to_owned(), "expiry".to_owned()];
        assert_eq!(
            parsed("test reload expiry").unwrap(),
            Verb::Test { filters }
        );
    }

    #[test]
    fn a_benchmark_is_read_with_its_options() {
        let parse = |line: &str, program, options: &[&str]| {
            let options = options.iter().map(|&option| option.to_owned()).collect();
            assert_eq!(parsed(line).unwrap(), Verb::Bench { program, options });
        };
        parse("bench contract", Bench::Contract, &[]);
        let options = ["--seconds", "3", "--json", "rows"];
        parse(
            "bench flood --seconds 3 --json rows",
            Bench::Flood,
            &options,
        );
    }

    #[test]
    fn the_report_and_what_it_needs_are_read() {
        assert_eq!(parsed("bench report").unwrap(), Verb::BenchReport);
        let options = Vec::new();
        assert_eq!(parsed("bench all").unwrap(), Verb::BenchAll { options });
        let options = vec!["--seconds".to_owned(), "3".to_owned()];
        assert_eq!(
            parsed("bench all --seconds 3").unwrap(),
            Verb::BenchAll { options }
        );
        assert!(parsed("bench all --json rows.json").is_err());
    }

    #[test]
    fn no_verb_asks_for_help() {
        assert_eq!(parsed("").unwrap(), Verb::Help);
    }

    #[test]
    fn a_mistyped_verb_or_flag_is_named() {
        let unknown = parsed("tset").unwrap_err().to_string();
        assert!(unknown.contains("`tset`"), "{unknown}");
        let flag = parsed("demo --kepe").unwrap_err().to_string();
        assert!(flag.contains("`--kepe`"), "{flag}");
        let test_flag = parsed("test --nocapture").unwrap_err().to_string();
        assert!(test_flag.contains("`--nocapture`"), "{test_flag}");
        let file = parsed("bench engine --json").unwrap_err().to_string();
        assert!(file.contains("`--json`"), "{file}");
        let file = parsed("bench policies --json").unwrap_err().to_string();
        assert!(file.contains("`--json`"), "{file}");
        for (line, quoted) in [
            ("bench reload --seconds", "`--seconds`"),
            ("bench reload --json a --seconds soon", "`--seconds soon`"),
            ("bench reload --rate 5", "`--rate 5`"),
            ("bench storm --seconds 5", "`--seconds 5`"),
            ("conformance --server", "`--server`"),
            ("dist --into", "`--into`"),
        ] {
            let error = parsed(line).unwrap_err().to_string();
            assert!(error.contains(quoted), "{error}");
        }
        let suite = parsed("conformance --suite call").unwrap_err().to_string();
        assert!(suite.contains("`call`"), "{suite}");
        assert!(
            suite.contains("`callout`, `identity`, `connect`, `accounts`"),
            "{suite}"
        );
    }
}
