//! Table `[callout]`: the service's answers and the accounts that they are for.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_authority::{AuthorityOptions, Expiry, TargetAccounts};
use portcullis_callout::{
    DenyModes, OpenRules, ParticipationOptions, QueueGroup, ServerList, TimeLimits, TrustedServers,
    WhenAlone,
};
use portcullis_claims::KeyKind;
use portcullis_connect::SecretSource;
use portcullis_core::AccountName;
use portcullis_toml::kinds::{SECONDS, SOME_SECONDS, SOME_TIME, WORD};
use portcullis_toml::{InvalidValue, Keyed, Kind, Read, Section};

use crate::allowed::read_allowed;
use crate::deny;
use crate::other_keys::{self, OtherKeys};
use crate::sources::{NamedSecrets, SecretKind};
use crate::values::{ACCOUNT, SERVER_KEY, SERVICE_NAME};

/// The table `[callout]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callout {
    /// Account seed (`SA…`) that signs responses. In config mode, it belongs to the servers'
    /// `issuer`. In operator mode, it is that of the callout account or one of its signing keys.
    pub issuer_seed: Keyed<SecretSource>,
    /// Curve seed (`SX…`) that opens requests and seals responses. `None` for plain requests.
    pub xkey_seed: Option<Keyed<SecretSource>>,
    /// Tables `[callout.other-keys.NAME]`: keys that some servers expect in place of these.
    pub other_keys: BTreeMap<String, OtherKeys>,
    /// Accounts that policies may place users in. `None` selects those of `[operator.accounts]`.
    pub target_accounts: Option<TargetAccounts>,
    /// Demands on requests: `trusted-servers`, `trusted-server-tags`, `refuse-replays` and
    /// `clock-skew`.
    pub open: OpenRules,
    /// Queue group that distributes the requests, and account of the service's own user: `account`
    /// of the servers' `auth_callout`, by default `$G`. In operator mode, servers show the key in
    /// `[operator]` instead.
    pub group: QueueGroup,
    /// System account of the servers. Default: `$SYS`.
    pub system_account: AccountName,
    /// Maximum number of requests in progress, at least one. Default: 256.
    pub max_in_flight: usize,
    /// Time limits: `deadline` and `drain-timeout`.
    pub times: TimeLimits,
    /// End of logins: `max-expiry`, at least a second, and `expiry-jitter`.
    pub expiry: Expiry,
    /// Form of the answers to denied logins.
    pub deny: DenyModes,
    /// Conditions under which the service takes part: `max-mismatches`, at least one, and
    /// `when-alone`.
    pub participation: ParticipationOptions,
    /// Whether the service tries a login of its own if none arrives. In operator mode, that needs
    /// the sentinel's credentials too. Default: true.
    pub probe: bool,
    /// Name under which NATS tools find the service. Default: `portcullis`.
    pub service_name: String,
    /// Whether NATS tools find the service. Default: true.
    pub discoverable: bool,
}

/// Maximum of `max-in-flight`. A higher value would only cost memory, because every request may
/// need an instance and a thread.
const MAX_IN_FLIGHT: usize = 65_536;

const WHEN_ALONE: Kind<WhenAlone> = Kind {
    expected: "`deny` or `silent`",
    parse: |text| match text {
        "deny" => Ok(WhenAlone::Deny),
        "silent" => Ok(WhenAlone::Silent),
        _ => Err(InvalidValue::unexpected("`deny` or `silent`", text)),
    },
};

