//! Conversion of the configuration to the service's options.

use std::collections::BTreeMap;
use std::sync::Arc;

use portcullis_authority::{
    AccountIssuer, AuthorityOptions, Ceilings, Expiry, Issuers, OperatorIssuers, PermitRules,
    TargetAccounts,
};
use portcullis_callout::{
    DenyMode, DenyModes, Discovery, HostKeys, OpenRules, ParticipationOptions, QueueGroup,
    ServiceOptions, TimeLimits, TrustedServers,
};
use portcullis_catalog::{CatalogOptions, PermitCheck, PermittedLogin, Prover, Stop};
use portcullis_claims::{CurveKey, IssuerKey, KeyError};
use portcullis_connect::{Authentication, ConnectionOptions, LoginProbe};
use portcullis_engine::{CodeCacheOptions, Limits};
use portcullis_identity::{Identifier, IdentifierOptions, TokenVerifier, TrustedAccounts};
use portcullis_mirror::KeyValueOptions;

use crate::config::{self, Callout, Config, KeyValue, Operator, Policies, Secrets, Survey};
use crate::exit::ExitCode;
use crate::failure::Failure;

/// Returns the options of the service.
///
/// # Errors
///
/// Fails if a seed cannot be used.
pub(crate) fn service_options(
    config: &Config,
    secrets: &Secrets,
) -> Result<ServiceOptions, Failure> {
    let callout = &config.callout;
    let operator = config.operator.as_ref();
    let xkey = secrets.xkey_seed.as_ref();
    let xkey = xkey.map(|seed| CurveKey::from_seed(seed.expose()));
    Ok(ServiceOptions {
        keys: HostKeys {
            issuers: issuers(operator, secrets).map_err(unusable)?,
            xkey: xkey.transpose().map_err(unusable)?,
        },
        open: OpenRules {
            trusted_servers: TrustedServers::new(
                callout.trusted_servers.clone(),
                callout.trusted_server_tags.clone(),
            ),
            refuse_replays: callout.refuse_replays,
            clock_skew: callout.clock_skew,
        },
        authority: AuthorityOptions {
            identifier: identifier(&config.identity)?,
            throttle: config.identity.throttle.clone(),
            rules: permit_rules(callout, operator, &config.ceilings),
            max_in_flight: callout.max_in_flight,
        },
        deny: deny_modes(&callout.deny),
        times: TimeLimits {
            deadline: callout.deadline,
            drain_timeout: callout.drain_timeout,
        },
        group: QueueGroup {
            name: callout.queue_group.clone(),
            account: operator.map_or_else(
                || callout.account.clone(),
                |operator| operator.account.as_str().to_owned(),
            ),
        },
        participation: ParticipationOptions {
            max_mismatches: callout.max_mismatches,
            when_alone: callout.when_alone,
        },
        probe: probe(config)?,
        discovery: callout.discoverable.then(|| discovery(callout, operator)),
    })
}

/// Returns the probe with which the host tries a login of its own. `None` if it is disabled. In
/// operator mode, it needs a sentinel, because servers ask the callout about no login without one.
fn probe(config: &Config) -> Result<Option<LoginProbe>, Failure> {
    let authentication = match &config.operator {
        None => Authentication::None,
        Some(operator) => match &operator.sentinel {
            None => return Ok(None),
            Some(source) => Authentication::Credentials(source.place().clone()),
        },
    };
    let connection = ConnectionOptions::from(&config.nats);
    let probe = config
        .callout
        .probe
        .then(|| LoginProbe::new(&connection, authentication));
    let probe = probe.transpose();
    probe.map_err(|error| Failure::new(ExitCode::BadConfiguration, error))
}

fn unusable(error: KeyError) -> Failure {
    Failure::new(ExitCode::BadConfiguration, error)
}

/// Returns the stage that proves identities. Starts to fetch issuers' keys and to check accounts'
/// files.
fn identifier(identity: &config::Identity) -> Result<Identifier, Failure> {
    let tokens = TokenVerifier::new(identity.issuers.clone())
        .map_err(|error| Failure::new(ExitCode::BadConfiguration, error))?;
    let (accounts, operators) = (identity.accounts.clone(), identity.operators.clone());
    let accounts = TrustedAccounts::new(accounts, operators)
        .map_err(|error| Failure::new(ExitCode::BadConfiguration, error))?;
    tokens.start();
    accounts.start();
    Ok(Identifier::new(IdentifierOptions {
        token_places: identity.token_places.clone(),
        tokens: (!identity.issuers.is_empty()).then(|| Arc::new(tokens)),
        accounts,
    }))
}

