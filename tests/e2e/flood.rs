//! What the benchmarks count: an answer that is no permit is a wrong one.

use std::time::Duration;

use anyhow::Result;
use portcullis_tests::{Accounts, Built, Contender, Flood, Questions, Release, Site, plain_hashes};
use serde_json::json;

/// How many requests are on their way at once.
const AT_ONCE: usize = 4;

/// What came of some requests with the user's name and this password, of a user with these subjects to publish on: how many went wrong.
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
    // So short that there are as few requests as there can be: three for each at once.
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
