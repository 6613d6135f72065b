//! Account JWTs in the resolver of a server.

use anyhow::{Context, Result};
use portcullis_connect::{Authentication, ConnectionOptions, Secret, SecretSource, connect};
use portcullis_core::{AccountName, with_causes};
use portcullis_harness::{Operator, PATIENCE, Release, Resolver, Site};
use portcullis_system::{EventFilter, EventKind, Gathering, SystemClient, SystemEvent};
use rstest::rstest;

use super::Seen;

#[rstest]
#[tokio::test]
async fn account_jwts_are_updated_found_listed_and_deleted(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let site = Site::create(release)?;
    let mut operator = Operator::new(&["APP", "OTHER"])?;
    let config = operator.server_config(Resolver::Full, site.path(), "")?;
    let config = config.replace("allow_delete: false", "allow_delete: true");
    let server = site.start_server_with(&config).await?;
    let admin = operator.system.user("admin")?.credentials()?;
    let options = ConnectionOptions {
        authentication: Authentication::Credentials(SecretSource::from(Secret::new(admin))),
        connect_timeout: PATIENCE,
        ..ConnectionOptions::new("system-tests", vec![server.url()])
    };
    let connection = connect(&options).await?;
    let client = SystemClient::new(connection.client().clone());
    let one = Gathering::expecting(1.try_into()?, PATIENCE);
    let app: AccountName = operator.account("APP")?.public_key().parse()?;
    let other: AccountName = operator.account("OTHER")?.public_key().parse()?;

    let first = operator.sign(operator.account("APP")?)?;
    let listed = client.list_claims(one).await?.replies.remove(0).result?;
    assert!(listed.contains(&app.to_string()), "{listed:?}");
    let pack = client.pack_claims(b"", one).await?;
    assert!(pack.complete);
    assert_eq!(pack.jwts.len(), listed.len());
    assert!(pack.jwts.contains_key(other.as_str()));

    // A revocation closes the user's connection.
    let mut seen = Seen::new({
        let filter = EventFilter {
            kinds: [EventKind::Connect, EventKind::Disconnect].into(),
            account: Some(app.clone()),
        };
        client.events(&filter).await?
    });
    let user = operator.account("APP")?.user("alice")?;
    let alice = async_nats::ConnectOptions::with_credentials(&user.credentials()?)?
        .connect(server.url())
        .await?;
    let connected = seen
        .find(|event| match event {
            SystemEvent::Connect(event) => Some(event.clone()),
            _ => None,
        })
        .await?;
    assert_eq!(connected.client.user, user.public_key());
    assert_eq!(connected.client.jwt.context("no JWT")?.expose(), user.jwt());
    operator.account_mut("APP")?.revoke(&user.public_key());
    let second = operator.sign(operator.account("APP")?)?;
    assert_ne!(first, second);
    let status = client.update_claims(&second, one).await?;
    let status = status
        .replies
        .into_iter()
        .next()
        .context("no answer")?
        .result?;
    assert_eq!((status.code, status.message.as_str()), (200, "jwt updated"));
    assert_eq!(status.account, app.as_str());
    let reason = seen
        .find(|event| match event {
            SystemEvent::Disconnect(event) => Some(event.reason.clone()),
            _ => None,
        })
        .await?;
    assert_eq!(reason, "Credentials Revoked");
    drop(alice);
    let stored = client.look_up_claims(&app, one).await?;
    assert_eq!(stored.as_deref(), Some(second.as_str()));

    let status = client.update_account(&app, &first, one).await?;
    assert!(status.replies[0].result.is_ok(), "{status:?}");
    let mut status = client.update_claims("a.b.c", one).await?;
    let error = status.replies.remove(0).result.err().context("updated")?;
    let error = with_causes(&error);
    assert!(error.contains("jwt update resulted in error"), "{error}");

    let deletion = operator.sign_deletion(&[other.to_string()])?;
    let mut status = client.delete_claims(&deletion, one).await?;
    let status = status.replies.remove(0).result?;
    assert_eq!(status.message, "deleted 1 accounts");
    assert_eq!(client.look_up_claims(&other, one).await?, None);
    let mut status = client.delete_claims(&second, one).await?;
    let error = status.replies.remove(0).result.err().context("deleted")?;
    let error = with_causes(&error);
    assert!(error.contains("not self signed"), "{error}");
    Ok(())
}
