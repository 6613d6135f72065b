//! A guest of the JSON contract that parses all facts, into the types of an SDK.

#[cfg(target_arch = "wasm32")]
#[path = "shared/json.rs"]
mod json;

#[cfg(target_arch = "wasm32")]
#[expect(unsafe_code, reason = "generated: the exports of the canonical ABI")]
mod guest {
    use bench_guests::json::Login;

    use crate::json::{self, Guest, export};

    struct TakesEverything;

    impl Guest for TakesEverything {
        fn decide(login: String) -> String {
            json::answer::<Login>(&login)
        }
    }

    export!(TakesEverything with_types_in crate::json);
}
