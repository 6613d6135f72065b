//! Conversion of the configuration to the service's options.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use portcullis_authority::{
    AccountIssuer, AuthorityOptions, Issuers, OperatorIssuers, Recorder, TargetAccounts, Tracer,
};
use portcullis_callout::{Discovery, FurtherEndpoint, HostKeys, QueueGroup, ServiceOptions, Xkeys};
use portcullis_claims::{CurveKey, IssuerKey, KeyError};
use portcullis_config::{self as config, Callout, Config, Operator, Secrets, permit_rules};
use portcullis_connect::{Authentication, ConnectionOptions, LoginProbe, RequiredPermission};
use portcullis_core::{AccountName, Secret};
use portcullis_identity::{Identifier, IdentifierOptions, TokenVerifier, TrustedAccounts};
use portcullis_records::LiveOptions;

use crate::error::BuildError;

/// Returns the options of the service.
///
/// # Errors
///
/// Fails if a seed cannot be used.
pub(crate) fn service_options(
    config: &Config,
    secrets: &Secrets,
) -> Result<ServiceOptions, BuildError> {
    let callout = &config.callout;
    Ok(ServiceOptions {
        keys: host_keys(config, secrets, None)?,
        open: callout.open.clone(),
        authority: authority_options(config)?,
        deny: callout.deny.clone(),
        times: callout.times,
        group: queue_group(config),
        participation: callout.participation,
        probe: probe(config)?,
        discovery: callout.discoverable.then(|| discovery(config)),
        further_permissions: further_permissions(config),
    })
}

/// Returns the keys of the host: the main ones, and those that some servers expect in place of
/// them. `main` are main signers that stay.
///
/// # Errors
///
/// Fails if a seed cannot be used.
pub(crate) fn host_keys(
    config: &Config,
    secrets: &Secrets,
    main: Option<Arc<Issuers>>,
) -> Result<HostKeys, KeyError> {
    let curve = |seed: &Secret| CurveKey::from_seed(seed.expose());
    let xkey = secrets.xkey_seed.as_ref().map(curve).transpose()?;
    let others = secrets.other_keys.iter();
    let other_xkeys = others.clone().filter_map(|keys| keys.xkey_seed.as_ref());
    let other_xkeys = other_xkeys.map(curve).collect::<Result<Vec<_>, _>>()?;
    let other_issuers = others.filter_map(|keys| keys.issuer_seed.as_ref());
    let other_issuers = other_issuers
        .map(|seed| IssuerKey::from_seed(seed.expose()).map(|key| Arc::new(Issuers::Config(key))))
        .collect::<Result<Vec<_>, _>>()?;
    let main = match main {
        Some(main) => main,
        None => Arc::new(issuers(config, secrets)?),
    };
    let xkeys = Xkeys::new(xkey, other_xkeys);
    Ok(HostKeys::with_others(main, other_issuers, xkeys))
}

/// Returns the options of the part of the host that identifies clients, decides and enforces.
///
/// # Errors
///
/// Fails if tables about identities contradict each other, or if a file of a trusted account cannot
/// be read.
pub fn authority_options(config: &Config) -> Result<AuthorityOptions, BuildError> {
    let callout = &config.callout;
    Ok(AuthorityOptions {
        identifier: identifier(&config.identity, None)?,
        throttle: config.identity.throttle.clone(),
        rules: permit_rules(callout, config.operator.as_ref(), &config.ceilings),
        max_in_flight: callout.max_in_flight,
        accounts: None,
        // The host starts the sinks of records when it runs.
        recorder: Recorder::default(),
        locks: None,
        // The host starts the exporter of traces when it runs.
        tracer: Tracer::default(),
    })
}

/// Returns the queue group of the host, with the callout account as servers show it.
pub fn queue_group(config: &Config) -> QueueGroup {
    QueueGroup {
        account: callout_account(&config.callout, config.operator.as_ref()),
        ..config.callout.group.clone()
    }
}

/// Returns the permissions in the callout account that the host's own user needs for more than
/// logins and buckets.
pub fn further_permissions(config: &Config) -> Vec<RequiredPermission> {
    let rules = permit_rules(&config.callout, config.operator.as_ref(), &config.ceilings);
    let is_fixed = rules.new_accounts.is_empty() && rules.requested_accounts.is_empty();
    let accounts = match &rules.accounts {
        TargetAccounts::Only(names) if is_fixed => Some(names),
        _ => None,
    };
    let stream_is_elsewhere = config.records_nats.is_some();
    config
        .records
        .required_permissions(accounts, stream_is_elsewhere)
}

