//! The account that a caller of the token exchange asks for.

use portcullis_core::{
    AuthorizationRequest, Client, Denial, DenialClass, Identity, Method, Permit, Strength,
    WantedAccount,
};

use crate::rules::PermitRules;

/// Claims of a token that hold its scopes: a text with spaces (RFC 8693, 4.2), or an array.
const SCOPE_CLAIMS: [&str; 2] = ["scope", "scp"];

/// Checks that a caller may ask for its account at all. Runs before any policy.
///
/// # Errors
///
/// Fails with [`DenialClass::ScopeMissing`] if the request needs a scope that the caller's token
/// lacks.
pub(crate) fn check_scope(client: &Client, identity: &Identity) -> Result<(), Denial> {
    match &client.wanted_account {
        Some(wanted) if wanted.needs_scope && !has_scope(identity, &wanted.scope) => {
            Err(missing(wanted))
        }
        _ => Ok(()),
    }
}

/// Places the login in the wanted account, if the caller may choose it. Without a wanted account,
/// the policy's stays.
///
/// # Errors
///
/// Fails with [`DenialClass::ScopeMissing`] if the policy chose another account and the caller's
/// token lacks the scope to choose one itself.
pub(crate) fn place(
    permit: &mut Permit,
    request: &AuthorizationRequest,
    rules: &PermitRules,
) -> Result<(), Denial> {
    match &request.client.wanted_account {
        // Both may name the account by its name or by its key.
        Some(wanted) if rules.name_of(&wanted.account) != rules.name_of(permit.account()) => {
            if !has_scope(&request.identity, &wanted.scope) {
                return Err(missing(wanted));
            }
            permit.place_in(wanted.account.clone());
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Returns whether the host verified a token with this scope.
fn has_scope(identity: &Identity, scope: &str) -> bool {
    let is_token = identity.method == Method::Oidc && identity.strength == Strength::Proved;
    is_token
        && SCOPE_CLAIMS.iter().any(|claim| {
            let texts = identity.claims.texts(claim);
            texts
                .iter()
                .flat_map(|text| text.split(' '))
                .any(|found| found == scope)
        })
}

fn missing(wanted: &WantedAccount) -> Denial {
    let reason = format!(
        "the caller asks for account `{}`, which needs the scope `{}`",
        wanted.account,
        wanted.scope.escape_debug()
    );
    Denial::new(DenialClass::ScopeMissing, reason)
}

#[cfg(test)]
mod tests {
    use portcullis_core::Claims;

    use super::*;
    use crate::fixtures::{NOW, operator_rules, request, rules};

    fn wanted(needs_scope: bool) -> WantedAccount {
        WantedAccount {
            account: "OTHER".parse().unwrap(),
            scope: "admin:write".to_owned(),
            needs_scope,
        }
    }

    fn identity(claims: &str) -> Identity {
        Identity {
            method: Method::Oidc,
            strength: Strength::Proved,
            claims: Claims::from_json(claims).unwrap(),
            ..Identity::default()
        }
    }

    /// Returns the account of a permit for `APP`, or the class of the denial.
    fn placed(claims: &str, needs_scope: bool) -> Result<String, DenialClass> {
        let mut request = request();
        request.client.wanted_account = Some(wanted(needs_scope));
        request.identity = identity(claims);
        let mut permit = Permit::builder("APP", NOW).finish().unwrap();
        check_scope(&request.client, &request.identity)
            .and_then(|()| place(&mut permit, &request, &rules()))
            .map(|()| permit.account().to_string())
            .map_err(|denial| denial.class)
    }

    #[test]
    fn a_scope_lets_the_caller_choose_its_account() {
        for claims in [
            r#"{"scope": "admin:read admin:write"}"#,
            r#"{"scp": ["admin:write"]}"#,
            r#"{"scp": "admin:write"}"#,
        ] {
            for needs_scope in [true, false] {
                assert_eq!(placed(claims, needs_scope).as_deref(), Ok("OTHER"));
            }
        }
        for claims in [
            "{}",
            r#"{"scope": "admin:writer"}"#,
            r#"{"scope": "admin"}"#,
            r#"{"scope": {"admin:write": true}}"#,
            r#"{"roles": "admin:write"}"#,
        ] {
            for needs_scope in [true, false] {
                let class = Err(DenialClass::ScopeMissing);
                assert_eq!(placed(claims, needs_scope), class, "{claims}");
            }
        }
    }

    #[test]
    fn the_policys_own_account_needs_no_scope_unless_the_route_does() {
        let mut request = request();
        request.client.wanted_account = Some(wanted(false));
        let mut permit = Permit::builder("OTHER", NOW).finish().unwrap();
        place(&mut permit, &request, &rules()).unwrap();
        assert_eq!(permit.account().as_str(), "OTHER");
        request.client.wanted_account = Some(wanted(true));
        let denial = check_scope(&request.client, &identity("{}")).unwrap_err();
        assert_eq!(denial.class, DenialClass::ScopeMissing);
    }

    #[test]
    fn an_account_under_its_other_name_is_the_same() {
        let (key, rules) = operator_rules();
        for (asked, given) in [("APP", key.as_str()), (key.as_str(), "APP")] {
            let mut request = request();
            let account = asked.parse().unwrap();
            request.client.wanted_account = Some(WantedAccount {
                account,
                ..wanted(false)
            });
            let mut permit = Permit::builder(given, NOW).finish().unwrap();
            place(&mut permit, &request, &rules).unwrap();
            assert_eq!(permit.account().as_str(), given);
        }
    }

    #[test]
    fn an_unverified_scope_does_not_count() {
        let claimed = Identity {
            strength: Strength::Claimed,
            ..identity(r#"{"scope": "admin:write"}"#)
        };
        let of_user_jwt = Identity {
            method: Method::Jwt,
            ..identity(r#"{"scope": "admin:write"}"#)
        };
        assert!(!has_scope(&claimed, "admin:write"));
        assert!(!has_scope(&of_user_jwt, "admin:write"));
    }
}
