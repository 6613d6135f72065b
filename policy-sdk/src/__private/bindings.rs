//! The contract in Rust, generated from `wit/`. Public only because [`export!`](crate::export)
//! expands to its names.

#![expect(
    clippy::same_length_and_capacity,
    reason = "generated: the canonical ABI hands over exactly sized allocations"
)]

wit_bindgen::generate!({
    path: "wit",
    world: "described-policy",
    pub_export_macro: true,
    export_macro_name: "export_bindings",
    default_bindings_module: "portcullis_sdk::__private::bindings",
});
