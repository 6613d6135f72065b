//! The policy `__NAME__`: permissions for the groups of one identity provider.

use std::collections::BTreeMap;

use portcullis_sdk::prelude::*;
use portcullis_sdk::profile::{Combination, Profile, ProfileTemplate};
use portcullis_sdk::template::{Values, user_name_from};

/// The table `[settings]` of `__NAME__.toml`.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The issuer of the tokens, as in `[identity.issuers]` of `portcullis.toml`.
    issuer: String,
    /// The account of all logins.
    account: String,
    /// What the members of each group may do.
    groups: BTreeMap<String, Profile>,
}

struct Groups {
    issuer: String,
    account: String,
    groups: BTreeMap<String, ProfileTemplate>,
}

impl Policy for Groups {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, SettingsError> {
        check_account(&settings.account).map_err(|error| SettingsError::at("account", error))?;
        let mut groups = BTreeMap::new();
        for (name, profile) in settings.groups {
            let template = profile.template(&format!("groups.{name}"), &[])?;
            groups.insert(name, template);
        }
        Ok(Self {
            issuer: settings.issuer,
            account: settings.account,
            groups,
        })
    }

    fn decide(&self, request: &Request) -> Verdict {
        // Another issuer may give the same name to another group.
        if request.method() != Method::Oidc || !request.is_vouched_for_by([&self.issuer]) {
            return Verdict::Abstain;
        }
        match self.permit(request) {
            Ok(permit) => permit.into(),
            Err(reason) => Verdict::deny(reason),
        }
    }
}

impl Groups {
    fn permit(&self, request: &Request) -> Result<Permit, String> {
        let name = user_name_from(request, &["sub"]).map_err(|unfilled| unfilled.to_string())?;
        let values = Values::new(request).account(&self.account).user_name(&name);
        let mut combination = Combination::default();
        for group in request.groups() {
            if let Some(profile) = self.groups.get(&group) {
                let added = combination.add(&group, profile, &values);
                added.map_err(|refusal| refusal.to_string())?;
            }
        }
        if combination.allows_nothing() {
            return Err("no group of the login allows anything".to_owned());
        }
        Ok(combination.add_to(Permit::new(&self.account).with_user_name(name)))
    }
}

export!(Groups);

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_sdk::testing::{self, RequestBuilder};

    fn groups() -> Groups {
        testing::configure(
            r#"{
                "issuer": "https://login.example.com",
                "account": "APP",
                "groups": { "ops": { "publish": { "allow": ["ops.{{user-name}}.>"] } } }
            }"#,
        )
        .unwrap()
    }

    fn token(issuer: &str) -> RequestBuilder {
        Request::builder().oidc(issuer, r#"{ "sub": "alice" }"#)
    }

    #[test]
    fn a_member_gets_the_permissions_of_the_group() {
        let request = token("https://login.example.com").groups(["ops"]).build();
        let permit = Permit::new("APP")
            .with_user_name("alice")
            .allow_publish(["ops.alice.>"]);
        assert_eq!(groups().decide(&request), permit.into());
    }

    #[test]
    fn a_login_without_a_known_group_is_denied() {
        let request = token("https://login.example.com")
            .groups(["guests"])
            .build();
        let denied = Verdict::deny("no group of the login allows anything");
        assert_eq!(groups().decide(&request), denied);
    }

    #[test]
    fn tokens_of_other_issuers_are_left_to_the_next_policy() {
        let request = token("https://id.example").groups(["ops"]).build();
        assert_eq!(groups().decide(&request), Verdict::Abstain);
    }
}
