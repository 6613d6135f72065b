//! A service that logs in to NATS with OAuth client credentials and an exchange.
//!
//! The service obtains an access token, exchanges it for a user JWT, and counts the messages on
//! `orders.>`. Token and JWT are renewed before they end. Run it with the addresses of the three
//! services:
//!
//! ```text
//! TOKEN_URL=https://idp.example/token EXCHANGE_URL=https://exchange.example \
//! NATS_URL=tls://nats.example CLIENT_ID=orders CLIENT_SECRET=… \
//! cargo run -p portcullis-connect --example orders
//! ```

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use portcullis_connect::{
    Authentication, ClientCredentials, ClientCredentialsOptions, ClientSecret, Connection,
    ConnectionOptions, ExchangeClient, ExchangeOptions, Outage, SecretSource, TokenEndpointOptions,
    connect,
};

/// The addresses of the services, and the OAuth client of this one.
pub(crate) struct Settings {
    /// The token endpoint of the authorization server.
    pub(crate) token_url: String,
    /// The base address of the exchange.
    pub(crate) exchange_url: String,
    /// The address of a NATS server in operator mode.
    pub(crate) nats_url: String,
    /// The id of the OAuth client, and its secret.
    pub(crate) client: ClientSecret,
}

/// Connects with a login that renews itself.
///
/// # Errors
///
/// Fails if an address cannot be used, or a service refuses.
pub(crate) async fn connect_with(settings: Settings) -> Result<Connection, Box<dyn Error>> {
    let endpoint = TokenEndpointOptions {
        audience: Some("urn:nats".to_owned()),
        scopes: vec!["orders:read".to_owned()],
        ..TokenEndpointOptions::new(settings.token_url)
    };
    let options = ClientCredentialsOptions::new(endpoint, settings.client);
    let tokens = ClientCredentials::new(options)?;
    let exchange = ExchangeOptions::new(settings.exchange_url, "orders", Arc::new(tokens));
    let options = ConnectionOptions {
        authentication: Authentication::Renewed(ExchangeClient::new(exchange)?.into()),
        ..ConnectionOptions::new("orders", vec![settings.nats_url])
    };
    Ok(connect(&options).await?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let variable = |name: &str| std::env::var(name).map_err(|_| format!("`{name}` is not set"));
    let connection = connect_with(Settings {
        token_url: variable("TOKEN_URL")?,
        exchange_url: variable("EXCHANGE_URL")?,
        nats_url: variable("NATS_URL")?,
        client: ClientSecret {
            id: variable("CLIENT_ID")?,
            secret: SecretSource::Environment("CLIENT_SECRET".to_owned()),
        },
    })
    .await?;
    let mut outages = connection.status().outages(Duration::from_mins(5));
    let mut orders = connection.client().subscribe("orders.>").await?;
    let mut count = 0_u64;
    loop {
        tokio::select! {
            Some(_) = orders.next() => count = count.saturating_add(1),
            outage = outages.next() => match outage {
                Some(Outage::Lasting) => {} // Tell an operator.
                _ => return Err(format!("closed after {count} orders").into()),
            },
        }
    }
}
