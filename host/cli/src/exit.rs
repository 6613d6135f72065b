//! Exit codes of the program.

use std::process;

/// An exit code, after `sysexits.h`, so that supervisors can distinguish a mistake in the
/// configuration from a server that is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub(crate) enum ExitCode {
    /// The program succeeded.
    Success = 0,
    /// The command line is wrong, or standard input has no secret to hash, or is not UTF-8.
    Usage = 64,
    /// `check` found no policy, or policies that cannot be put in service or fail an assertion. Or
    /// `policy test` found policies that fail their tests. Or the file for `inspect`, `policy diff`
    /// or `policy sign` is no policy, or `inspect` or `policy diff` cannot read it. Or the module
    /// for `schema` does not say what its settings are. Or a crate makes no policy, or
    /// `policy lint` found something. Or `run` cannot serve its policies. Or `decide` or
    /// `access preview` found policies that cannot be put in service.
    BadPolicies = 65,
    /// The policy directory or the state directory is missing or cannot be read, or it does not
    /// contain the requested policy, version or status. Or `inspect`, `policy diff`, `policy sign`,
    /// `policy build`, `policy test`, `policy bench`, `policy lint`, `policy watch`, `import`,
    /// `decide` or `access preview` does not find its file or folder. Or `run` does not find a
    /// policy or its command. Or the store of accounts does not have the operator, the account, the
    /// user or the seed. Or `decisions` does not find its file, or no record with the id.
    NoPolicyDirectory = 66,
    /// No connection to the NATS servers, and no more attempts: `connect-retries` are used up,
    /// `max-disconnected` has passed, or the connection was closed for good. Or the server of `run`
    /// does not start, or ends before the command. Or the exchange does not answer `token get`, or
    /// its token cannot be read. Or no server, or fewer servers than `--expect` says, answered
    /// `system` or `account status`. Or no host answered `reload`.
    Unreachable = 69,
    /// An internal error of the program or of the machine.
    Internal = 70,
    /// A listener cannot use its address under `[health]` or `[exchange]`, or that of `resolver`:
    /// it is taken, or not one of this machine.
    CannotListen = 71,
    /// Rust is not installed, or its target for policies. Or `run` does not find nats-server.
    NoToolchain = 72,
    /// A file cannot be written, or `init`, `import`, `policy new`, `token get` or `system profile`
    /// would overwrite it. Or `policy sign` cannot read its file, or `policy rollback` would
    /// replace a link. Or the store of accounts has the name already, or is locked. Or a change of
    /// `doctor --fix` fails.
    CannotCreate = 73,
    /// `policy status` shows an earlier state: no host uses the state directory, or the host there
    /// cannot write its status. Or another process changed the JWT that a command on the store of
    /// accounts changes. Or a server does not have the version that `account status` or
    /// `account rotate --finish` asks for.
    NotCurrent = 75,
    /// The configuration is missing or wrong, missing secrets and seeds of the wrong type included.
    /// Or the host of `reload` found something wrong and changed nothing. Or the file for `import`
    /// is wrong, or the login for `decide` or `access preview`, or the decisions for `policy diff`.
    /// Or the record for `decisions pin` is no test. Or servers would refuse the claims that a
    /// command on the store of accounts writes or verifies, or one of its files is damaged.
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
    /// `system` or `lock add`: a server answers the request with an error, or has no such
    /// connection. Or the exchange refuses `token get`.
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
    use std::fmt::Write as _;

    use super::*;

    impl ExitCode {
        /// All codes, in order.
        pub(crate) const ALL: [Self; 18] = [
            Self::Success,
            Self::Usage,
            Self::BadPolicies,
            Self::NoPolicyDirectory,
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

        /// Returns the meaning of the code, in a sentence.
        pub(crate) const fn meaning(self) -> &'static str {
            match self {
                Self::Success => "Success.",
                Self::Usage => {
                    "The command line is wrong, or standard input has no secret to hash, or is not UTF-8."
                }
                Self::BadPolicies => {
                    "`check` found no policy, or policies that cannot be put in service or fail an assertion. Or `policy test` found policies that fail their tests. Or the file for `inspect`, `policy diff` or `policy sign` is no policy, or `inspect` or `policy diff` cannot read it. Or the module for `schema` does not say what its settings are. Or a crate makes no policy, or `policy lint` found something. Or `run` cannot serve its policies. Or `decide` or `access preview` found policies that cannot be put in service."
                }
                Self::NoPolicyDirectory => {
                    "The policy directory or the state directory is missing or cannot be read, or it does not contain the requested policy, version or status. Or `inspect`, `policy diff`, `policy sign`, `policy build`, `policy test`, `policy bench`, `policy lint`, `policy watch`, `import`, `decide` or `access preview` does not find its file or folder. Or `run` does not find a policy or its command. Or the store of accounts does not have the operator, the account, the user or the seed. Or `decisions` does not find its file, or no record with the id."
                }
                Self::Unreachable => {
                    "No connection to the NATS servers, and no more attempts: `connect-retries` are used up, `max-disconnected` has passed, or the connection was closed for good. Or the server of `run` does not start, or ends before the command. Or the exchange does not answer `token get`, or its token cannot be read. Or no server, or fewer servers than `--expect` says, answered `system` or `account status`. Or no host answered `reload`."
                }
                Self::Internal => "An internal error of the program or of the machine.",
                Self::CannotListen => {
                    "A listener cannot use its address under `[health]` or `[exchange]`, or that of `resolver`: it is taken, or not one of this machine."
                }
                Self::NoToolchain => {
                    "Rust is not installed, or its target for policies. Or `run` does not find nats-server."
                }
                Self::CannotCreate => {
                    "A file cannot be written, or `init`, `import`, `policy new`, `token get` or `system profile` would overwrite it. Or `policy sign` cannot read its file, or `policy rollback` would replace a link. Or the store of accounts has the name already, or is locked. Or a change of `doctor --fix` fails."
                }
                Self::NotCurrent => {
                    "`policy status` shows an earlier state: no host uses the state directory, or the host there cannot write its status. Or another process changed the JWT that a command on the store of accounts changes. Or a server does not have the version that `account status` or `account rotate --finish` asks for."
                }
                Self::NewAccess => {
                    "`policy diff --no-new-access`: a login gains access with the new version."
                }
                Self::ForbiddenAccess => {
                    "`policy diff --never`: a login reaches a forbidden subject with the new version."
                }
                Self::BadConfiguration => {
                    "The configuration is missing or wrong, missing secrets and seeds of the wrong type included. Or the host of `reload` found something wrong and changed nothing. Or the file for `import` is wrong, or the login for `decide` or `access preview`, or the decisions for `policy diff`. Or the record for `decisions pin` is no test. Or servers would refuse the claims that a command on the store of accounts writes or verifies, or one of its files is damaged."
                }
                Self::Denied => {
                    "`decide` or `access preview`: the login is denied, by a policy, because all abstain, or by the host's rules."
                }
                Self::NotDecided => {
                    "`decide` or `access preview`: no policy, or a policy or the host that could not decide, so the login is denied."
                }
                Self::Refused => {
                    "`system` or `lock add`: a server answers the request with an error, or has no such connection."
                }
                Self::FoundErrors => "`doctor` found errors.",
                Self::FoundWarnings => "`doctor` found warnings and no errors.",
            }
        }
    }

    #[test]
    fn the_reference_lists_every_code() {
        let mut table = "| code | meaning |\n| ---: | --- |\n".to_owned();
        for code in ExitCode::ALL {
            writeln!(table, "| {} | {} |", code.number(), code.meaning()).unwrap();
        }
        let page = include_str!("../../../docs/reference/exit-codes.md");
        assert!(page.contains(&table), "the page should contain\n{table}");
    }
}
