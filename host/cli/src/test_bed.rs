//! `portcullis run`: a nats-server and a host around a command, for tests of applications.

mod child;
mod host;
mod server;
mod site;

use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::process::ExitStatus;
use std::time::Duration;

use portcullis_config::{LogFilter, LogFormat, ServerAddress, WhenFull};
use portcullis_core::{AccountName, InvalidAccountName};
use portcullis_toml::{Problem, Problems};
use tokio::process::{Child, Command};

use self::host::RunningHost;
use self::server::Server;
use self::site::Site;
use crate::check::{check_policies, run_check};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::log_arguments::log_filter;
use crate::prove::child_prover;
use crate::runtime::STOP_LIMIT;
use crate::{signals, telemetry};

/// Maximum time until the command has ended after a signal, before it is killed.
const COMMAND_LIMIT: Duration = Duration::from_secs(10);
/// Exit code of a run that a signal ends before its command starts: 128 and the number of SIGTERM.
const TERMINATED: u8 = 143;

/// Accounts of the server that no policy may place users in: those of the host and the server, and
/// the one for users without an account.
const RESERVED: [&str; 3] = ["AUTH", "SYS", "$G"];

/// What to run, and on which server and host.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub(crate) struct TestBed {
    /// A policy to serve, with the settings and tests next to it; can be given several times.
    #[arg(
        long = "policy",
        value_name = "MODULE",
        required_unless_present = "config"
    )]
    policies: Vec<PathBuf>,
    /// An account that policies may place users in; can be given several times. Default: APP.
    #[arg(
        long = "account",
        value_name = "NAME",
        conflicts_with = "config",
        value_parser = target_account
    )]
    accounts: Vec<AccountName>,
    /// A portcullis.toml, with the nats-server.conf next to it, in place of new ones.
    #[arg(long, value_name = "FILE", conflicts_with = "policies")]
    config: Option<PathBuf>,
    /// The program nats-server, 2.10 or later.
    #[arg(long, value_name = "PROGRAM", default_value = "nats-server")]
    nats_server: PathBuf,
    /// The log level of the host: `warn`, `info` (a line for each login) or a filter.
    #[arg(long, value_name = "LEVEL", default_value = "warn", value_parser = log_filter)]
    log_level: LogFilter,
    /// The command, with its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl TestBed {
    /// Starts the server and the host, runs the command and stops everything. Returns the exit code
    /// of the command, or 128 and the number of the signal that ended it.
    ///
    /// # Errors
    ///
    /// Fails if the configuration or a policy is invalid, if the server, the host or the command
    /// cannot be started, or if the server or the host ends before the command.
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        let site = match &self.config {
            Some(config) => Site::of_configuration(config)?,
            None => Site::with_policies(&self.policies, self.accounts.clone())?,
        };
        let findings = run_check(&site.config, |file, tables| {
            check_policies(file, tables, &child_prover())
        });
        if findings.code != ExitCode::Success {
            let errors = findings.problems.into_iter().filter(Problem::is_error);
            let errors = Problems(errors.collect());
            return Err(Failure::new(findings.code, errors));
        }
        let _log = telemetry::init(LogFormat::Pretty, &self.log_level, WhenFull::default())
            .map_err(Failure::internal)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(Failure::internal)?;
        let ran = runtime.block_on(async {
            // Signals are handled before anything starts that would outlive this process.
            let stop = signals::stop_requested().map_err(Failure::internal)?;
            // A closed terminal sends SIGHUP to this process, and not to the server.
            let hung_up = signals::hang_ups().map_err(Failure::internal)?.first();
            let stop = async {
                tokio::select! {
                    () = stop => {}
                    () = hung_up => {}
                }
            };
            self.with_server(&site, pin!(stop)).await
        });
        runtime.shutdown_timeout(STOP_LIMIT);
        ran
    }

    async fn with_server(
        &self,
        site: &Site,
        mut stop: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<u8, Failure> {
        let starting = Server::start(&self.nats_server, &site.server_config, site.directory());
        let mut server = tokio::select! {
            server = starting => server?,
            () = &mut stop => return Ok(TERMINATED),
        };
        let ran = self.with_host(site, &mut server, stop).await;
        let stopped = server.stop().await;
        let code = ran?;
        stopped.map(|()| code)
    }

    async fn with_host(
        &self,
        site: &Site,
        server: &mut Server,
        stop: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<u8, Failure> {
        let (config, secrets) = site.host(&server.address)?;
        let mut host = RunningHost::start(config, secrets)?;
        let ran = self.run_command(site, server, &mut host, stop).await;
        let stopped = host.stop().await;
        let code = ran?;
        stopped.map(|()| code)
    }

    async fn run_command(
        &self,
        site: &Site,
        server: &mut Server,
        host: &mut RunningHost,
        mut stop: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<u8, Failure> {
        tokio::select! {
            ready = host.ready() => ready?,
            failure = server.lost() => return Err(failure),
            () = &mut stop => return Ok(TERMINATED),
        }
        let mut command = self.start_command(site, &server.address)?;
        let failure = tokio::select! {
            status = command.wait() => return exit_code(status),
            failure = server.lost() => Some(failure),
            failure = host.lost() => Some(failure),
            () = &mut stop => None,
        };
        let status = child::end(&mut command, COMMAND_LIMIT).await;
        failure.map_or_else(|| exit_code(status), Err)
    }

    fn start_command(&self, site: &Site, address: &ServerAddress) -> Result<Child, Failure> {
        let (program, arguments) = match self.command.split_first() {
            Some((program, arguments)) => (program.as_os_str(), arguments),
            // The command line requires a command.
            None => Default::default(),
        };
        let mut command = Command::new(program);
        command
            .args(arguments)
            .envs(site.variables(address))
            .kill_on_drop(true);
        command.spawn().map_err(|error| {
            let code = match error.kind() {
                ErrorKind::NotFound => ExitCode::NotFound,
                _ => ExitCode::Internal,
            };
            let context = format!("cannot start `{}`", program.display());
            Failure::new(code, anyhow::Error::new(error).context(context))
        })
    }
}

/// The reason for which policies cannot place users in an account.
#[derive(Debug, thiserror::Error)]
enum InvalidTarget {
    #[error(transparent)]
    Name(#[from] InvalidAccountName),
    #[error("the server has this account for itself: choose another name")]
    Reserved,
}

/// Reads the name of an account that policies may place users in.
fn target_account(text: &str) -> Result<AccountName, InvalidTarget> {
    if RESERVED.contains(&text) {
        return Err(InvalidTarget::Reserved);
    }
    Ok(text.parse()?)
}

/// Returns the exit code of a command, as shells have it: 128 and the number of the signal that
/// ended it.
fn exit_code(status: std::io::Result<ExitStatus>) -> Result<u8, Failure> {
    let status = status.map_err(Failure::internal)?;
    let signal = || status.signal().map(|signal| signal.saturating_add(128));
    let code = status.code().or_else(signal);
    let code = code.and_then(|code| u8::try_from(code).ok());
    Ok(code.unwrap_or(u8::MAX))
}
