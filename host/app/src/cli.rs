//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use portcullis_core::{BucketName, PolicyName};

use crate::config::{LogFilter, LogFormat};
use crate::exit::ExitCode;

/// The command line, read.
#[derive(Clone, Debug, PartialEq, Eq, Parser)]
#[command(name = "portcullis", version, about, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
#[non_exhaustive]
pub enum Command {
    /// Answer the authorization requests of NATS servers.
    Serve {
        /// The configuration, portcullis.toml.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// For whom the logs are, instead of what the configuration says.
        #[arg(long, value_name = "FORMAT")]
        log_format: Option<LogFormat>,
        /// How much is logged, instead of what the configuration says: `info`, `debug` or a filter.
        #[arg(long, value_name = "LEVEL")]
        log_level: Option<LogFilter>,
    },
    /// Check configuration, secrets and policies, without connecting. Prints every problem.
    Check {
        /// The configuration, portcullis.toml.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Write keys, a nats-server configuration and a portcullis.toml to start from.
    Init {
        /// Where to; nothing in it is overwritten.
        #[arg(value_name = "DIR")]
        directory: PathBuf,
        /// A key-value bucket that policies may look into; can be given several times. The server then has an account for the
        /// buckets, with users who read, fill and make them.
        #[arg(long, value_name = "BUCKET")]
        key_value: Vec<BucketName>,
    },
    /// Turn the configuration of another callout service into one of ours.
    Import {
        /// Which service's.
        #[command(subcommand)]
        from: ImportFrom,
    },
    /// See how policies are doing, test them, sign them, go back to an earlier version.
    Policy {
        /// What to do.
        #[command(subcommand)]
        verb: PolicyVerb,
    },
    /// Look at a module and the files beside it: what it is, may use, asks for and lacks. It need not lie in a policy directory.
    Inspect {
        /// The module, NAME.wasm.
        #[arg(value_name = "MODULE")]
        file: PathBuf,
        /// The configuration, portcullis.toml, whose limits and publishers apply.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Read a password from standard input and print its argon2id hash.
    Hash {
        /// Print a SHA-256 hash instead: for long random tokens, not for passwords.
        #[arg(long)]
        token: bool,
    },
    /// Prove one policy for the host that has started this process. Not for people.
    #[command(hide = true)]
    Prove {
        /// Most memory for data, in bytes.
        #[arg(long)]
        memory: u64,
        /// Most time of all processors together, in seconds.
        #[arg(long)]
        processor_time: u64,
    },
}

/// What to do with policies.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
#[non_exhaustive]
pub enum PolicyVerb {
    /// Print the version of each policy that serves, since when, and what went wrong last.
    Status {
        /// The configuration, portcullis.toml, of the host that serves.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// For programs.
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
        /// The generation to go back to, instead of the one before.
        #[arg(long, value_name = "GENERATION")]
        to: Option<u64>,
    },
    /// Run the tests of policies (NAME.tests.toml) and print what each decision cost.
    Test {
        /// The configuration, portcullis.toml.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The policies; all of them if none is named.
        names: Vec<PolicyName>,
        /// Print what each decision asked too.
        #[arg(long)]
        asked: bool,
    },
    /// Sign a module, so that hosts with `trusted-publishers` load it.
    Sign {
        /// The module; it is replaced.
        #[arg(value_name = "MODULE")]
        file: PathBuf,
        /// A file with the seed of the publisher's nkey, such as an account's (SA…).
        #[arg(long, value_name = "FILE")]
        seed_file: PathBuf,
        /// The number of this version. A host refuses a version with a lower number than one that has served.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        version: Option<u64>,
        /// Sign NAME.toml and NAME.tests.toml beside the module too: hosts refuse others.
        #[arg(long)]
        with_settings: bool,
    },
}

/// Whose configuration is imported.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
#[non_exhaustive]
pub enum ImportFrom {
    /// That of planmdk's nats-auth-callout: a portcullis.toml, its keys, and settings of the policy oidc-roles.
    Planmdk {
        /// Its configuration, in EDN.
        #[arg(value_name = "CONFIG.edn")]
        file: PathBuf,
        /// Where to; nothing in it is overwritten.
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
}

impl Cli {
    /// Reads the command line of the process. Help, version and mistakes are printed here.
    ///
    /// # Errors
    ///
    /// The exit code to end with: of success after help and version.
    pub fn read() -> Result<Self, ExitCode> {
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
