//! The configuration, as far as it faces servers.

use std::path::Path;

use portcullis_authority::PermitRules;
use portcullis_claims::{CurveKey, IssuerKey, UserCredentials};
use portcullis_config::{Config, Secrets, permit_rules};
use portcullis_connect::{Authentication, SecretSource};
use portcullis_core::AccountName;
use portcullis_toml::Keyed;

use crate::doctor::evidence::{Credential, Features, OwnXkey, Settings, Target};
use crate::own_user::own_user;

/// Returns the parts of `config` that face servers.
pub(super) fn settings(config: &Config, secrets: Option<&Secrets>) -> Settings {
    let issuers = secrets.and_then(|secrets| portcullis::issuers(config, secrets).ok());
    let xkey = match secrets {
        None => OwnXkey::Unknown,
        Some(secrets) => match &secrets.xkey_seed {
            None => OwnXkey::Absent,
            Some(seed) => match CurveKey::from_seed(seed.expose()) {
                Ok(key) => OwnXkey::Key(key.public_key().to_owned()),
                Err(_) => OwnXkey::Unknown,
            },
        },
    };
    let signer = secrets.and_then(|secrets| {
        let key = IssuerKey::from_seed(secrets.issuer_seed.expose()).ok()?;
        Some(key.public_key().to_owned())
    });
    let main = issuers.map(|issuers| issuers.request_subject().to_owned());
    let keys = secrets.and_then(|secrets| secrets.callout_keys().ok());
    let (mut other_issuers, mut other_xkeys) =
        keys.map_or_else(Default::default, |keys| (keys.issuers, keys.xkeys));
    // In operator mode, servers expect the callout account and not its signing key.
    other_issuers.retain(|key| config.operator.is_none() && Some(key) != main.as_ref());
    other_xkeys.retain(|key| !matches!(&xkey, OwnXkey::Key(own) if own == key));
    let rules = permit_rules(&config.callout, config.operator.as_ref(), &config.ceilings);
    Settings {
        issuer: main,
        other_issuers,
        signer,
        xkey,
        other_xkeys,
        user: own_user(&config.nats.authentication),
        group: portcullis::queue_group(config),
        operator_mode: config.operator.is_some(),
        tls_first: config.nats.tls.first,
        tls_required: config.nats.tls.required,
        deadline: config.callout.times.deadline,
        clock_skew: config.callout.open.clock_skew,
        targets: targets(config, secrets, &rules),
        rules,
        system_account: config.callout.system_account.clone(),
        features: Features {
            tokens: !config.identity.issuers.is_empty(),
            buckets: !config.key_value.mirror.buckets.is_empty(),
            first_login: config
                .operator
                .as_ref()
                .is_some_and(|operator| operator.first_login.is_some()),
        },
    }
}

fn targets(config: &Config, secrets: Option<&Secrets>, rules: &PermitRules) -> Vec<Target> {
    let operator = config.operator.as_ref();
    let id = |name: &AccountName| match operator {
        None => Some(name.to_string()),
        Some(operator) => operator.accounts.get(name).map(|it| it.key.to_string()),
    };
    let named = rules.accounts.named().iter();
    let target = |name: &AccountName| {
        Some(Target {
            name: name.to_string(),
            id: id(name)?,
            signers: secrets.map_or_else(Vec::new, |secrets| signers(secrets, name)),
        })
    };
    named.filter_map(target).collect()
}

/// Returns the public keys of the seeds that sign users of the account.
fn signers(secrets: &Secrets, name: &AccountName) -> Vec<String> {
    let seeds = secrets.accounts.get(name).into_iter();
    let seeds = seeds.flat_map(|seeds| seeds.seed.iter().chain(seeds.roles.values()));
    let keys = seeds.filter_map(|seed| IssuerKey::from_seed(seed.expose()).ok());
    keys.map(|key| key.public_key().to_owned()).collect()
}

/// Returns the user JWTs that the host and this command log in with. Those that cannot be read are
/// problems of the configuration.
pub(super) fn credentials(config: &Config, system: Option<&Path>) -> Vec<Credential> {
    let tables = config.connections().map(|(_, nats)| nats);
    let tables = tables.chain(config.system.as_deref());
    let of_tables = tables.filter_map(|nats| match &nats.authentication {
        Authentication::Credentials(source) => credential(&source.value, &source.key),
        Authentication::UserJwt { jwt, seed } => credential_of_pair(jwt, seed),
        _ => None,
    });
    let operator = config.operator.as_ref();
    let sentinel = operator.and_then(|operator| operator.sentinel.as_ref());
    let sentinel = sentinel.and_then(|it| credential(&it.value, &it.key));
    let system = system.and_then(|file| {
        let source = SecretSource::File(file.to_owned());
        credential(&source, "--creds")
    });
    of_tables.chain(sentinel).chain(system).collect()
}

/// Returns the user JWT of the credentials in `source`, which `key` names.
fn credential(source: &SecretSource, key: &str) -> Option<Credential> {
    let text = source.read().ok()?;
    let credentials = UserCredentials::parse(text.expose()).ok()?;
    Some(Credential {
        place: format!("{source} (`{key}`)"),
        expires_at: credentials.expires_at(),
    })
}

/// Returns the user JWT of a pair of secrets.
fn credential_of_pair(jwt: &Keyed<SecretSource>, seed: &Keyed<SecretSource>) -> Option<Credential> {
    let (text, key) = (jwt.value.read().ok()?, seed.value.read().ok()?);
    let credentials = UserCredentials::parse_pair(text.expose(), key.expose()).ok()?;
    Some(Credential {
        place: format!("{} (`{}`)", jwt.value, jwt.key),
        expires_at: credentials.expires_at(),
    })
}
