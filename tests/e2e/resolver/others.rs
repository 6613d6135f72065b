//! What a resolver has from other resolvers: of this program, and of nats-server.

use portcullis_harness::until_read;

use super::*;

impl Stage {
    /// Starts a resolver that is connected to `server`, with a store of its own which has the
    /// operator and no account.
    async fn start_other_resolver(&self, server: &NatsServer) -> Result<(Host, String)> {
        let store = self.made.path("other");
        fs::create_dir_all(store.join("accounts"))?;
        let operator = self.made.path("store/operator.jwt");
        fs::copy(operator, store.join("operator.jwt"))?;
        let creds = self.made.path("creds/system.creds").display().to_string();
        let url = server.url();
        let arguments = ["--server", &url, "--creds", &creds, "--sync-interval", "1h"];
        let (host, address) = Host::resolver(&store, &arguments).await?;
        host.says("accounts served over nats").await?;
        Ok((host, address))
    }
}

/// Waits until the file of a resolver's store has the JWT.
async fn until_stored(stage: &Stage, account: &str, jwt: &str) -> Result<()> {
    let directory = stage.made.path("other/accounts");
    let file = directory.join(format!("{account}.jwt"));
    let awaited = format!("version of `{account}` from the other store");
    until_read(&directory, &awaited, || {
        let stored = fs::read_to_string(&file).ok()?;
        (stored.trim() == jwt).then_some(())
    })
    .await
}

#[rstest]
#[tokio::test]
async fn a_resolver_has_the_accounts_of_another_one(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let stage = Stage::new().await?;
    let (_first, address) = stage.made.start_resolver(&[]).await?;
    let server = stage.server_at(release, &address).await?;
    let (_second, _) = stage.made.start_connected_resolver(&server, &[]).await?;
    let (mut other, _) = stage.start_other_resolver(&server).await?;
    let app = stage.made.account_key("APP").await?;
    until_stored(&stage, &app, &stage.made.account_jwt("APP").await?).await?;

    // A version from the time in which the resolver was away.
    other.kill().await?;
    stage.made.text("user revoke worker --account APP").await?;
    let (_other, address) = stage.start_other_resolver(&server).await?;
    until_stored(&stage, &app, &stage.made.account_jwt("APP").await?).await?;

    // An account from after the last time that accounts were fetched.
    stage.made.text("account add LATE").await?;
    let late = stage.made.account_key("LATE").await?;
    let path = format!("/jwt/v1/accounts/{late}");
    let page = Page::get(&address, &path, &[]).await?;
    assert_eq!(page.status, 200, "{page:?}");
    assert_eq!(page.content, stage.made.account_jwt("LATE").await?);
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_resolver_has_the_accounts_of_a_server(
    #[values(Release::Nats2_10, Release::Nats2_15)] release: Release,
) -> Result<()> {
    let stage = Stage::new().await?;
    let directory = stage.made.path("jwt");
    let preload = stage.made.text("account preload").await?;
    let full = format!("{{ type: full, dir: {directory:?} }}\nresolver_preload: {{\n{preload}}}");
    let server = stage.server(release, &full).await?;
    let (_other, _) = stage.start_other_resolver(&server).await?;
    for account in ["SYS", "APP"] {
        let key = stage.made.account_key(account).await?;
        until_stored(&stage, &key, &stage.made.account_jwt(account).await?).await?;
    }
    Ok(())
}
