//! The benchmark programs, and the options that they take.

use crate::failure::{Failure, Result};

/// A benchmark program. All take `[--json FILE]`, and [timed](Self::is_timed) ones also
/// `[--seconds N]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bench {
    Accounts,
    Connections,
    Contract,
    Engine,
    Exchange,
    Flood,
    Floor,
    Handle,
    Login,
    Policies,
    Reload,
    Scale,
    Start,
    Storm,
    Watch,
}

/// The way in which a program measures, which decides what it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The engine, in the program's own process.
    InProcess,
    /// Cryptography alone: the program needs no policies and no engine.
    Alone,
    /// Real servers and the host as a process.
    Servers,
}

impl Bench {
    const ALL: [Self; 15] = [
        Self::Accounts,
        Self::Connections,
        Self::Contract,
        Self::Engine,
        Self::Exchange,
        Self::Flood,
        Self::Floor,
        Self::Handle,
        Self::Login,
        Self::Policies,
        Self::Reload,
        Self::Scale,
        Self::Start,
        Self::Storm,
        Self::Watch,
    ];

    /// The programs whose results are in `docs/performance.md`, in the order in which they run.
    pub(crate) const REPORTED: [Self; 8] = [
        Self::Floor,
        Self::Handle,
        Self::Flood,
        Self::Login,
        Self::Start,
        Self::Storm,
        Self::Reload,
        Self::Scale,
    ];

    /// Returns the program that the command line calls `name`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }

    /// Returns the name on the command line.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Connections => "connections",
            Self::Contract => "contract",
            Self::Engine => "engine",
            Self::Exchange => "exchange",
            Self::Flood => "flood",
            Self::Floor => "floor",
            Self::Handle => "handle",
            Self::Login => "login",
            Self::Policies => "policies",
            Self::Reload => "reload",
            Self::Scale => "scale",
            Self::Start => "start",
            Self::Storm => "storm",
            Self::Watch => "watch",
        }
    }

    /// Returns the name of the program.
    pub(crate) fn program(self) -> String {
        format!("bench-{}", self.as_str())
    }

    /// Returns the way in which the program measures.
    pub(crate) const fn kind(self) -> Kind {
        match self {
            Self::Contract | Self::Engine | Self::Handle | Self::Policies => Kind::InProcess,
            Self::Floor => Kind::Alone,
            _ => Kind::Servers,
        }
    }

    /// Returns whether the program takes `--seconds`.
    pub(crate) const fn is_timed(self) -> bool {
        matches!(
            self,
            Self::Exchange | Self::Flood | Self::Login | Self::Reload | Self::Scale
        )
    }

    /// Returns the feature of a program with real servers that is off by default. Hosts are built
    /// without it.
    pub(crate) const fn feature(self) -> Option<&'static str> {
        match self {
            Self::Exchange => Some("portcullis-bench/exchange"),
            _ => None,
        }
    }

    /// Returns the packages of the policies that the program measures in its own process.
    pub(crate) const fn policies(self) -> &'static [&'static str] {
        match self {
            Self::Engine | Self::Handle => &["oidc-roles", "static-users"],
            Self::Policies => &["static-users"],
            _ => &[],
        }
    }

    /// Returns the packages of the guests that the program measures in its own process.
    pub(crate) const fn guests(self) -> &'static [&'static str] {
        match self {
            Self::Contract => &["bench-guests"],
            Self::Engine => &["guests"],
            _ => &[],
        }
    }

    /// Returns whether the program compares our engine with other engines.
    pub(crate) const fn has_peers(self) -> bool {
        matches!(self, Self::Engine)
    }

    /// Returns whether the program compares our host with the reference callout.
    pub(crate) const fn has_reference(self) -> bool {
        matches!(self, Self::Flood | Self::Login | Self::Storm)
    }

    /// Returns `options` if the program takes them.
    ///
    /// # Errors
    ///
    /// Fails if it does not; the message quotes the first wrong option.
    pub(crate) fn accept(self, options: &[String]) -> Result<Vec<String>> {
        let mut rest = options;
        while let [flag, value, others @ ..] = rest {
            match flag.as_str() {
                "--seconds" if self.is_timed() && value.parse::<u32>().is_ok() => {}
                "--json" => {}
                _ => break,
            }
            rest = others;
        }
        if rest.is_empty() {
            return Ok(options.to_vec());
        }
        Err(Failure::new(format!(
            "`bench {}` does not take `{}`; see `cargo xtask help`",
            self.as_str(),
            rest.join(" ")
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(bench: Bench, options: &str) -> Result<usize> {
        let options: Vec<_> = options.split_whitespace().map(str::to_owned).collect();
        Ok(bench.accept(&options)?.len())
    }

    #[test]
    fn every_program_has_a_name() {
        for bench in Bench::ALL {
            assert_eq!(Bench::named(bench.as_str()), Some(bench));
        }
        assert_eq!(Bench::named("speed"), None);
    }

    #[test]
    fn every_program_writes_its_results_to_a_file() {
        for bench in Bench::ALL {
            assert_eq!(accepted(bench, "").unwrap(), 0);
            assert_eq!(accepted(bench, "--json rows.json").unwrap(), 2);
            let error = accepted(bench, "--json").unwrap_err().to_string();
            assert!(error.contains("`--json`"), "{error}");
        }
    }

    #[test]
    fn options_of_a_timed_program_come_in_any_order() {
        for bench in Bench::ALL {
            for line in ["--seconds 12 --json rows", "--json rows --seconds 12"] {
                assert_eq!(accepted(bench, line).is_ok(), bench.is_timed(), "{bench:?}");
            }
        }
    }
}
