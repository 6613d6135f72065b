//! Connections of the host other than those that carry logins, and the permissions of their users.

use std::time::Duration;

use portcullis_callout::missing_permissions;
use portcullis_config::{Config, Nats};
use portcullis_connect::{Connection, ConnectionOptions, RequiredPermission, Retries, connect};
use portcullis_core::with_causes;
use portcullis_mirror::mirror_permissions;
use tokio::time::timeout;

use super::servers::NAME;
use crate::doctor::evidence::OtherConnection;

/// Maximum time to make a connection and to ask about its user.
const PATIENCE: Duration = Duration::from_secs(10);

/// Makes each connection of the host as the host does, and asks which permissions its user lacks.
pub(super) async fn examine(config: &Config) -> Vec<OtherConnection> {
    let others = config.connections().filter(|(table, _)| *table != "nats");
    let others = others.chain(config.system.as_deref().map(|nats| ("system", nats)));
    let mut connections = Vec::new();
    for (table, nats) in others {
        connections.push(OtherConnection {
            table,
            missing: made(config, table, nats).await,
        });
    }
    let shares_buckets = config.key_value.nats.is_none();
    if shares_buckets && !config.key_value.mirror.buckets.is_empty() {
        // A connection that fails is a finding about the server.
        if let missing @ Ok(_) = made(config, "key-value", &config.nats).await {
            let table = "nats";
            connections.push(OtherConnection { table, missing });
        }
    }
    connections
}

/// Makes the connection, and returns the permissions that the user lacks. `None` if the server does
/// not say.
async fn made(
    config: &Config,
    table: &str,
    nats: &Nats,
) -> Result<Option<Vec<RequiredPermission>>, String> {
    let options = ConnectionOptions {
        name: NAME.to_owned(),
        retries: Retries::Times(0),
        ..ConnectionOptions::from(nats)
    };
    let asked = async {
        let connection = connect(&options).await;
        let connection = connection.map_err(|error| with_causes(&error))?;
        let required = required(config, table, &connection);
        if required.is_empty() {
            return Ok(Some(Vec::new()));
        }
        Ok(missing_permissions(connection.client(), &required).await)
    };
    match timeout(PATIENCE, asked).await {
        Ok(made) => made,
        Err(_) => Err(format!("it was not made within {PATIENCE:?}")),
    }
}

/// Returns the permissions that the host needs on the connection for the purpose of `table`. Empty
/// for connections to the system account, whose users may do everything there.
fn required(config: &Config, table: &str, connection: &Connection) -> Vec<RequiredPermission> {
    let inbox = connection.client().new_inbox();
    let prefix = inbox
        .rsplit_once('.')
        .map_or("_INBOX", |(prefix, _)| prefix);
    if table == "records.stream.nats" {
        let stream = config.records.stream.iter();
        let of_stream = stream.flat_map(|it| it.own_connection_permissions(prefix));
        return of_stream.collect();
    }
    if !table.starts_with("key-value") {
        return Vec::new();
    }
    let mirror = &config.key_value.mirror;
    let domain = mirror.domain.as_deref();
    let buckets = mirror.buckets.iter();
    let mut required: Vec<RequiredPermission> = Vec::new();
    for permission in buckets.flat_map(|bucket| mirror_permissions(bucket, domain, prefix)) {
        if !required.contains(&permission) {
            required.push(permission);
        }
    }
    required
}
