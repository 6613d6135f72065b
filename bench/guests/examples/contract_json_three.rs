//! A guest of the JSON contract that parses three facts.

#[cfg(target_arch = "wasm32")]
#[path = "shared/json.rs"]
mod json;

#[cfg(target_arch = "wasm32")]
#[expect(unsafe_code, reason = "generated: the exports of the canonical ABI")]
mod guest {
    use bench_guests::json::ThreeFacts;

    use crate::json::{self, Guest, export};

    struct ReadsThree;

    impl Guest for ReadsThree {
        fn decide(login: String) -> String {
            json::answer::<ThreeFacts>(&login)
        }
    }

    export!(ReadsThree with_types_in crate::json);
}