impl Callout {
    pub(crate) fn read(
        mut section: Section<'_>,
        operator_mode: bool,
        secrets: &NamedSecrets,
    ) -> Option<Self> {
        let (open, times) = (OpenRules::default(), TimeLimits::default());
        let (expiry, participation) = (Expiry::default(), ParticipationOptions::default());
        let issuer_seed = read_issuer(&mut section, secrets);
        let curve = SecretKind::Seed(KeyKind::Curve);
        let xkey_seed = secrets.read(&mut section, "xkey-seed-file", "xkey-seed-env", curve);
        let other_keys = other_keys::read(section.section("other-keys"), operator_mode, secrets);
        let account = section.value("account", &ACCOUNT, AccountName::global());
        let system_account = section.value("system-account", &ACCOUNT, AccountName::system());
        let special = [account.as_ref(), system_account.as_ref()];
        let target_accounts = read_targets(&mut section, special, operator_mode);
        let trusted_servers = read_trusted_servers(&mut section);
        let refuse_replays = section.flag("refuse-replays", open.refuse_replays);
        let queue_group = section.value("queue-group", &WORD, QueueGroup::NAME.to_owned());
        let max_in_flight = match section.setting("max-in-flight") {
            None => Some(AuthorityOptions::MAX_IN_FLIGHT),
            Some(setting) => setting.count(MAX_IN_FLIGHT),
        };
        let deadline = section.value("deadline", &SOME_TIME, times.deadline);
        let clock_skew = section.value("clock-skew", &SECONDS, open.clock_skew);
        let max_expiry = match section.setting("max-expiry") {
            None => Some(expiry.max),
            Some(setting) => setting.parse(&SOME_SECONDS).map(Some),
        };
        let expiry_jitter = section.value("expiry-jitter", &SECONDS, expiry.jitter);
        let deny = deny::read(section.section("deny"));
        let max_mismatches = match section.setting("max-mismatches") {
            None => Some(participation.max_mismatches),
            Some(setting) => {
                let number = setting.number(1, i64::from(u32::MAX));
                number.map(i64::unsigned_abs)
            }
        };
        let when_alone = section.value("when-alone", &WHEN_ALONE, participation.when_alone);
        let probe = section.flag("probe", true);
        let service_name = section.value("service-name", &SERVICE_NAME, "portcullis".to_owned());
        let discoverable = section.flag("discoverable", true);
        let drain_timeout = section.value("drain-timeout", &SOME_TIME, times.drain_timeout);
        section.finish();
        Some(Self {
            issuer_seed: issuer_seed?,
            xkey_seed,
            other_keys: other_keys?,
            target_accounts: target_accounts?,
            open: OpenRules {
                trusted_servers: trusted_servers?,
                refuse_replays: refuse_replays?,
                clock_skew: clock_skew?,
            },
            group: QueueGroup {
                name: queue_group?,
                account: account?,
            },
            system_account: system_account?,
            max_in_flight: max_in_flight?,
            times: TimeLimits {
                deadline: deadline?,
                drain_timeout: drain_timeout?,
            },
            expiry: Expiry {
                max: max_expiry?,
                jitter: expiry_jitter?,
            },
            deny: deny?,
            participation: ParticipationOptions {
                max_mismatches: max_mismatches?,
                when_alone: when_alone?,
            },
            probe: probe?,
            service_name: service_name?,
            discoverable: discoverable?,
        })
    }
}

fn read_trusted_servers(section: &mut Section<'_>) -> Option<TrustedServers> {
    let ids = read_allowed(section, "trusted-servers", &SERVER_KEY);
    let tags = read_allowed(section, "trusted-server-tags", &WORD);
    let (ids, tags) = (ids?, tags?);
    if ids.is_any() && tags.is_any() {
        return Some(TrustedServers::Any);
    }
    // A key that is absent names no servers if the other key names some.
    let list = ServerList::new(ids.listed().cloned(), tags.listed().cloned());
    Some(TrustedServers::Listed(list))
}

fn read_issuer(section: &mut Section<'_>, secrets: &NamedSecrets) -> Option<Keyed<SecretSource>> {
    let seed = SecretKind::Seed(KeyKind::Account);
    let source = secrets.read(section, "issuer-seed-file", "issuer-seed-env", seed);
    if !section.has("issuer-seed-file") && !section.has("issuer-seed-env") {
        section.report_missing(
            "issuer-seed-file",
            "missing: name the file with the account seed (SA…) that signs responses, \
             or its variable in `issuer-seed-env`",
        );
    }
    source
}

/// Reads the list, and warns of the callout account and the system account in it. In operator mode,
/// the list is optional.
fn read_targets(
    section: &mut Section<'_>,
    special: [Option<&AccountName>; 2],
    operator_mode: bool,
) -> Read<Option<TargetAccounts>> {
    let Some(setting) = section.setting("target-accounts") else {
        if operator_mode {
            return Some(None);
        }
        section.report_missing(
            "target-accounts",
            "missing: list the accounts that policies may place users in, for example `[\"APP\"]`",
        );
        return None;
    };
    let mut named: BTreeSet<_> = setting.list(&ACCOUNT)?.into_iter().collect();
    if named.is_empty() {
        setting.report("must name at least one account, or `*` for any");
        return None;
    }
    let any = named.remove("*");
    if any && !(section.has("account") && section.has("system-account")) {
        setting.report(
            "`*` leaves out the callout and the system account, so it needs `account` and \
             `system-account` to be set",
        );
        return None;
    }
    for (account, what) in special.into_iter().zip(["callout", "system"]) {
        if let Some(account) = account
            && named.contains(account)
        {
            setting.warn(format!(
                "policies may place users in the {what} account `{account}`"
            ));
        }
    }
    Some(Some(if any {
        let barred = special.into_iter().flatten().cloned().collect();
        TargetAccounts::Any { named, barred }
    } else {
        TargetAccounts::Only(named)
    }))
}
