//! The request of an account, in the form in which policies decide logins.

use portcullis_accounts::AskedAccount;
use portcullis_core::{
    AuthorizationRequest, Client, ClientKind, Credentials, Identity, PresentedNkey, Server,
};
use portcullis_environment::{Clock as _, SystemClock};

/// Returns the request of the account, to the front door `server`. `id` is the number of the
/// request.
pub(super) fn request_of(asked: &AskedAccount, server: &Server, id: u64) -> AuthorizationRequest {
    let key = asked.account().as_str();
    let credentials = Credentials {
        nkey: Some(PresentedNkey::from(key.to_owned())),
        ..Credentials::default()
    };
    AuthorizationRequest {
        user_nkey: asked.account().clone(),
        server: server.clone(),
        client: Client {
            id,
            user: Some(key.to_owned()),
            name: Some(asked.name().to_string()),
            kind: Some(ClientKind::AccountRequest),
            tags: asked.tags().to_vec(),
            ..Client::default()
        },
        identity: Identity {
            expires_at: asked.expires_at(),
            ..Identity::claimed(&credentials)
        },
        credentials,
        received_at: SystemClock.unix_seconds(),
    }
}
