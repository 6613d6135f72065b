//! The account of the resolver's own user.

use futures::StreamExt as _;
use portcullis_connect::{MemoryNats, Nats as _, USER_INFO};
use portcullis_system::SystemClient;

use super::*;
use crate::resolver::own_account::wrong_account;

/// Returns the wrong account of a user whose server says that it is in `account`.
async fn checked(site: &Site, account: &str) -> Option<(String, String)> {
    let nats = MemoryNats::default();
    let mut requests = nats.subscribe(USER_INFO.into()).await.unwrap();
    let (answering, account) = (nats.clone(), account.to_owned());
    tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            let info = format!(r#"{{"server":{{}},"data":{{"account":"{account}"}}}}"#);
            let reply = request.reply.unwrap();
            answering.publish(reply, info.into()).await.unwrap();
        }
    });
    wrong_account(&SystemClient::new(nats), &site.resolver.shared).await
}

#[tokio::test]
async fn a_user_of_another_account_is_noticed() {
    let site = Site::new();
    let account = site.account.to_string();
    // The operator names no system account yet.
    assert_eq!(checked(&site, "AAOTHER").await, None);
    let (mut claims, _) = site.store.operator().unwrap();
    claims.nats.system_account.clone_from(&account);
    site.store.put_operator(claims, NOW).unwrap();
    assert_eq!(checked(&site, &account).await, None);
    let wrong = checked(&site, "AAOTHER").await;
    assert_eq!(wrong, Some(("AAOTHER".to_owned(), account)));
}
