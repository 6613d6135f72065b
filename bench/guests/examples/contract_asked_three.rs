//! A guest of the present contract that asks only for the three facts that it decides by.

#[cfg(target_arch = "wasm32")]
#[path = "shared/asked.rs"]
mod asked;

#[cfg(target_arch = "wasm32")]
#[expect(unsafe_code, reason = "generated: the exports of the canonical ABI")]
mod guest {
    use bench_guests::Facts;

    use crate::asked::exports::portcullis::policy::decider::{Guest, Verdict};
    use crate::asked::portcullis::policy::identity;
    use crate::asked::{self, export};

    struct AsksForThree;

    impl Guest for AsksForThree {
        fn configure(_settings: String) -> Result<(), String> {
            Ok(())
        }

        fn decide() -> Verdict {
            asked::answer(Facts {
                method: identity::method(),
                username: identity::username(),
                roles: identity::claim("roles"),
            })
        }
    }

    export!(AsksForThree with_types_in crate::asked);
}
