//! The contract in Rust, generated from `wit/`. Private in spirit: [`export!`](crate::export) needs it.

#![expect(
    clippy::same_length_and_capacity,
    reason = "generated: the canonical ABI hands over exactly sized allocations"
)]

wit_bindgen::generate!({
    path: "wit",
    world: "policy",
    pub_export_macro: true,
    export_macro_name: "export_bindings",
    default_bindings_module: "portcullis_sdk::bindings",
});
