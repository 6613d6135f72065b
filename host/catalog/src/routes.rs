//! Selection of the chain that decides a login.

use std::collections::HashMap;

use portcullis_core::AuthorizationRequest;

use crate::chain::Condition;
use crate::link::Link;

/// A chain for some logins.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) name: String,
    pub(crate) logins: Condition,
    pub(crate) chain: Vec<Link>,
}

/// All chains for some logins, indexed by issuer. The index avoids a search through hundreds of
/// chains that each have an issuer of their own.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    all: Vec<Route>,
    /// Indices of the chains that name an issuer, by issuer, in order.
    by_issuer: HashMap<String, Vec<usize>>,
    /// Indices of the chains that name no issuer, in order.
    of_any_issuer: Vec<usize>,
}

impl Routes {
    pub(crate) fn new(routes: Vec<Route>) -> Self {
        let mut by_issuer: HashMap<String, Vec<usize>> = HashMap::new();
        let mut of_any_issuer = Vec::new();
        for (place, route) in routes.iter().enumerate() {
            for issuer in route.logins.issuers.listed() {
                by_issuer.entry(issuer.clone()).or_default().push(place);
            }
            if route.logins.issuers.is_any() {
                of_any_issuer.push(place);
            }
        }
        Self {
            all: routes,
            by_issuer,
            of_any_issuer,
        }
    }

    /// Returns the first chain that fits a login. `None` if no chain fits.
    pub(crate) fn find(&self, request: &AuthorizationRequest) -> Option<&Route> {
        let issuer = request.identity.issuer.as_ref();
        let of_issuer = issuer.and_then(|issuer| self.by_issuer.get(issuer));
        let of_issuer = of_issuer.and_then(|places| self.first(places, request));
        let of_any = self.first(&self.of_any_issuer, request);
        let place = of_issuer.into_iter().chain(of_any).min()?;
        self.all.get(place)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Route> {
        self.all.iter()
    }

    fn first(&self, places: &[usize], request: &AuthorizationRequest) -> Option<usize> {
        let fits = |place: &usize| {
            let route = self.all.get(*place);
            route.is_some_and(|route| route.logins.fits(request))
        };
        places.iter().copied().find(fits)
    }
}

#[cfg(test)]
mod tests {
    use portcullis_core::{
        Allowed, Client, Credentials, Identity, KeyKind, Method, PublicKey, Server,
    };

    use super::*;

    fn request(method: Method, issuer: Option<&str>) -> AuthorizationRequest {
        AuthorizationRequest {
            user_nkey: PublicKey::from_bytes(KeyKind::User, [0; PublicKey::LEN]),
            server: Server::new(PublicKey::from_bytes(KeyKind::Server, [0; PublicKey::LEN])),
            client: Client::default(),
            credentials: Credentials::default(),
            identity: Identity {
                method,
                issuer: issuer.map(str::to_owned),
                ..Identity::default()
            },
            received_at: 0,
        }
    }

    fn route(name: &str, methods: &[Method], issuers: &[&str]) -> Route {
        let issuers = issuers.iter().map(ToString::to_string);
        Route {
            name: name.to_owned(),
            logins: Condition {
                methods: Allowed::only(methods.to_vec()).unwrap_or(Allowed::Any),
                issuers: Allowed::only(issuers).unwrap_or(Allowed::Any),
                client_kinds: Allowed::Any,
                connection_types: Allowed::Any,
            },
            chain: Vec::new(),
        }
    }

    #[test]
    fn the_first_match_is_found_for_every_condition() {
        let routes = Routes::new(vec![
            route("0-keys", &[Method::Nkey], &["b"]),
            route("1-a", &[], &["a"]),
            route("2-tokens", &[Method::Oidc], &[]),
            route("3-b", &[], &["b", "c", "a"]),
            route("4-nkeys", &[Method::Nkey], &[]),
        ]);
        let found = |method, issuer| {
            let request = request(method, issuer);
            let indexed = routes.find(&request).map(|route| route.name.as_str());
            let mut all = routes.iter().filter(|route| route.logins.fits(&request));
            assert_eq!(indexed, all.next().map(|route| route.name.as_str()));
            indexed.unwrap_or("none")
        };
        assert_eq!(found(Method::Oidc, Some("a")), "1-a");
        assert_eq!(found(Method::Oidc, Some("b")), "2-tokens");
        assert_eq!(found(Method::Jwt, Some("c")), "3-b");
        assert_eq!(found(Method::Nkey, Some("b")), "0-keys");
        assert_eq!(found(Method::Nkey, None), "4-nkeys");
        assert_eq!(found(Method::Password, None), "none");
        assert_eq!(found(Method::Password, Some("d")), "none");
    }
}
