//! The policy `__NAME__`: users with passwords, who share one set of permissions.

use std::collections::BTreeMap;

use portcullis_sdk::prelude::*;
use portcullis_sdk::profile::{Combination, Profile, ProfileTemplate};
use portcullis_sdk::template::Values;

/// The table `[settings]` of `__NAME__.toml`.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The account of all users.
    account: String,
    /// What a user may do. `{{user-name}}` stands for the user's name.
    permissions: Profile,
    /// The hash of each user's password, from `portcullis hash`.
    users: BTreeMap<String, String>,
}

struct Users {
    account: String,
    permissions: ProfileTemplate,
    users: BTreeMap<String, String>,
}

impl Policy for Users {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, SettingsError> {
        check_account(&settings.account).map_err(|error| SettingsError::at("account", error))?;
        SettingsError::check(settings.users.iter().filter_map(|(name, hash)| {
            let error = check_hash(hash).err()?;
            Some(SettingsError::at(format!("users.{name}"), error))
        }))?;
        Ok(Self {
            permissions: settings.permissions.template("permissions", &[])?,
            account: settings.account,
            users: settings.users,
        })
    }

    fn decide(&self, request: &Request) -> Verdict {
        if request.method() != Method::Password {
            return Verdict::Abstain;
        }
        let Some(name) = request.username() else {
            return Verdict::Abstain;
        };
        let Some(hash) = self.users.get(&name) else {
            return Verdict::Abstain;
        };
        match request.password_matches(hash) {
            Ok(true) => self.permit(request, &name),
            Ok(false) => Verdict::deny("wrong password"),
            Err(error) => Verdict::deny(error),
        }
    }
}

impl Users {
    fn permit(&self, request: &Request, name: &str) -> Verdict {
        let values = Values::new(request).account(&self.account).user_name(name);
        let mut combination = Combination::default();
        match combination.add("permissions", &self.permissions, &values) {
            Ok(()) => combination
                .add_to(Permit::new(&self.account).with_user_name(name))
                .into(),
            Err(refusal) => Verdict::deny(refusal),
        }
    }
}

export!(Users);

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_sdk::testing;

    const HASH: &str = "plain:correct horse";

    fn users() -> Users {
        let settings = format!(
            r#"{{
                "account": "APP",
                "permissions": {{ "publish": {{ "allow": ["app.{{{{user-name}}}}.>"] }} }},
                "users": {{ "alice": "{HASH}" }}
            }}"#
        );
        testing::configure(&settings).unwrap()
    }

    #[test]
    fn a_user_gets_the_permissions_with_her_name() {
        let request = Request::builder()
            .username("alice")
            .password("correct horse")
            .build();
        let permit = Permit::new("APP")
            .with_user_name("alice")
            .allow_publish(["app.alice.>"]);
        assert_eq!(users().decide(&request), permit.into());
    }

    #[test]
    fn a_wrong_password_is_denied() {
        let request = Request::builder()
            .username("alice")
            .password("wrong")
            .build();
        assert_eq!(users().decide(&request), Verdict::deny("wrong password"));
    }

    #[test]
    fn unknown_users_are_left_to_the_next_policy() {
        let request = Request::builder()
            .username("mallory")
            .password("correct horse")
            .build();
        assert_eq!(users().decide(&request), Verdict::Abstain);
    }
}
