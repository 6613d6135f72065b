//! The guest of the record contract: one record in, one record out.

#[cfg(target_arch = "wasm32")]
#[expect(unsafe_code, reason = "generated: the exports of the canonical ABI")]
#[expect(
    clippy::same_length_and_capacity,
    reason = "generated: the canonical ABI hands over exactly sized allocations"
)]
mod guest {
    use bench_guests::{Facts, PermitParts, decide};

    wit_bindgen::generate!({
        path: "../wit/record",
        world: "policy",
    });

    use self::bench::one_record::types::Permit;

    struct TakesARecord;

    impl Guest for TakesARecord {
        fn decide(login: Login) -> Verdict {
            let identity = login.identity;
            let roles = identity
                .claims
                .into_iter()
                .find(|claim| claim.name == "roles");
            let facts = Facts {
                method: identity.method,
                username: identity.username,
                roles: roles.map(|claim| claim.values).unwrap_or_default(),
            };
            match decide(facts) {
                bench_guests::Verdict::Permit(permit) => Verdict::Permit(permit),
                bench_guests::Verdict::Deny(reason) => Verdict::Deny(reason),
                bench_guests::Verdict::Abstain => Verdict::Abstain,
            }
        }
    }

    impl PermitParts for Permit {
        fn new(account: &str) -> Self {
            Self {
                account: account.to_owned(),
                user_name: None,
                publish_allow: Vec::new(),
                subscribe_allow: Vec::new(),
                expires_in: None,
            }
        }

        fn user_name(&mut self, name: String) {
            self.user_name = Some(name);
        }

        fn publish_allow(&mut self, subject: String) {
            self.publish_allow.push(subject);
        }

        fn subscribe_allow(&mut self, subject: String) {
            self.subscribe_allow.push(subject);
        }

        fn expires_in(&mut self, seconds: u64) {
            self.expires_in = Some(seconds);
        }
    }

    export!(TakesARecord);
}
