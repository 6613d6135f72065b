//! What the servers tell the system account.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use futures::future::join_all;
use portcullis_claims::{AccountClaims, UserCredentials};
use portcullis_config::Config;
use portcullis_connect::{
    Authentication, Connection, ConnectionOptions, Nats, SecretSource, connect,
};
use portcullis_core::{AccountName, with_causes};
use portcullis_system::{
    AccountzRequest, Gathering, ServerFilter, SystemClient, SystemError, VarzRequest,
};
use serde_json::Value;

use super::servers;
use crate::doctor::evidence::{AccountJwt, System, SystemServer, Target};

/// Maximum number of target accounts whose JWTs are asked for.
const MAX_TARGETS: usize = 64;

/// Asks all servers, with the credentials in `creds`, which are a credentials file or a user seed.
pub(super) async fn ask(
    config: &Config,
    creds: &Path,
    targets: &[Target],
) -> Result<System, String> {
    let connection = log_in(config, creds).await?;
    let client = SystemClient::new(connection.client().clone());
    let all = ServerFilter::default();
    let answered = client.ask_all(&VarzRequest {}, &all, Gathering::default());
    let answered = answered.await.map_err(|error| with_causes(&error))?;
    let servers = answered.replies.into_iter().filter_map(|reply| {
        let varz = reply.result.ok()?;
        let config = varz.other.get("jetstream").and_then(|it| it.get("config"));
        Some(SystemServer {
            name: varz.server_name,
            version: varz.version,
            auth_timeout: varz.auth_timeout,
            max_control_line: varz.other.get("max_control_line").and_then(Value::as_u64),
            sync_interval: config.and_then(sync_interval),
        })
    });
    let servers = servers.collect();
    let (accounts, own_account) = accounts(&client).await.unwrap_or_default();
    let operator_mode = config.operator.is_some();
    let missing_targets = missing(&client, operator_mode, targets, &accounts).await;
    Ok(System {
        servers,
        missing_targets,
        accounts,
        own_account,
        callout: match &config.operator {
            None => None,
            Some(operator) => {
                let account = AccountName::from(&operator.account);
                Some(jwts(&client, &account).await)
            }
        },
        targets: if operator_mode {
            target_jwts(&client, targets).await
        } else {
            BTreeMap::new()
        },
    })
}

/// Returns the JWTs of the target accounts, by their names in the configuration.
async fn target_jwts<N: Nats>(
    client: &SystemClient<N>,
    targets: &[Target],
) -> BTreeMap<String, Result<Vec<AccountJwt>, String>> {
    let asked = targets.iter().take(MAX_TARGETS).map(|target| async {
        let name = target.id.parse::<AccountName>();
        let found = match name {
            Ok(account) => jwts(client, &account).await,
            Err(error) => Err(with_causes(&error)),
        };
        (target.name.clone(), found)
    });
    join_all(asked).await.into_iter().collect()
}

/// Returns the JWTs of an account that servers have, usually one. One that no server has used yet
/// is asked of the resolvers.
async fn jwts<N: Nats>(
    client: &SystemClient<N>,
    account: &AccountName,
) -> Result<Vec<AccountJwt>, String> {
    let request = AccountzRequest {
        account: Some(account.clone()),
    };
    let all = ServerFilter::default();
    let answered = client.ask_all(&request, &all, Gathering::default());
    let answered = answered.await.map_err(|error| with_causes(&error))?;
    let mut servers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for reply in answered.replies {
        let detail = reply.result.ok().and_then(|accounts| accounts.account);
        if let Some(jwt) = detail.and_then(|account| account.jwt) {
            let names = servers.entry(jwt.expose().to_owned()).or_default();
            names.push(format!("`{}`", reply.server.name));
        }
    }
    if servers.is_empty() {
        let found = client.look_up_claims(account, Gathering::default()).await;
        let unknown = || {
            format!(
                "no server has used account `{account}` since its start, and no resolver has it"
            )
        };
        let jwt = found.ok().flatten().ok_or_else(unknown)?;
        return Ok(vec![read(&jwt, account, "the resolver".to_owned())?]);
    }
    let read = servers.into_iter().map(|(jwt, names)| {
        let place = format!("server {}", names.join(", "));
        read(&jwt, account, place)
    });
    read.collect()
}

