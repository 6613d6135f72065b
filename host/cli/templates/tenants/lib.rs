//! The policy `__NAME__`: an account for each tenant, which a claim of the token names.

use portcullis_sdk::prelude::*;
use portcullis_sdk::profile::{Combination, Profile, ProfileTemplate};
use portcullis_sdk::template::{NameTemplate, Values, user_name_from};

/// The table `[settings]` of `__NAME__.toml`.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The issuer of the tokens, as in `[identity.issuers]` of `portcullis.toml`.
    issuer: String,
    /// The account, with a place for the tenant's name.
    account: String,
    /// What a user may do in the tenant's account.
    permissions: Profile,
}

struct Tenants {
    issuer: String,
    account: NameTemplate,
    permissions: ProfileTemplate,
}

impl Policy for Tenants {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, SettingsError> {
        let account = NameTemplate::account(&settings.account, &[])
            .map_err(|error| SettingsError::at("account", error))?;
        Ok(Self {
            issuer: settings.issuer,
            account,
            permissions: settings.permissions.template("permissions", &[])?,
        })
    }

    fn decide(&self, request: &Request) -> Verdict {
        if request.method() != Method::Oidc || !request.is_vouched_for_by([&self.issuer]) {
            return Verdict::Abstain;
        }
        match self.permit(request) {
            Ok(permit) => permit.into(),
            Err(reason) => Verdict::deny(reason),
        }
    }
}

impl Tenants {
    fn permit(&self, request: &Request) -> Result<Permit, String> {
        let values = Values::new(request);
        let account = self
            .account
            .name(&values)
            .map_err(|unfilled| unfilled.to_string())?;
        let name = user_name_from(request, &["sub"]).map_err(|unfilled| unfilled.to_string())?;
        let values = values.account(&account).user_name(&name);
        let mut combination = Combination::default();
        let added = combination.add("permissions", &self.permissions, &values);
        added.map_err(|refusal| refusal.to_string())?;
        Ok(combination.add_to(Permit::new(account).with_user_name(name)))
    }
}

export!(Tenants);

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_sdk::testing;

    fn decide(issuer: &str, claims: &str) -> Verdict {
        let tenants: Tenants = testing::configure(
            r#"{
                "issuer": "https://login.example.com",
                "account": "tenant-{{claim.tenant}}",
                "permissions": { "publish": { "allow": ["app.{{user-name}}.>"] } }
            }"#,
        )
        .unwrap();
        tenants.decide(&Request::builder().oidc(issuer, claims).build())
    }

    #[test]
    fn the_claim_names_the_account() {
        let permit = Permit::new("tenant-acme")
            .with_user_name("alice")
            .allow_publish(["app.alice.>"]);
        let claims = r#"{ "sub": "alice", "tenant": "acme" }"#;
        assert_eq!(decide("https://login.example.com", claims), permit.into());
        assert_eq!(decide("https://id.example", claims), Verdict::Abstain);
    }

    #[test]
    fn a_token_without_a_tenant_is_denied() {
        let denied = Verdict::deny("the login has no `claim.tenant`");
        assert_eq!(
            decide("https://login.example.com", r#"{ "sub": "alice" }"#),
            denied
        );
    }
}
