//! Chains of policies, and the logins that they decide.

use portcullis_core::{AuthorizationRequest, ConnectionType, Method, PolicyName};

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

/// A condition that a login meets if it matches every list that is not empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// Connection types that match.
    pub connection_types: Vec<ConnectionType>,
    /// Authentication methods that match.
    pub methods: Vec<Method>,
    /// Issuers that match: the `iss` of a token, or the account (`A…`) of a user JWT.
    pub issuers: Vec<String>,
}

impl Condition {
    /// Returns whether a login meets the condition. An unknown value matches no list.
    pub fn fits(&self, request: &AuthorizationRequest) -> bool {
        let identity = &request.identity;
        fits(
            &self.connection_types,
            request.client.connection_type().as_ref(),
        ) && fits(&self.methods, Some(&identity.method))
            && fits(&self.issuers, identity.issuer.as_ref())
    }
}

fn fits<T: PartialEq>(list: &[T], found: Option<&T>) -> bool {
    list.is_empty() || found.is_some_and(|found| list.contains(found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_core::{Client, Credentials, Identity, Server};

    fn request() -> AuthorizationRequest {
        AuthorizationRequest {
            user_nkey: String::new(),
            server: Server::default(),
            client: Client {
                kind: Some("Client".to_owned()),
                transport: Some("mqtt".to_owned()),
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

    #[test]
    fn every_list_that_is_not_empty_has_to_fit() {
        let fitting = Condition {
            connection_types: vec![ConnectionType::Standard, ConnectionType::Mqtt],
            methods: vec![Method::Oidc],
            issuers: vec!["https://idp".to_owned()],
        };
        assert!(fitting.fits(&request()));
        assert!(Condition::default().fits(&request()));
        let (mut transport, mut method, mut issuer) = (fitting.clone(), fitting.clone(), fitting);
        transport.connection_types = vec![ConnectionType::Standard];
        method.methods = vec![Method::Password];
        issuer.issuers = vec!["https://other".to_owned()];
        for condition in [transport, method, issuer] {
            assert!(!condition.fits(&request()), "{condition:?}");
        }
    }

    #[test]
    fn what_cannot_be_told_fits_no_list() {
        let mut request = request();
        request.client.transport = Some("carrier pigeon".to_owned());
        request.identity.issuer = None;
        let connection_types = vec![ConnectionType::Standard];
        let by_type = Condition {
            connection_types,
            ..Condition::default()
        };
        let by_issuer = Condition {
            issuers: vec![String::new()],
            ..Condition::default()
        };
        assert!(!by_type.fits(&request) && !by_issuer.fits(&request));
    }
}