fn issuers(operator: Option<&Operator>, secrets: &Secrets) -> Result<Issuers, KeyError> {
    let response = IssuerKey::from_seed(secrets.issuer_seed.expose())?;
    let Some(operator) = operator else {
        return Ok(Issuers::Config(response));
    };
    let mut accounts = BTreeMap::new();
    for (name, account) in &operator.accounts {
        let seeds = secrets.accounts.get(name);
        let seed = seeds.and_then(|seeds| seeds.seed.as_ref());
        let roles = seeds.into_iter().flat_map(|seeds| &seeds.roles);
        let issuer = AccountIssuer {
            key: account.key.clone(),
            issuer: seed
                .map(|seed| IssuerKey::from_seed(seed.expose()))
                .transpose()?,
            roles: roles
                .map(|(role, seed)| Ok((role.clone(), IssuerKey::from_seed(seed.expose())?)))
                .collect::<Result<_, KeyError>>()?,
        };
        accounts.insert(name.clone(), issuer);
    }
    let account = operator.account.clone();
    Ok(Issuers::Operator(Box::new(OperatorIssuers::new(
        account, response, accounts,
    ))))
}

/// Returns the rules for permits. They need no keys to say which permits can be signed.
pub(crate) fn permit_rules(
    callout: &Callout,
    operator: Option<&Operator>,
    ceilings: &config::Ceilings,
) -> PermitRules {
    let unkeyed = |account: &config::SigningAccount| AccountIssuer {
        key: account.key.clone(),
        issuer: account.seed.is_some().then_some(()),
        roles: account
            .roles
            .keys()
            .map(|role| (role.clone(), ()))
            .collect(),
    };
    let signing = |operator: &Operator| {
        let accounts = operator.accounts.iter();
        accounts
            .map(|(name, account)| (name.clone(), unkeyed(account)))
            .collect()
    };
    PermitRules {
        accounts: target_accounts(callout, operator),
        ceilings: Ceilings {
            accounts: ceilings.accounts.clone(),
            policies: ceilings.policies.clone(),
        },
        expiry: Expiry {
            max: callout.max_expiry,
            jitter: callout.expiry_jitter,
        },
        signing: operator.map(signing),
    }
}

/// Returns the target accounts. In operator mode, every configured account is one by default.
fn target_accounts(callout: &Callout, operator: Option<&Operator>) -> TargetAccounts {
    let names: Vec<String> = match (&callout.target_accounts, operator) {
        (Some(config::TargetAccounts::Any(named)), _) => {
            let any = std::iter::once("*".to_owned());
            any.chain(named.iter().cloned()).collect()
        }
        (Some(config::TargetAccounts::Only(names)), _) => names.clone(),
        (None, operator) => operator
            .into_iter()
            .flat_map(|operator| operator.accounts.keys().cloned())
            .collect(),
    };
    TargetAccounts::new(names, barred(callout, operator))
}

/// Returns the callout account and the system account, under every name that the configuration has
/// for them.
fn barred(callout: &Callout, operator: Option<&Operator>) -> Vec<String> {
    let special = [callout.account.as_str(), callout.system_account.as_str()];
    let named = operator.into_iter().flat_map(|operator| {
        let is_special =
            move |key: &str| key == operator.account.as_str() || special.contains(&key);
        operator
            .accounts
            .iter()
            .filter(move |(_, account)| is_special(account.key.as_str()))
            .map(|(name, _)| name.as_str())
    });
    special
        .into_iter()
        .chain(named)
        .map(str::to_owned)
        .collect()
}

fn deny_modes(deny: &config::Deny) -> DenyModes {
    let mode = |mode| match mode {
        config::DenyMode::Error => DenyMode::Error,
        config::DenyMode::Empty => DenyMode::Empty,
        config::DenyMode::Drop => DenyMode::Drop,
        config::DenyMode::Delay => DenyMode::Delay(deny.delay),
    };
    DenyModes::new(
        mode(deny.default),
        deny.by_class
            .iter()
            .map(|(class, answer)| (*class, mode(*answer))),
    )
}

fn discovery(callout: &Callout, operator: Option<&Operator>) -> Discovery {
    let account = operator.map_or(callout.account.as_str(), |operator| {
        operator.account.as_str()
    });
    Discovery {
        name: callout.service_name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        description: "decides NATS logins by WebAssembly policies".to_owned(),
        metadata: BTreeMap::from([("account".to_owned(), account.to_owned())]),
    }
}

