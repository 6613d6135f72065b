//! A guest of the present contract that asks for every fact that the record carries, one by one.

#[cfg(target_arch = "wasm32")]
#[path = "shared/asked.rs"]
mod asked;

#[cfg(target_arch = "wasm32")]
#[expect(unsafe_code, reason = "generated: the exports of the canonical ABI")]
mod guest {
    use std::hint::black_box;

    use bench_guests::Facts;

    use crate::asked::exports::portcullis::policy::decider::{Guest, Verdict};
    use crate::asked::portcullis::policy::{client, identity, request, server};
    use crate::asked::{self, export};

    struct AsksForEverything;

    impl Guest for AsksForEverything {
        fn configure(_settings: String) -> Result<(), String> {
            Ok(())
        }

        fn decide() -> Verdict {
            black_box((request::now(), request::user_nkey()));
            black_box((client::host(), client::id(), client::user(), client::name()));
            black_box((client::kind(), client::transport(), client::mqtt_id()));
            black_box((client::lang(), client::version(), client::tags()));
            black_box((client::name_tag(), client::connection_type()));
            black_box((client::tls_version(), client::tls_cipher()));
            black_box((server::id(), server::name(), server::host()));
            black_box((server::version(), server::cluster(), server::tags()));
            black_box((identity::principal(), identity::strength()));
            black_box((identity::issuer(), identity::expires_at()));
            black_box((identity::groups(), identity::tags(), identity::nkey()));
            let mut roles = Vec::new();
            for name in identity::claim_names() {
                let values = identity::claim(&name);
                if name == "roles" {
                    roles = values;
                } else {
                    black_box(values);
                }
            }
            asked::answer(Facts {
                method: identity::method(),
                username: identity::username(),
                roles,
            })
        }
    }

    export!(AsksForEverything with_types_in crate::asked);
}
