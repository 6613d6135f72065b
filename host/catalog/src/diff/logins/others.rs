//! Variations of a login for a comparison of two versions: the login of another user, and the same
//! login with another issuer.

use portcullis_core::{
    AuthorizationRequest, Certificate, Claims, KeyKind, Method, PresentedNkey, PublicKey,
};
use serde_json::Value;

/// The bytes of the nkey of another user, which belong to no user.
const OTHER_KEY: [u8; PublicKey::LEN] = [1; PublicKey::LEN];

/// The claim that names the issuer.
const ISSUER: &str = "iss";

/// Makes the login that of another user. Returns whether it names a user.
pub(super) fn user(request: &mut AuthorizationRequest) -> bool {
    let before = request.identity.principal.clone();
    let is_named = match request.identity.method {
        Method::Nkey | Method::Jwt => key(request),
        Method::Certificate => {
            let leaf = request.identity.certificate.as_mut();
            request.identity.principal = leaf.map(rename);
            before.is_some()
        }
        _ => {
            let is_named = other(&mut request.credentials.username);
            other(&mut request.identity.principal) || is_named
        }
    };
    other(&mut request.client.user);
    if let (Some(before), Some(after)) = (before, &request.identity.principal) {
        let renamed =
            |claim: &str, text: &str| (claim != ISSUER && text == before).then(|| after.clone());
        request.identity.claims = replaced(&request.identity.claims, &renamed);
    }
    is_named
}

/// Makes the identity that of another issuer. Returns whether it has one.
pub(super) fn issuer(request: &mut AuthorizationRequest) -> bool {
    let identity = &mut request.identity;
    let before = identity.issuer.clone();
    if !other(&mut identity.issuer) {
        return false;
    }
    if let (Method::Certificate, Some(leaf), Some(issuer)) =
        (identity.method, &mut identity.certificate, &identity.issuer)
    {
        leaf.issuer.clone_from(issuer);
    }
    if let (Some(before), Some(after)) = (before, &identity.issuer) {
        // The ids of a trust domain begin with its name.
        let id = |text: &str| {
            let rest = text.strip_prefix(&before)?;
            rest.starts_with('/').then(|| format!("{after}{rest}"))
        };
        let renamed = |claim: &str, text: &str| match claim {
            ISSUER if text == before => Some(after.clone()),
            _ => id(text),
        };
        identity.claims = replaced(&identity.claims, &renamed);
        let principal = identity.principal.as_deref().and_then(id);
        identity.principal = principal.or_else(|| identity.principal.take());
    }
    true
}

/// Replaces the nkey of the login. Returns whether it has one.
fn key(request: &mut AuthorizationRequest) -> bool {
    let key = PublicKey::from_bytes(KeyKind::User, OTHER_KEY);
    let identity = &mut request.identity;
    let is_named = identity.principal.is_some();
    identity.principal = identity.principal.take().map(|_| key.to_string());
    identity.nkey = identity.nkey.take().map(|_| key.clone());
    let presented = &mut request.credentials.nkey;
    *presented = presented.take().map(|_| PresentedNkey::Key(key));
    is_named
}

/// Gives a certificate another name, and returns it.
fn rename(leaf: &mut Certificate) -> String {
    if let Some(id) = &mut leaf.spiffe_id {
        id.push_str("-x");
        leaf.uri_names = vec![id.clone()];
        return id.clone();
    }
    leaf.subject.push_str("-x");
    leaf.subject.clone()
}

/// Appends to a text, so that it is another one. Returns whether there was a text.
fn other(text: &mut Option<String>) -> bool {
    text.as_mut().map(|text| text.push_str("-x")).is_some()
}

/// Returns the claims with the texts for which `new` has another one replaced. `new` gets the name
/// of the claim and the text.
fn replaced(claims: &Claims, new: &dyn Fn(&str, &str) -> Option<String>) -> Claims {
    let names = claims.names();
    let values = names.filter_map(|name| {
        let mut value = claims.get(name)?.clone();
        replace(&mut value, &|text| new(name, text));
        Some((name.to_owned(), value))
    });
    Claims::new(values.collect())
}

fn replace(value: &mut Value, new: &dyn Fn(&str) -> Option<String>) {
    match value {
        Value::String(text) => {
            if let Some(new) = new(text) {
                *text = new;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, new)),
        Value::Object(members) => members.values_mut().for_each(|member| replace(member, new)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy_tests::is_possible;
    use crate::smoke;

    #[test]
    fn the_login_of_another_user_or_issuer_is_one_that_a_client_can_make() {
        for method in Method::ALL {
            let login = smoke::login(method);
            assert!(is_possible(&login), "{method:?}");
            for change in [user, issuer] {
                let mut changed = login.clone();
                let is_changed = change(&mut changed);
                assert!(
                    !is_changed || is_possible(&changed),
                    "{method:?}: {changed:?}"
                );
            }
            let mut other = login.clone();
            let is_named =
                method != Method::None && method != Method::Token && method != Method::Jwt;
            assert_eq!(user(&mut other), is_named, "{method:?}");
        }
    }

    #[test]
    fn the_claims_of_a_trust_domain_follow_the_issuer() {
        let mut login = smoke::login(Method::Oidc);
        let claims = r#"{ "sub": "spiffe://a.org/web", "aud": ["nats"] }"#;
        login.identity.claims = Claims::from_json(claims).unwrap();
        login.identity.issuer = Some("spiffe://a.org".to_owned());
        login.identity.principal = Some("spiffe://a.org/web".to_owned());
        assert!(issuer(&mut login) && is_possible(&login));
        assert_eq!(login.identity.claims.texts("sub"), ["spiffe://a.org-x/web"]);
    }
}
