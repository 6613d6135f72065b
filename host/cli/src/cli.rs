//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use clap_complete::Shell;
use portcullis_config::{LogFilter, LogFormat};
use portcullis_core::PolicyName;

use crate::accounts::{
    AccountVerb, CredsVerb, ExportTo, JwtVerb, KeysVerb, OperatorVerb, StoreArguments, UserVerb,
};
use crate::author::crate_build::PROFILE;
use crate::author::template::Template;
use crate::decide::arguments::{DecideArguments, LoginArguments};
use crate::decisions::DecisionsVerb;
use crate::doctor::DoctorArguments;
use crate::exit::ExitCode;
use crate::init::InitArguments;
use crate::lock::LockVerb;
use crate::log_arguments::{log_filter, log_format};
use crate::policy::DiffArguments;
use crate::resolver::ResolverArguments;
use crate::schema::SchemaOf;
use crate::span::span;
use crate::system::SystemVerb;
use crate::test_bed::TestBed;
use crate::token::TokenRequest;

/// The parsed command line.
#[derive(Clone, Debug, PartialEq, Eq, Parser)]
#[command(name = "portcullis", version, about, propagate_version = true)]
pub(crate) struct Cli {
    /// Command to run.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands of the program.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
#[non_exhaustive]
pub(crate) enum Command {
    /// Answer the authorization requests of NATS servers.
    Serve {
        /// The configuration, portcullis.toml.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The format of the logs, in place of the configured one.
        #[arg(long, value_name = "FORMAT", value_parser = log_format())]
        log_format: Option<LogFormat>,
        /// The log level, in place of the configured one: `info`, `debug` or a filter.
        #[arg(long, value_name = "LEVEL", value_parser = log_filter)]
        log_level: Option<LogFilter>,
    },
    /// Check configuration, secrets and policies, without connecting. Prints every problem.
    Check {
        /// The configuration, portcullis.toml.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Look for everything that keeps a host and its servers from deciding logins: connects,
    /// compares, and says how to mend what it finds.
    Doctor(Box<DoctorArguments>),
    /// Have the running host read its configuration and its policies again. Prints which changes
    /// are in effect, and which need a restart. If anything is wrong, nothing changes.
    Reload {
        /// The configuration, portcullis.toml, of the host that serves.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write keys, a nats-server configuration and a portcullis.toml to start from.
    Init(InitArguments),
    /// Run a command next to a nats-server and a host of its own, for tests of applications. The
    /// command finds the server in the variable `NATS_URL`.
    Run(TestBed),
    /// Import the configuration of another callout service, or the store of another tool.
    Import {
        /// The service or the tool to import from.
        #[command(subcommand)]
        from: ImportFrom,
    },
    /// Export the store for another tool.
    Export {
        /// The tool to export for.
        #[command(subcommand)]
        to: ExportTo,
    },
    /// Write policies, build and test them; show their state, sign them, go back to an earlier
    /// version.
    Policy {
        /// The command to run.
        #[command(subcommand)]
        verb: PolicyVerb,
    },
    /// Show facts about a module and its files: settings, limits, grants, imports, signature and
    /// tests. The module may be in any directory.
    Inspect {
        /// The module, NAME.wasm.
        #[arg(value_name = "MODULE")]
        file: PathBuf,
        /// The configuration, portcullis.toml, whose limits and publishers apply.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON Schema of a file, for editors.
    Schema {
        /// The file.
        #[arg(value_enum, value_name = "FILE")]
        of: SchemaOf,
        /// A module, NAME.wasm, whose own settings the schema of `settings` has.
        #[arg(long, value_name = "MODULE")]
        module: Option<PathBuf>,
    },
    /// Decide one login without NATS, and show each step: identity, policies, the host's rules, the
    /// server's checks and the user JWT.
    #[command(visible_alias = "explain")]
    Decide(Box<DecideArguments>),
    /// Read the records of decided logins: who came, with which rights, and why a login was
    /// refused.
    Decisions {
        /// The command to run.
        #[command(subcommand)]
        verb: Box<DecisionsVerb>,
    },
    /// Show what logins may do.
    Access {
        /// The command to run.
        #[command(subcommand)]
        verb: AccessVerb,
    },
    /// Read a password from standard input and print its argon2id hash.
    Hash {
        /// Print a SHA-256 hash instead: for long random tokens, not for passwords.
        #[arg(long)]
        token: bool,
    },
    /// Get credentials from a token exchange.
    Token {
        /// The command to run.
        #[command(subcommand)]
        verb: TokenVerb,
    },
    /// Show the events of NATS servers, ask servers about themselves and their connections, and
    /// order them to reload, profile or disconnect. Needs a user of the system account.
    System {
        /// The command to run.
        #[command(subcommand)]
        verb: Box<SystemVerb>,
    },
    /// Deny new logins of a user, an issuer, an account, a policy or a network for a time, on every
    /// host at once.
    Lock {
        /// The command to run.
        #[command(subcommand)]
        verb: Box<LockVerb>,
    },
    /// Serve the account JWTs of a store to NATS servers (`resolver: URL(…)`), and store new
    /// versions.
    Resolver(Box<ResolverArguments>),
    /// Make and change the operator of a store.
    Operator {
        /// The command to run.
        #[command(subcommand)]
        verb: OperatorVerb,
    },
    /// Make and change the accounts of a store, with their signing keys and roles.
    Account {
        /// The command to run.
        #[command(subcommand)]
        verb: AccountVerb,
    },
    /// Make and change the users of an account.
    User {
        /// The command to run.
        #[command(subcommand)]
        verb: UserVerb,
    },
    /// Make, inspect and convert keys in files.
    Keys {
        /// The command to run.
        #[command(subcommand)]
        verb: KeysVerb,
    },
    /// Write and check credentials files.
    Creds {
        /// The command to run.
        #[command(subcommand)]
        verb: CredsVerb,
    },
    /// Decode and check JWTs.
    Jwt {
        /// The command to run.
        #[command(subcommand)]
        verb: JwtVerb,
    },
    /// Print the script that completes commands in a shell.
    Completions {
        /// The shell.
        #[arg(value_enum, value_name = "SHELL")]
        shell: Shell,
    },
    /// Write a manual page for each command.
    Man {
        /// The directory to write to. It is made if necessary, and existing pages are replaced.
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
    /// Load and test one policy for the host that started this process. Not for interactive use.
    #[command(hide = true)]
    Prove {
        /// Maximum memory for data, in bytes.
        #[arg(long)]
        memory: u64,
        /// Maximum time of all processors together, in seconds.
        #[arg(long)]
        processor_time: u64,
    },
}

/// The commands for policies.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
#[non_exhaustive]
pub(crate) enum PolicyVerb {
    /// Print the version of each policy in service, since when, and its last failure.
    Status {
        /// The configuration, portcullis.toml, of the host that serves.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Put an earlier good version of a policy back into the policy directory.
    Rollback {
        /// The policy.
        name: PolicyName,
        /// The configuration, portcullis.toml, of the host that serves.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The generation to go back to, in place of the previous one.
        #[arg(long, value_name = "GENERATION")]
        to: Option<u64>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write the crate of a new policy, with tests, settings and the SDK, to a new folder NAME.
    New {
        /// The policy: lower-case letters, digits, `-` and `_`.
        name: PolicyName,
        /// The policy to start from.
        #[arg(long, value_enum, default_value_t)]
        template: Template,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Build the crate of a policy to NAME.wasm, and print size, digest and imports.
    Build {
        /// The folder of the crate.
        #[arg(value_name = "DIR", default_value = ".")]
        directory: PathBuf,
        /// The profile of cargo.
        #[arg(long, default_value = PROFILE)]
        profile: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Run the tests of policies (NAME.tests.toml) and print the cost of each decision.
    Test {
        /// Modules, folders of crates (which are built first) or directories of policies. With
        /// `--config`, names of its policies, and modules or crates as paths, such as `./orders`.
        /// Default: the crate in the present folder; with `--config`, all policies.
        #[arg(value_name = "WHICH")]
        which: Vec<String>,
        /// The configuration, portcullis.toml, whose directory, limits and rules apply.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Report only the tests whose names contain this text.
        #[arg(long, value_name = "TEXT")]
        filter: Option<String>,
        /// Also print what each decision asked.
        #[arg(long)]
        asked: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Also write a report as XML that build servers read.
        #[arg(long, value_name = "FILE")]
        junit: Option<PathBuf>,
        /// Replace the expected verdicts of failed tests by those that the policies answered.
        #[arg(long, conflicts_with = "json")]
        update: bool,
    },
    /// Measure the decisions of a policy on the logins of its tests: time, fuel and memory.
    Bench {
        /// A module, or the folder of a crate, which is built first.
        #[arg(value_name = "MODULE", default_value = ".")]
        which: PathBuf,
        /// The time to measure for, all tests together.
        #[arg(long, value_name = "TIME", default_value = "3s", value_parser = span)]
        time: Duration,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Report permissions that servers accept and that seldom mean what their author means.
    Lint {
        /// Modules, folders of crates (which are built first), directories of policies or settings
        /// files. Default: the crate in the present folder.
        #[arg(value_name = "WHICH")]
        which: Vec<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Build and test the crate of a policy at every save, and put good versions into a policy
    /// directory.
    Watch {
        /// The folder of the crate.
        #[arg(value_name = "DIR", default_value = ".")]
        directory: PathBuf,
        /// The policy directory of a host. Default: that of the configuration.
        #[arg(long, value_name = "POLICIES", required_unless_present = "config")]
        into: Option<PathBuf>,
        /// The configuration, portcullis.toml, whose limits, grants and rules apply to the tests.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Compare two versions of a policy: print which logins would gain or lose what.
    Diff(DiffArguments),
    /// Sign a module, so that hosts with `trusted-publishers` load it.
    Sign {
        /// The module; it is replaced.
        #[arg(value_name = "MODULE")]
        file: PathBuf,
        /// A file with the seed of the publisher's nkey, such as an account's (SA…).
        #[arg(long, value_name = "FILE")]
        seed_file: PathBuf,
        /// The number of this version. A host refuses a version with a lower number than one that
        /// has served.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        version: Option<u64>,
        /// Also sign NAME.toml, NAME.tests.toml and the policy texts next to the module. Hosts then
        /// refuse other content.
        #[arg(long)]
        with_settings: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// The commands for the access of logins.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
#[non_exhaustive]
pub(crate) enum AccessVerb {
    /// Show what one login may do, and the inbox prefix that its client has to use.
    Preview(Box<LoginArguments>),
}

/// The commands for tokens.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
#[non_exhaustive]
pub(crate) enum TokenVerb {
    /// Exchange a bearer token for a user JWT, and write a credentials file with a seed that is
    /// made here.
    Get(TokenRequest),
}

/// The services whose configuration can be imported.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
#[non_exhaustive]
pub(crate) enum ImportFrom {
    /// Import that of planmdk's nats-auth-callout: write a portcullis.toml, its keys, and settings
    /// of the policy oidc-roles.
    Planmdk {
        /// The configuration to import, in EDN.
        #[arg(value_name = "CONFIG.edn")]
        file: PathBuf,
        /// The directory to write to. Existing files are never overwritten.
        #[arg(value_name = "DIR")]
        directory: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Import an operator of nsc, with its accounts, users and seeds. The JWTs stay as they are.
    Nsc {
        /// The directory with the folders `stores` and `keys`, usually ~/.local/share/nats/nsc.
        #[arg(value_name = "DIR")]
        directory: PathBuf,
        /// The operator, if there are several.
        #[arg(long, value_name = "NAME")]
        operator: Option<String>,
        #[command(flatten)]
        store: StoreArguments,
    },
}

impl Cli {
    /// Parses the command line of the process. Prints help, version and usage errors.
    ///
    /// # Errors
    ///
    /// Returns the exit code to end with: that of success after help and version.
    pub(crate) fn read() -> Result<Self, ExitCode> {
        Self::try_parse().map_err(|error| {
            let code = if error.use_stderr() {
                ExitCode::Usage
            } else {
                ExitCode::Success
            };
            match error.print() {
                Ok(()) => code,
                Err(_) => ExitCode::Internal,
            }
        })
    }
}

#[cfg(test)]
mod tests;