/// Returns the probe with which the host tries a login of its own. `None` if it is disabled, or if
/// [`login_probe`] returns none.
fn probe(config: &Config) -> Result<Option<LoginProbe>, BuildError> {
    if config.callout.probe {
        login_probe(config)
    } else {
        Ok(None)
    }
}

/// Returns a login that tests whether servers ask the callout. `None` in operator mode without a
/// sentinel, because servers ask the callout about no login without one.
///
/// # Errors
///
/// Fails if a server address cannot be read.
pub fn login_probe(config: &Config) -> Result<Option<LoginProbe>, BuildError> {
    let authentication = match &config.operator {
        None => Authentication::None,
        Some(operator) => match &operator.sentinel {
            None => return Ok(None),
            Some(source) => Authentication::Credentials(source.value.clone()),
        },
    };
    let connection = ConnectionOptions::from(&config.nats);
    let probe = LoginProbe::new(&connection, authentication);
    probe.map(Some).map_err(BuildError::Probe)
}

/// Returns the stage that proves identities. Issuers of tokens keep the keys that `former` has for
/// them.
///
/// # Errors
///
/// Fails as [`authority_options`] does.
pub(crate) fn identifier(
    identity: &config::Identity,
    former: Option<&Identifier>,
) -> Result<Identifier, BuildError> {
    let former = former.and_then(Identifier::tokens);
    let tokens = TokenVerifier::succeeding(identity.issuers.clone(), former.as_deref())?;
    let (accounts, operators) = (identity.accounts.clone(), identity.operators.clone());
    let accounts = TrustedAccounts::new(accounts, operators)?;
    Ok(Identifier::new(IdentifierOptions {
        token_places: identity.token_places.clone(),
        tokens: (!identity.issuers.is_empty()).then(|| Arc::new(tokens)),
        accounts,
    }))
}

/// Returns the keys that sign responses and user JWTs.
///
/// # Errors
///
/// Fails if a seed cannot be used.
pub fn issuers(config: &Config, secrets: &Secrets) -> Result<Issuers, KeyError> {
    let response = IssuerKey::from_seed(secrets.issuer_seed.expose())?;
    let Some(operator) = &config.operator else {
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

/// Returns the callout account as servers show it: its name in config mode, its key in operator
/// mode.
fn callout_account(callout: &Callout, operator: Option<&Operator>) -> AccountName {
    operator.map_or_else(
        || callout.group.account.clone(),
        |operator| AccountName::from(&operator.account),
    )
}

fn discovery(config: &Config) -> Discovery {
    let (callout, operator) = (&config.callout, config.operator.as_ref());
    let account = callout_account(callout, operator);
    // Debug shows all parts in a fixed order, and no seed.
    let rules = format!("{:?}", permit_rules(callout, operator, &config.ceilings));
    let digest = digest(&SHA256, rules.as_bytes());
    Discovery {
        name: callout.service_name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        description: "decides NATS logins by WebAssembly policies".to_owned(),
        metadata: BTreeMap::from([
            ("account".to_owned(), account.to_string()),
            ("rules".to_owned(), HEXLOWER.encode(digest.as_ref())),
        ]),
        endpoints: config.records.live.iter().map(live_endpoint).collect(),
    }
}

fn live_endpoint(live: &LiveOptions) -> FurtherEndpoint {
    FurtherEndpoint {
        name: LiveOptions::ENDPOINT,
        subject: live.subject.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use portcullis_claims::{KeyKind, SigningKey};

    use super::*;

    #[test]
    fn hosts_of_the_same_rules_state_the_same_digest() {
        let rules = |callout: &str| {
            let text =
                format!("[callout]\nissuer-seed-file = \"issuer.nk\"\n{callout}\n[health]\n");
            let config = Config::parse(Path::new("portcullis.toml"), &text).unwrap();
            discovery(&config.value).metadata.remove("rules").unwrap()
        };
        let one = rules("target-accounts = [\"A\", \"B\"]");
        assert_eq!(
            rules("target-accounts = [\"B\", \"A\"]\nprobe = false"),
            one
        );
        assert_ne!(rules("target-accounts = [\"A\"]"), one);
        assert_ne!(
            rules("target-accounts = [\"A\", \"B\"]\nmax-expiry = \"1h\""),
            one
        );
    }

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
