//! Findings: what is wrong, how it shows, and how to mend it.

use std::fmt;

/// The weight of a finding, in ascending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// A fact that an operator should know.
    Info,
    /// A condition that can cost logins or security later.
    Warning,
    /// A condition that costs logins, or lets unchecked ones in, now.
    Error,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The kind of the finding.
    pub(crate) code: Code,
    /// The condition, in one sentence without a period.
    pub(crate) cause: String,
    /// The observations that show the condition, one a line.
    pub(crate) evidence: Vec<String>,
    /// The way to end the condition, in one sentence without a period.
    pub(crate) remedy: String,
}

/// Defines the codes, each with its name, its severity and its meaning in a sentence.
macro_rules! codes {
    ($($variant:ident = $name:literal, $severity:ident, $meaning:literal;)+) => {
        /// The kind of a finding. Names are stable: scripts and runbooks rely on them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Code {
            $(#[doc = $meaning] $variant,)+
        }

        impl Code {
            /// All codes, in the order of the reference.
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Returns the name.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Returns the severity of every finding of this kind.
            pub(crate) const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)+ }
            }

            /// Returns the meaning, in a sentence of Markdown.
            #[cfg(test)]
            pub(crate) const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)+ }
            }
        }
    };
}

codes! {
    ConfigurationInvalid = "configuration-invalid", Error,
        "`portcullis.toml`, or a secret that it names, is wrong. The host does not start.";
    ConfigurationDoubtful = "configuration-doubtful", Warning,
        "`portcullis.toml` says something that its author probably did not mean.";
    ConfigurationExposed = "configuration-exposed", Warning,
        "Every user of the machine can change `portcullis.toml`, or replace it or a secret in its directory.";
    SecretExposed = "secret-exposed", Warning,
        "Every user of the machine can read or change a key or another secret.";
    PoliciesInvalid = "policies-invalid", Error,
        "A policy is missing, is refused, or fails its tests or an assertion.";
    PoliciesDoubtful = "policies-doubtful", Warning,
        "A policy has no tests, or says something that its author probably did not mean.";
    PoliciesExposed = "policies-exposed", Warning,
        "Every user of the machine can change the policies, and so who is admitted.";
    StateDirectoryUnused = "state-directory-unused", Warning,
        "The host does not trust its state directory, so good versions do not survive a restart.";
    StateDirectoryFull = "state-directory-full", Error,
        "The state directory cannot be written to, so no new version of a policy is kept.";
    CredentialsExpired = "credentials-expired", Error,
        "A user JWT that the host or this command logs in with has expired or is not valid yet.";
    CredentialsExpireSoon = "credentials-expire-soon", Warning,
        "A user JWT that the host logs in with expires within a week.";
    CertificateExpired = "certificate-expired", Error,
        "A certificate of the host or of a server is not valid now.";
    CertificateExpiresSoon = "certificate-expires-soon", Warning,
        "A certificate of the host or of a server expires within two weeks.";
    MachineUnfit = "machine-unfit", Error,
        "A limit of the process keeps policies from running, such as `MemoryDenyWriteExecute=`.";
    IssuerKeysMissing = "issuer-keys-missing", Error,
        "The keys of an identity provider cannot be fetched, so its tokens are refused.";
    IssuerKeysOutdated = "issuer-keys-outdated", Warning,
        "The keys of an identity provider cannot be fetched now. The host that runs has earlier ones.";
    ServerUnreachable = "server-unreachable", Error,
        "A configured server does not answer.";
    TlsFailed = "tls-failed", Error,
        "No TLS session with a server is made: authority, name or time of a certificate is wrong.";
    SessionFailed = "session-failed", Error,
        "A server answers, and ends the connection of the host for a reason that is not TLS.";
    TlsFirstDiffers = "tls-first-differs", Error,
        "Server and host do not agree whether the TLS handshake comes first.";
    ServerTooOld = "server-too-old", Error,
        "A server's release has no auth callout.";
    ServerReleaseUnknown = "server-release-unknown", Warning,
        "The host does not know the rules of a server's release. It assumes those of the newest.";
    ServerReleasePitfalls = "server-release-pitfalls", Warning,
        "A server's release has faults that neither host nor configuration closes.";
    ServerReleaseNotes = "server-release-notes", Info,
        "A server's release leaves to the host what later releases do.";
    ControlLineSmall = "control-line-small", Info,
        "Servers refuse long tokens before the callout, by their `max_control_line`.";
    PayloadSmall = "payload-small", Warning,
        "The `max_payload` of a server leaves little room for requests and user JWTs.";
    SyncIntervalLong = "sync-interval-long", Warning,
        "`JetStream` writes to the disk rarely, so a revocation in a bucket can be lost.";
    RecordsUnwritable = "records-unwritable", Error,
        "The file of decision records cannot be written. A host that starts now ends at once.";
    RecordsStreamMissing = "records-stream-missing", Warning,
        "No stream captures the subject of decision records, so they are lost.";
    RecordsStreamUnavailable = "records-stream-unavailable", Warning,
        "`JetStream` has no leader, so the stream of decision records takes none.";
    LocksUnreadable = "locks-unreadable", Error,
        "The bucket of locks cannot be read. A host without a copy of it denies every login.";
    LocksCopyStale = "locks-copy-stale", Warning,
        "The host's copy of the locks is older than ten minutes, or is not usable.";
    LockLasting = "lock-lasting", Warning,
        "A lock has been in force, or is to be in force, for more than a month.";
    LockEndsSoon = "lock-ends-soon", Info,
        "A lock ends within a day.";
    LocksInForce = "locks-in-force", Info,
        "Locks deny logins now.";
    LoginRefused = "login-refused", Error,
        "A server refuses the login of the host's own user.";
    AccountDiffers = "account-differs", Error,
        "The host's user is in another account than the configuration says.";
    UserUnconfirmed = "user-unconfirmed", Error,
        "A server does not say in which account the host's user is.";
    PermissionVital = "permission-vital", Error,
        "The host's user lacks a permission without which the host receives or answers no login.";
    PermissionMissing = "permission-missing", Warning,
        "The host's user lacks a permission that the host uses.";
    ConnectionFailed = "connection-failed", Warning,
        "A connection for records, buckets or the system account is not made.";
    CalloutNotAsked = "callout-not-asked", Error,
        "A server decides logins without asking the host's account.";
    CalloutAbsent = "callout-absent", Error,
        "The server's configuration has no `auth_callout`, or the account's JWT no `authorization`.";
    CalloutAccountDiffers = "callout-account-differs", Error,
        "The server's configuration hands logins to another account than the host's.";
    CalloutUserMissing = "callout-user-missing", Error,
        "The host's user is not in `auth_users`, so its own login waits for the host.";
    CalloutIssuerDiffers = "callout-issuer-differs", Error,
        "The server expects answers of another issuer than the host's.";
    CalloutXkeyDiffers = "callout-xkey-differs", Error,
        "The server encrypts requests for another key than the host's.";
    CalloutXkeyMissingHere = "callout-xkey-missing-here", Error,
        "The server encrypts requests, and the host has no key to open them.";
    CalloutXkeyMissingThere = "callout-xkey-missing-there", Error,
        "The host demands encrypted requests, and the server sends them in the clear.";
    CalloutTargetNotAllowed = "callout-target-not-allowed", Error,
        "The callout account's JWT does not allow an account that policies may place users in.";
    CalloutSignerUnknown = "callout-signer-unknown", Warning,
        "The callout account's JWT does not have the key that the host signs answers with.";
    TargetSignerUnknown = "target-signer-unknown", Error,
        "A target account's JWT does not have a key that signs its users, so servers refuse them.";
    CalloutTimeoutTooShort = "callout-timeout-too-short", Error,
        "The server gives a login up before the host's deadline.";
    ServerNotTrusted = "server-not-trusted", Error,
        "A server that asks is not among `trusted-servers` or `trusted-server-tags`.";
    ServerLetsIn = "server-lets-in", Error,
        "A server admits a made-up token without asking.";
    RequestInvalid = "request-invalid", Error,
        "The host refuses the requests of a server for another reason.";
    ClockDiffers = "clock-differs", Error,
        "The clocks of server and host are further apart than `clock-skew` allows.";
    AccountMissing = "account-missing", Error,
        "The servers do not have an account that policies may place users in.";
    NamedAccountMissing = "named-account-missing", Warning,
        "Settings of a policy, an assertion, a ceiling or a lock name an account that servers do not have.";
    NamedAccountNotAllowed = "named-account-not-allowed", Warning,
        "Settings of a policy or an assertion name an account that policies may not place users in.";
    AccountRejected = "account-rejected", Warning,
        "Servers refused recent permits, because they do not have or do not allow the account.";
    SystemAccountDiffers = "system-account-differs", Warning,
        "`system-account` is not the servers' system account, and policies may place users in that.";
    ServerConfUnreadable = "server-conf-unreadable", Error,
        "The file of `--server-conf` cannot be read.";
    SystemLoginRefused = "system-login-refused", Error,
        "No connection is made with the credentials of `--creds`.";
    BypassOpen = "bypass-open", Error,
        "The credential of `--bypass` enters a server without the callout.";
    BypassUnclear = "bypass-unclear", Warning,
        "The login with the credential of `--bypass` shows nothing about the callout.";
    BypassClosed = "bypass-closed", Info,
        "The credential of `--bypass` does not enter while hosts hold their answers back.";
    HostAbsent = "host-absent", Warning,
        "No host answers logins, so clients wait for the server's timeout.";
    HostNotDeciding = "host-not-deciding", Warning,
        "A host runs and does not decide logins.";
    HostNotReady = "host-not-ready", Error,
        "The host on this machine runs and is not ready, for the reasons of its `/readyz`.";
    HostImpaired = "host-impaired", Warning,
        "The host on this machine runs, and its metrics say that something fails.";
    HostsDiffer = "hosts-differ", Warning,
        "Hosts of one account decide with different policies, settings or releases.";
    QueueGroupsDiffer = "queue-groups-differ", Error,
        "Services of one account are in different queue groups, so each login is asked several times.";
}

impl Finding {
    /// Creates a finding without evidence.
    pub(crate) fn new(code: Code, cause: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            code,
            cause: cause.into(),
            evidence: Vec::new(),
            remedy: remedy.into(),
        }
    }

    /// Adds an observation.
    #[must_use]
    pub(crate) fn because(mut self, observation: impl Into<String>) -> Self {
        self.evidence.push(observation.into());
        self
    }
}

impl Severity {
    /// Returns the name.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
