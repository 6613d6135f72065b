//! The policy that the demo replaces `static-users` with. It has the same users from the same
//! settings, who may only subscribe. The demo shows with it a change to a policy in service.

use std::collections::BTreeMap;

use portcullis_sdk::Subject;
use portcullis_sdk::prelude::*;
use serde::Deserialize;

/// The part of the settings of `static-users` that this policy uses; it ignores the rest.
#[derive(Debug, Deserialize)]
pub struct Settings {
    users: BTreeMap<String, User>,
}

#[derive(Debug, Deserialize)]
struct User {
    password: String,
    account: String,
}

/// The policy: its users may subscribe to their own subjects.
#[derive(Debug)]
pub struct ReadOnly {
    users: BTreeMap<String, (User, Subject)>,
}

impl Policy for ReadOnly {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, SettingsError> {
        let own = |(name, user): (String, User)| {
            // The operator names the users: no client chooses the subject.
            let subject = Subject::parse(&format!("{name}.>"))
                .map_err(|error| SettingsError::at(format!("users.{name}"), error))?;
            Ok((name, (user, subject)))
        };
        let users = settings.users.into_iter().map(own);
        Ok(Self {
            users: users.collect::<Result<_, SettingsError>>()?,
        })
    }

    fn decide(&self, request: &Request) -> Verdict {
        let Some(name) = request.username() else {
            return Verdict::Abstain;
        };
        let Some((user, own)) = self.users.get(&name) else {
            return Verdict::Abstain;
        };
        match request.password_matches(&user.password) {
            Ok(true) => Permit::new(&user.account).allow_subscribe([own]).into(),
            Ok(false) => Verdict::deny("wrong password"),
            Err(error) => Verdict::deny(error),
        }
    }
}

export!(ReadOnly);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_may_listen_and_nothing_else() {
        let settings = r#"{ "users": { "alice": { "password": "plain:a", "account": "APP" } } }"#;
        let policy: ReadOnly = portcullis_sdk::testing::configure(settings).unwrap();
        let alice = Request::builder().username("alice").password("a").build();
        let expected = Permit::new("APP").allow_subscribe(["alice.>"]);
        assert_eq!(policy.decide(&alice), expected.into());
    }
}
