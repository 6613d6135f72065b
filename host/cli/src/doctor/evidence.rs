//! Evidence: the observations that the checks compare. Gathering it is the only part with I/O.

mod accounts;
mod host;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use portcullis_authority::PermitRules;
use portcullis_callout::{FoundService, OwnUser, QueueGroup};
use portcullis_connect::RequiredPermission;
use portcullis_core::AccountName;
use portcullis_toml::Problem;

use super::server_conf::ServerConf;

pub(crate) use accounts::{AccountJwt, NamedAccount, Namer, RejectedAccount, Target};
pub(crate) use host::{
    FoundLock, HeldKeys, HostHealth, IssuerKeys, LockCopyFound, Locks, RecordFile, RecordStream,
    Records, StateDirectory, WriteTrial,
};

/// All observations of one run.
#[derive(Clone, Debug)]
pub(crate) struct Evidence {
    /// The time of the run, in seconds since the Unix epoch.
    pub(crate) now: u64,
    /// The configuration of the host.
    pub(crate) file: PathBuf,
    /// The problems that `portcullis check` finds.
    pub(crate) problems: Vec<Problem>,
    /// The configuration, as far as it faces servers. `None` if it is invalid.
    pub(crate) settings: Option<Settings>,
    /// The user JWTs that the host and this command log in with.
    pub(crate) credentials: Vec<Credential>,
    /// The certificates of the host's files and of the servers.
    pub(crate) certificates: Vec<Certificate>,
    /// The attempt to run a policy in this process, for the configured number of decisions.
    pub(crate) machine: Option<Result<(), String>>,
    /// The fetches of issuers' keys.
    pub(crate) issuers: Vec<IssuerKeys>,
    /// The answer of the host on this machine. `None` if the configuration is invalid.
    pub(crate) health: Option<HostHealth>,
    /// The state directory. `None` if the configuration does not say which it is.
    pub(crate) state: Option<StateDirectory>,
    /// The places of decision records. `None` if the configuration is invalid.
    pub(crate) records: Option<Records>,
    /// The bucket of locks. `None` if the configuration names none.
    pub(crate) locks: Option<Locks>,
    /// The accounts that files name, apart from target accounts.
    pub(crate) names: Vec<NamedAccount>,
    /// The accounts for which servers refused permits, by the host's file of decision records.
    /// `None` if the host writes no such file.
    pub(crate) rejected: Option<Result<Vec<RejectedAccount>, String>>,
    /// The configured servers.
    pub(crate) servers: Vec<Server>,
    /// The connections of the host other than those that carry logins.
    pub(crate) connections: Vec<OtherConnection>,
    /// The services of the callout account that answer logins.
    pub(crate) services: Result<Vec<FoundService>, String>,
    /// The file of `--server-conf`. `None` without the argument.
    pub(crate) server_conf: Option<Result<ServerConf, String>>,
    /// What the servers tell the system account. `None` without `--creds`.
    pub(crate) system: Option<Result<System, String>>,
}

/// The parts of the configuration that face servers.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The account key that servers have to expect: that of the issuer in config mode, that of the
    /// callout account in operator mode. `None` if the secrets are invalid.
    pub(crate) issuer: Option<String>,
    /// Other issuers that the host answers for, while keys are rotated.
    pub(crate) other_issuers: Vec<String>,
    /// The public key of the seed that signs responses. `None` if the secrets are invalid.
    pub(crate) signer: Option<String>,
    /// The xkey of the host.
    pub(crate) xkey: OwnXkey,
    /// Other xkeys that open requests, while keys are rotated.
    pub(crate) other_xkeys: Vec<String>,
    /// The user name or the public nkey of the host's own user, if it is known.
    pub(crate) user: Option<String>,
    /// The queue group, with the callout account as servers show it.
    pub(crate) group: QueueGroup,
    /// Whether the host runs in operator mode.
    pub(crate) operator_mode: bool,
    /// Whether the configuration demands that the TLS handshake comes first.
    pub(crate) tls_first: bool,
    /// Whether the configuration demands TLS of every server.
    pub(crate) tls_required: bool,
    /// The host's deadline for a decision.
    pub(crate) deadline: Duration,
    /// The allowed difference of clocks.
    pub(crate) clock_skew: Duration,
    /// The accounts that policies may place users in, as far as the configuration names them.
    pub(crate) targets: Vec<Target>,
    /// The rules for permits.
    pub(crate) rules: PermitRules,
    /// The system account, by the configuration.
    pub(crate) system_account: AccountName,
    /// The features of the host that need more of servers than logins do.
    pub(crate) features: Features,
}

/// The xkey of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OwnXkey {
    /// The secrets are invalid.
    Unknown,
    /// The host expects plain requests.
    Absent,
    /// The public key.
    Key(String),
}

/// Features of the host that need more of servers than logins do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Features {
    /// Whether clients present tokens of issuers.
    pub(crate) tokens: bool,
    /// Whether policies look into key-value buckets.
    pub(crate) buckets: bool,
    /// Whether the host makes accounts at their first login.
    pub(crate) first_login: bool,
}