/// The valid tables of a configuration about policies.
#[derive(Clone, Debug)]
pub struct PolicyTables {
    /// Table `[policies]`.
    pub policies: Policies,
    /// Table `[key-value]`.
    pub key_value: Option<KeyValue>,
    /// Rules for permits, from `[callout]`, `[operator]` and `[ceilings]`.
    pub rules: Option<PermitRules>,
}

impl PolicyTables {
    /// Returns the tables of `survey`. `None` without `[policies]`.
    pub(crate) fn of(survey: Survey) -> Option<Self> {
        let rules = match (&survey.callout, &survey.operator, &survey.ceilings) {
            (Some(callout), Some(operator), Some(ceilings)) => {
                Some(permit_rules(callout, operator.as_ref(), ceilings))
            }
            _ => None,
        };
        Some(Self {
            policies: survey.policies?,
            key_value: survey.key_value,
            rules,
        })
    }

    /// Returns the options for inspecting policies without serving: no state is kept, and no last
    /// good version replaces a refused one. `prover` loads and tests the policies.
    pub(crate) fn options(&self, prover: &Prover) -> CatalogOptions {
        CatalogOptions {
            state_directory: None,
            ..catalog_options(&self.policies, self.rules.clone(), prover)
        }
    }
}

/// Returns the options of the catalog. `rules` apply to the permits in policies' tests. `prover`
/// loads and tests the policies.
pub(crate) fn catalog_options(
    policies: &Policies,
    rules: Option<PermitRules>,
    prover: &Prover,
) -> CatalogOptions {
    let check = |rules: PermitRules| {
        PermitCheck::new(move |policy, login: &PermittedLogin| {
            rules.check(policy, &login.permit, login.server_version.as_deref())
        })
    };
    CatalogOptions {
        permit_check: rules.map(check),
        directory: policies.directory.clone(),
        order: policies.order.clone(),
        poll_interval: policies.poll_interval,
        debounce: policies.debounce,
        max_module_size: policies.max_module_size,
        limits: Limits {
            deadline: policies.deadline,
            memory: usize::try_from(policies.memory).unwrap_or(usize::MAX),
            ..Limits::default()
        },
        max_limits: policies.max_limits,
        grants: policies.grants.clone(),
        load_timeout: policies.load_timeout,
        load_memory: policies.load_memory,
        guards: policies.guards.clone(),
        chains: policies.chains.clone(),
        trusted_publishers: policies.trusted_publishers.clone(),
        state_directory: Some(policies.state_directory.clone()),
        keep_versions: policies.keep_versions,
        prover: prover.clone(),
        stop: Stop::default(),
    }
}

/// Returns the options of the mirror of key-value buckets.
pub(crate) fn key_value_options(table: &KeyValue) -> KeyValueOptions {
    KeyValueOptions {
        buckets: table.buckets.clone(),
        max_bytes: table.max_bytes,
        domain: table.jetstream_domain.clone(),
    }
}

/// Returns the options of the serving host's code cache. `None` if it is disabled.
pub(crate) fn code_cache_options(policies: &Policies) -> Option<CodeCacheOptions> {
    let directory = policies.state_directory.join("code");
    policies
        .code_cache
        .then(|| CodeCacheOptions::new(directory))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use portcullis_claims::{KeyKind, SigningKey};

    use super::*;

    fn makes_probes(callout: &str, operator: &str) -> bool {
        let text = format!(
            "[callout]\nissuer-seed-file = \"issuer.nk\"\ntarget-accounts = [\"APP\"]\n{callout}\n{operator}"
        );
        let config = Config::parse(Path::new("portcullis.toml"), &text).unwrap();
        probe(&config.value).unwrap().is_some()
    }

    #[test]
    fn a_host_makes_probes_where_servers_hand_them_over() {
        assert!(makes_probes("", ""));
        assert!(!makes_probes("probe = false", ""));
        let account = || {
            let seed = SigningKey::generate_seed(KeyKind::Account).unwrap();
            let key = SigningKey::from_seed(seed.expose(), KeyKind::Account).unwrap();
            key.public_key().to_string()
        };
        let operator = |sentinel: &str| {
            format!(
                "[operator]\naccount = \"{}\"\n{sentinel}\n[operator.accounts.APP]\nkey = \"{}\"\nseed-file = \"app.nk\"",
                account(),
                account()
            )
        };
        assert!(!makes_probes("", &operator("")));
        let sentinel = operator("sentinel-creds-file = \"sentinel.creds\"");
        assert!(makes_probes("", &sentinel));
        assert!(!makes_probes("probe = false", &sentinel));
    }
}
