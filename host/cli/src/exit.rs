//! Exit codes of the program.

use std::process;

/// An exit code, after `sysexits.h`, so that supervisors can distinguish a mistake in the
/// configuration from a server that is down. `docs/reference/exit-codes.md` has the cases of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub(crate) enum ExitCode {
    /// Success.
    Success = 0,
    /// The command line is wrong, or standard input has no secret to hash, or is not UTF-8.
    Usage = 64,
    /// A policy, its tests or its crate are wrong, or an assertion fails.
    BadPolicies = 65,
    /// A file, a folder or an entry that the command needs does not exist or cannot be read.
    NotFound = 66,
    /// A server, a host or the exchange does not answer.
    Unreachable = 69,
    /// An internal error of the program or of the machine.
    Internal = 70,
    /// A listener cannot use its address under `[health]` or `[exchange]`, or that of `resolver`:
    /// it is taken, or not one of this machine.
    CannotListen = 71,
    /// Rust is not installed, or its target for policies. Or `run` does not find nats-server.
    NoToolchain = 72,
    /// A file cannot be written, or would be overwritten.
    CannotCreate = 73,
    /// Another process or server is at an earlier or later state than the command needs.
    NotCurrent = 75,
    /// The configuration or another input is wrong, missing secrets and seeds of the wrong type
    /// included.
    BadConfiguration = 78,
    /// `policy diff --no-new-access`: a login gains access with the new version.
    NewAccess = 80,
    /// `policy diff --never`: a login reaches a forbidden subject with the new version.
    ForbiddenAccess = 81,
    /// `decide` or `access preview`: the login is denied, by a policy, because all abstain, or by
    /// the host's rules.
    Denied = 82,
    /// `decide` or `access preview`: no policy, or a policy or the host that could not decide, so
    /// the login is denied.
    NotDecided = 83,
    /// A server answers the request with an error, or has no such connection. Or the exchange
    /// refuses.
    Refused = 84,
    /// `doctor` found errors.
    FoundErrors = 85,
    /// `doctor` found warnings and no errors.
    FoundWarnings = 86,
}

impl ExitCode {
    /// Returns the number that the parent process receives.
    pub(crate) const fn number(self) -> u8 {
        self as u8
    }
}

impl From<ExitCode> for process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl ExitCode {
        /// All codes, in order.
        pub(crate) const ALL: [Self; 18] = [
            Self::Success,
            Self::Usage,
            Self::BadPolicies,
            Self::NotFound,
            Self::Unreachable,
            Self::Internal,
            Self::CannotListen,
            Self::NoToolchain,
            Self::CannotCreate,
            Self::NotCurrent,
            Self::BadConfiguration,
            Self::NewAccess,
            Self::ForbiddenAccess,
            Self::Denied,
            Self::NotDecided,
            Self::Refused,
            Self::FoundErrors,
            Self::FoundWarnings,
        ];
    }

    /// Returns the docstring of the code, in one line.
    fn docstring(code: ExitCode) -> String {
        let source = include_str!("exit.rs");
        let variant = format!("    {code:?} = {},", code.number());
        let (before, _) = source.split_once(&variant).unwrap();
        let lines = before.lines().rev();
        let mut lines: Vec<_> = lines
            .map_while(|line| line.trim().strip_prefix("/// "))
            .collect();
        lines.reverse();
        lines.join(" ")
    }

    #[test]
    fn the_reference_lists_every_code_with_its_meaning() {
        let page = include_str!("../../../docs/reference/exit-codes.md");
        let table = page.split("\n\n").find(|part| part.starts_with("| code |"));
        let rows: Vec<_> = table.unwrap().lines().skip(2).collect();
        let codes =
            ExitCode::ALL.map(|code| format!("| {} | {} |", code.number(), docstring(code)));
        assert_eq!(rows, codes);
    }
}