/// A user JWT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credential {
    /// The place of the JWT, in words.
    pub(crate) place: String,
    /// The time from which the JWT expires, in seconds since the Unix epoch. `None` if it does not.
    pub(crate) expires_at: Option<u64>,
}

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// The place of the certificate, in words.
    pub(crate) place: String,
    /// The name of its holder.
    pub(crate) subject: String,
    /// The start of its validity, in seconds since the Unix epoch.
    pub(crate) not_before: i64,
    /// The end of its validity, in seconds since the Unix epoch.
    pub(crate) not_after: i64,
}

/// A connection of the host for records, buckets or the system account.
#[derive(Clone, Debug)]
pub(crate) struct OtherConnection {
    /// The table of the configuration that describes it.
    pub(crate) table: &'static str,
    /// The permissions that its user lacks, or the reason why it is not made. `None` if the server
    /// does not say them.
    pub(crate) missing: Result<Option<Vec<RequiredPermission>>, String>,
}

/// A configured server.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// Host and port.
    pub(crate) address: String,
    /// The addresses that the name of the host leads to, in words. `None` without a name.
    pub(crate) resolved: Option<String>,
    /// The server's first message.
    pub(crate) greeting: Greeting,
    /// The login of the host's own user.
    pub(crate) login: Login,
    /// The host's own user, if it is logged in.
    pub(crate) user: Option<OwnUser>,
    /// The probe login, or the reason why none was made.
    pub(crate) probe: Result<Probe, String>,
    /// The login with the credential of `--bypass`. `None` without the argument.
    pub(crate) bypass: Option<Result<Probe, String>>,
}

/// The first message of a server.
#[derive(Clone, Debug)]
pub(crate) enum Greeting {
    /// The server described itself.
    Info(ServerInfo),
    /// The server accepted the connection, and waits for the TLS handshake.
    TlsFirst,
    /// The server accepted the connection, and answers neither in the clear nor with TLS.
    Silent,
    /// The server was not reached, or sent something else.
    Failed(String),
}

/// The description that a server sends to every client.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default)]
pub(crate) struct ServerInfo {
    /// The name.
    pub(crate) server_name: String,
    /// The release.
    pub(crate) version: String,
    /// Whether clients have to use TLS.
    pub(crate) tls_required: bool,
    /// The maximum size of a message, in bytes.
    pub(crate) max_payload: u64,
    /// Whether the server has `JetStream`.
    pub(crate) jetstream: bool,
}

/// The login of the host's own user at one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Login {
    /// The server let the user in.
    Accepted,
    /// The server refused the user.
    Refused {
        /// Time until the refusal.
        after: Duration,
    },
    /// No login was made.
    Failed(String),
}

/// A login that no host admits: a made-up token, or a credential under the name of a probe.
#[derive(Clone, Debug)]
pub(crate) struct Probe {
    pub(crate) answer: ProbeAnswer,
    /// Time until the answer.
    pub(crate) after: Duration,
    /// The server's request, as the host's account received it. `None` if none came, or if this
    /// command could not listen.
    pub(crate) request: Result<Option<ObservedRequest>, String>,
}

/// The server's answer to a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProbeAnswer {
    Refused,
    LetIn,
    Unclear(String),
}

/// An authorization request that this command received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ObservedRequest {
    /// The request is encrypted, and the host has no key.
    Encrypted,
    /// The request is encrypted for another key.
    OtherXkey,
    /// The request of the probe.
    Read(Box<ReadRequest>),
}

/// The facts of a request that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReadRequest {
    /// The name of the server.
    pub(crate) server_name: String,
    /// The id of the server.
    pub(crate) server_id: String,
    /// Whether the request was encrypted.
    pub(crate) encrypted: bool,
    /// The issuer or account that the server expects an answer of.
    pub(crate) expected: String,
    /// Time that the server waits for an answer, in seconds. `None` if the request does not say.
    pub(crate) lifetime: Option<u64>,
    /// The server's clock minus that of this machine, in seconds.
    pub(crate) ahead: i64,
    /// Whether the server is one of the trusted servers.
    pub(crate) trusted: bool,
    /// The reason for which the host refuses the request, apart from its times.
    pub(crate) fault: Option<String>,
}

/// What the servers tell the system account.
#[derive(Clone, Debug)]
pub(crate) struct System {
    /// The servers that answered.
    pub(crate) servers: Vec<SystemServer>,
    /// The accounts that servers list: in config mode all, in operator mode those in use.
    pub(crate) accounts: Vec<String>,
    /// The system account of the servers, as they list it. `None` if they do not say it.
    pub(crate) own_account: Option<String>,
    /// The target accounts that no server has, in operator mode those that no resolver has.
    pub(crate) missing_targets: Result<Vec<Target>, String>,
    /// The JWTs of the callout account that servers have, usually one. `None` in config mode.
    pub(crate) callout: Option<Result<Vec<AccountJwt>, String>>,
    /// The JWTs of the target accounts, by their names in the configuration. Empty in config mode.
    pub(crate) targets: BTreeMap<String, Result<Vec<AccountJwt>, String>>,
}

/// One server, as it tells the system account.
#[derive(Clone, Debug, Default)]
pub(crate) struct SystemServer {
    pub(crate) name: String,
    pub(crate) version: String,
    /// The time for a login, in seconds.
    pub(crate) auth_timeout: f64,
    /// The maximum length of a protocol line, CONNECT included, in bytes.
    pub(crate) max_control_line: Option<u64>,
    /// The time between writes to the disk. `None` without `JetStream`, and if every write is
    /// synchronous.
    pub(crate) sync_interval: Option<Duration>,
}
