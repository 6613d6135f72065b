//! The contract in Rust, generated from `wit/`. Private in spirit: [`export!`](crate::export) needs it.

wit_bindgen::generate!({
    path: "../wit",
    world: "policy",
    pub_export_macro: true,
    export_macro_name: "export_bindings",
    default_bindings_module: "portcullis_sdk::bindings",
});
