//! Chains of policies, and the logins that they decide.

use portcullis_core::{
    Allowed, AuthorizationRequest, ClientKind, ConnectionType, Method, PolicyName,
};

/// A chain of policies for some logins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Name of the chain, for the operator.
    pub name: String,
    /// Condition of the logins that the chain decides.
    pub logins: Condition,
    /// Policies in the order of their evaluation. All are required.
    pub policies: Vec<PolicyName>,
}

/// A condition that a login meets if it matches every restriction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Kinds of connections that match.
    pub client_kinds: Allowed<ClientKind>,
    /// Connection types that match.
    pub connection_types: Allowed<ConnectionType>,
    /// Authentication methods that match.
    pub methods: Allowed<Method>,
    /// Issuers that match: the `iss` of a token, or the account (`A…`) of a user JWT.
    pub issuers: Allowed<String>,
}

impl Condition {
    /// The condition that every login meets.
    pub const ANY: Self = Self {
        client_kinds: Allowed::Any,
        connection_types: Allowed::Any,
        methods: Allowed::Any,
        issuers: Allowed::Any,
    };

    /// Returns whether a login meets the condition. An unknown value matches no list.
    pub fn fits(&self, request: &AuthorizationRequest) -> bool {
        let (client, identity) = (&request.client, &request.identity);
        self.client_kinds.allows(client.kind.as_ref())
            && self
                .connection_types
                .allows(client.connection_type().as_ref())
            && self.methods.allows(Some(&identity.method))
            && self.issuers.allows(identity.issuer.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_core::{Client, Credentials, Identity, KeyKind, PublicKey, Server, Transport};

    fn request() -> AuthorizationRequest {
        AuthorizationRequest {
            user_nkey: PublicKey::from_bytes(KeyKind::User, [0; PublicKey::LEN]),
            server: Server::new(PublicKey::from_bytes(KeyKind::Server, [0; PublicKey::LEN])),
            client: Client {
                kind: Some(ClientKind::Client),
                transport: Some(Transport::Mqtt),
                ..Client::default()
            },
            credentials: Credentials::default(),
            identity: Identity {
                method: Method::Oidc,
                issuer: Some("https://idp".to_owned()),
                ..Identity::default()
            },
            received_at: 0,
        }
    }

    fn only<T>(values: impl IntoIterator<Item = T>) -> Allowed<T> {
        Allowed::only(values).unwrap()
    }

    #[test]
    fn every_restriction_has_to_fit() {
        let fitting = Condition {
            client_kinds: only([ClientKind::Client, ClientKind::Leafnode]),
            connection_types: only([ConnectionType::Standard, ConnectionType::Mqtt]),
            methods: only([Method::Oidc]),
            issuers: only(["https://idp".to_owned()]),
        };
        assert!(fitting.fits(&request()));
        assert!(Condition::ANY.fits(&request()));
        let (mut kind, mut transport) = (fitting.clone(), fitting.clone());
        let (mut method, mut issuer) = (fitting.clone(), fitting);
        kind.client_kinds = only([ClientKind::Exchange]);
        transport.connection_types = only([ConnectionType::Standard]);
        method.methods = only([Method::Password]);
        issuer.issuers = only(["https://other".to_owned()]);
        for condition in [kind, transport, method, issuer] {
            assert!(!condition.fits(&request()), "{condition:?}");
        }
    }

    #[test]
    fn an_unknown_value_matches_no_list() {
        let mut request = request();
        request.client.transport = Some("carrier pigeon".to_owned().into());
        request.identity.issuer = None;
        let connection_types = only([ConnectionType::Standard]);
        let by_type = Condition {
            connection_types,
            ..Condition::ANY
        };
        let by_issuer = Condition {
            issuers: only([String::new()]),
            ..Condition::ANY
        };
        assert!(!by_type.fits(&request) && !by_issuer.fits(&request));
    }
}
