//! Permits accounts that signed themselves, with limits of its own. Some names make it misbehave.

use portcullis_sdk::prelude::*;
use portcullis_sdk::{AccountLimit, ClientKind};

struct Guest;

impl Policy for Guest {
    type Settings = NoSettings;

    fn configure(_: NoSettings) -> Result<Self, SettingsError> {
        Ok(Self)
    }

    fn decide(&self, request: &Request) -> Verdict {
        let client = request.client();
        if client.kind() != Some(ClientKind::AccountRequest) {
            return Verdict::Abstain;
        }
        match client.name().as_deref() {
            #[expect(clippy::panic, reason = "what this guest is for")]
            Some("team-traps") => panic!("trapped"),
            Some("team-spins") => loop {
                std::hint::spin_loop();
            },
            Some("team-other") => limited("team-a"),
            Some("team-login") => Permit::new("team-login").allow_publish(["a"]).into(),
            Some(name) if client.tags().iter().any(|tag| tag == "plan:small") => limited(name),
            _ => Verdict::deny("no plan"),
        }
    }
}

fn limited(name: &str) -> Verdict {
    Permit::new(name)
        .limit_account(AccountLimit::Connections, 2)
        .limit_account(AccountLimit::JetStreamDisk, 1 << 20)
        .limit_account(AccountLimit::Exports, 3)
        .add_tags(["plan:checked"])
        .into()
}

export!(Guest);
