//! The policy `__NAME__`.

use portcullis_sdk::prelude::*;

/// The policy. Its fields hold what `configure` makes of the settings.
struct Empty;

impl Policy for Empty {
    type Settings = NoSettings;

    fn configure(_: NoSettings) -> Result<Self, SettingsError> {
        Ok(Self)
    }

    fn decide(&self, request: &Request) -> Verdict {
        if request.method() == Method::None {
            return Verdict::deny("the client presents nothing");
        }
        // The next policy decides. If all abstain, the host denies the login.
        Verdict::Abstain
    }
}

export!(Empty);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_without_credentials_is_denied() {
        let request = Request::builder().build();
        let denied = Verdict::deny("the client presents nothing");
        assert_eq!(Empty.decide(&request), denied);
    }

    #[test]
    fn other_logins_are_left_to_the_next_policy() {
        let request = Request::builder()
            .username("alice")
            .password("secret")
            .build();
        assert_eq!(Empty.decide(&request), Verdict::Abstain);
    }
}
