//! The client of `portcullis-connect`, with an exchange and a server.

use std::sync::Arc;

use anyhow::Result;
use portcullis_connect::{
    Authentication, ConnectionOptions, ExchangeClient, ExchangeOptions, ExchangeProtocol, Secret,
    StoredToken, USER_INFO, connect,
};
use portcullis_harness::{Exchange, PATIENCE, Release};
use rstest::rstest;
use serde_json::Value;
use tokio::time::timeout;

#[rstest]
#[tokio::test]
async fn the_client_logs_in_with_an_exchanged_jwt(
    #[values(ExchangeProtocol::V1, ExchangeProtocol::Core)] protocol: ExchangeProtocol,
) -> Result<()> {
    let mut stage = Exchange::start(Release::Nats2_15).await?;
    let token = stage.token("orders:read").await?;
    let tokens = Arc::new(StoredToken::new(Secret::new(token)));
    let client = ExchangeClient::new(ExchangeOptions {
        protocol,
        ..ExchangeOptions::new(stage.url(), "roof", tokens)
    })?;
    let nkey = client.public_key().to_owned();
    let options = ConnectionOptions {
        authentication: Authentication::Renewed(client.into()),
        ..ConnectionOptions::new("roof", vec![stage.server.url()])
    };
    let connection = timeout(PATIENCE, connect(&options)).await??;
    let info = connection.client().request(USER_INFO, "".into()).await?;
    let info: Value = serde_json::from_slice(&info.payload)?;
    assert_eq!(info["data"]["user"], nkey, "{info}");
    assert_eq!(
        info["data"]["account"],
        stage.operator.account("APP")?.public_key()
    );
    Ok(())
}

#[tokio::test]
async fn a_refused_client_is_told_so_and_not_retried() -> Result<()> {
    let stage = Exchange::start(Release::Nats2_15).await?;
    let tokens = Arc::new(StoredToken::new(Secret::new("not-a-token")));
    let url = stage.url();
    let client = ExchangeClient::new(ExchangeOptions::new(url, "roof", tokens))?;
    for _ in 0..3 {
        let error = client.credentials().await.err().map(|it| it.is_refusal());
        assert_eq!(error, Some(true));
    }
    Ok(())
}
