//! An account with its keys, a user of it, and a login with the user's JWT.

use data_encoding::BASE64URL_NOPAD;
use portcullis_claims::{
    AccountClaims, KeyKind, ScopeKind, SigningKey, UserClaims, UserScope, UserTemplate,
};
use portcullis_core::{
    AuthorizationRequest, Client, ClientKind, Credentials, Identity, Permit, PublicKey, Secret,
    Server, Transport,
};

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const NONCE: &str = "PXoWU7zWAMt75FY";

pub(crate) fn key(kind: KeyKind) -> SigningKey {
    let seed = SigningKey::generate_seed(kind).unwrap();
    SigningKey::from_seed(seed.expose(), kind).unwrap()
}

/// The keys of an operator, an account and its users.
pub(crate) struct World {
    pub(crate) operator: SigningKey,
    pub(crate) account: SigningKey,
    pub(crate) signing_key: SigningKey,
    pub(crate) role_key: SigningKey,
    pub(crate) stranger: SigningKey,
    pub(crate) user: SigningKey,
}

impl World {
    pub(crate) fn new() -> Self {
        let account = || key(KeyKind::Account);
        Self {
            operator: key(KeyKind::Operator),
            account: account(),
            signing_key: account(),
            role_key: account(),
            stranger: account(),
            user: key(KeyKind::User),
        }
    }

    /// Returns the account's claims, with a signing key and a role `reader` for bearer tokens.
    pub(crate) fn account_claims(&self) -> AccountClaims {
        let mut claims = AccountClaims::new(self.account.public_key(), NOW - 1000);
        let keys = &mut claims.nats.signing_keys;
        keys.insert_plain(self.signing_key.public_key());
        keys.insert_scope(UserScope {
            kind: ScopeKind::User,
            key: self.role_key.public_key().to_owned(),
            role: "reader".to_owned(),
            template: UserTemplate {
                bearer_token: true,
                ..UserTemplate::default()
            },
            description: String::new(),
        });
        claims
    }

    /// Returns the user's claims, issued a hundred seconds ago and valid for a thousand more.
    pub(crate) fn user_claims(&self) -> UserClaims {
        let permit = Permit::builder("APP", NOW).finish().unwrap();
        let claims = UserClaims::from_permit(self.user.public_key(), &permit, NOW - 100);
        let mut claims = claims.in_operator_mode(None);
        claims.expires_at = Some(NOW + 1000);
        claims.nats.tags = vec!["team:a".to_owned()];
        claims
    }

    /// Returns the login of a client at 10.0.0.7 that presents `jwt` and has signed the nonce with
    /// the user's key.
    pub(crate) fn login(&self, jwt: String) -> AuthorizationRequest {
        let signature = self.user.sign(NONCE.as_bytes()).unwrap();
        AuthorizationRequest {
            user_nkey: self.user.as_public().clone(),
            server: Server {
                version: Some("2.15.1".to_owned()),
                ..Server::new(PublicKey::from_bytes(KeyKind::Server, [0; PublicKey::LEN]))
            },
            client: Client {
                host: Some("10.0.0.7".to_owned()),
                kind: Some(ClientKind::Client),
                transport: Some(Transport::Nats),
                nonce: Some(NONCE.to_owned()),
                ..Client::default()
            },
            credentials: Credentials {
                jwt: Some(Secret::new(jwt)),
                signature: Some(Secret::new(BASE64URL_NOPAD.encode(&signature))),
                ..Credentials::default()
            },
            identity: Identity::default(),
            received_at: NOW,
        }
    }
}