fn read(jwt: &str, account: &AccountName, place: String) -> Result<AccountJwt, String> {
    let claims = AccountClaims::decode(jwt)
        .map_err(|error| format!("the JWT of {place} is invalid: {}", with_causes(&error)))?;
    let authorization = &claims.nats.authorization;
    let signing = claims.nats.signing_keys.iter();
    let signing = signing.map(|(key, _)| key.to_owned());
    Ok(AccountJwt {
        auth_users: authorization.auth_users.clone(),
        allowed_accounts: authorization.allowed_accounts.clone(),
        xkey: Some(authorization.xkey.clone()).filter(|key| !key.is_empty()),
        signers: signing.chain([account.to_string()]).collect(),
        place,
    })
}

/// Returns the time between writes to the disk. `None` if every write is synchronous.
fn sync_interval(config: &Value) -> Option<Duration> {
    if config.get("sync_always").and_then(Value::as_bool) == Some(true) {
        return None;
    }
    let nanoseconds = config.get("sync_interval").and_then(Value::as_u64);
    nanoseconds.map(Duration::from_nanos)
}

async fn log_in(config: &Config, creds: &Path) -> Result<Connection, String> {
    let source = SecretSource::File(creds.to_owned());
    let text = source.read().map_err(|error| error.to_string())?;
    let authentication = if UserCredentials::parse(text.expose()).is_ok() {
        Authentication::Credentials(source)
    } else {
        Authentication::Nkey(source)
    };
    let options = ConnectionOptions {
        authentication,
        // The prefix of the configuration is that of the host's own user.
        inbox_prefix: None,
        ..servers::options(&config.nats)
    };
    let connected = connect(&options).await;
    connected.map_err(|error| with_causes(&error))
}

/// Returns the accounts that servers list, and their system account.
async fn accounts<N: Nats>(
    client: &SystemClient<N>,
) -> Result<(Vec<String>, Option<String>), String> {
    let all = ServerFilter::default();
    let request = AccountzRequest::default();
    let listed = client.ask_all(&request, &all, Gathering::default());
    let listed = listed.await.map_err(|error| with_causes(&error))?;
    let mut known = BTreeSet::new();
    let mut system = None;
    for listed in listed.replies.into_iter().filter_map(|it| it.result.ok()) {
        known.extend(listed.accounts);
        let named = Some(listed.system_account).filter(|name| !name.is_empty());
        system = system.or(named);
    }
    Ok((known.into_iter().collect(), system))
}

/// Returns the targets that no server has. `known` are the accounts that servers list.
async fn missing<N: Nats>(
    client: &SystemClient<N>,
    operator_mode: bool,
    targets: &[Target],
    known: &[String],
) -> Result<Vec<Target>, String> {
    if known.is_empty() {
        return Err("no server lists its accounts".to_owned());
    }
    let unknown = targets.iter().filter(|target| !known.contains(&target.id));
    if !operator_mode {
        return Ok(unknown.cloned().collect());
    }
    // A server lists the accounts that it has used. A resolver may have more.
    let mut missing = Vec::new();
    for target in unknown {
        let name: AccountName = target
            .id
            .parse()
            .map_err(|_| format!("`{}` is not the name of an account", target.id))?;
        match client.look_up_claims(&name, Gathering::default()).await {
            Ok(Some(_)) => {}
            Ok(None) => missing.push(target.clone()),
            Err(SystemError::NoResponders { .. }) => {
                return Err(format!(
                    "no server has used account `{}` since its start, and no resolver of the servers answers whether \
                     it exists",
                    target.name
                ));
            }
            Err(error) => return Err(with_causes(&error)),
        }
    }
    Ok(missing)
}
