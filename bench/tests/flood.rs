//! The counts of the benchmarks: an answer that is not a permit counts as wrong.

use std::time::Duration;

use anyhow::Result;
use portcullis_bench::{Contender, Flood, Questions};
use portcullis_harness::{Accounts, Built, Release, Site, plain_hashes};
use serde_json::json;

/// The number of pending requests.
const AT_ONCE: usize = 4;

/// Sends requests with the user's name and this password, for a user with these subjects to publish
/// on. Returns the number of wrong answers.
async fn flooded(password: &str, granted: &str) -> Result<usize> {
    let site = Site::create(Release::Nats2_15)?;
    let (user, token) = Contender::USER;
    let settings = format!(
        "[settings]\ndangerous-plain-text-passwords = true\ndefault-account = \"APP\"\n\
         [settings.profiles.one]\npublish = {{ allow = {granted} }}\nsubscribe = {{ allow = {:?} }}\n\
         [settings.users.{user}]\npassword = \"plain:{token}\"\nprofile = \"one\"\n",
        Contender::PERMISSIONS.1
    );
    let module = Built::policy("static-users")?;
    site.policies.put_policy("users", &module, &settings)?;
    let server = site.start_server(Accounts::NoCallout).await?;
    let host = site.spawn_host(&server, &plain_hashes(&["users"]))?;
    host.ready().await?;
    let presented = json!({ "user": user, "pass": password });
    let questions = Questions::new(&site.keys.issuer.public_key(), None, presented)?;
    let mut flood = Flood::open(&server, vec![host.id()?], questions).await?;
    // So short a round has the minimum number of requests: three for each pending one.
    let round = flood.round(AT_ONCE, Duration::from_millis(1)).await?;
    Ok(round.wrong)
}

#[tokio::test]
async fn what_is_permitted_as_expected_is_right() -> Result<()> {
    let granted = format!("{:?}", Contender::PERMISSIONS.0);
    assert_eq!(flooded(Contender::USER.1, &granted).await?, 0);
    Ok(())
}

#[tokio::test]
async fn what_is_denied_or_permits_something_else_is_wrong() -> Result<()> {
    let granted = format!("{:?}", Contender::PERMISSIONS.0);
    assert_eq!(flooded("another", &granted).await?, 3 * AT_ONCE);
    let wrong = flooded(Contender::USER.1, "[\"orders.>\"]").await?;
    assert_eq!(wrong, 3 * AT_ONCE);
    Ok(())
}
