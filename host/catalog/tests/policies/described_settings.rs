//! What modules say about their settings.

use std::fs;
use std::path::Path;

use nkeys::KeyPair;
use portcullis_catalog::{CatalogOptions, Inspection, inspect, module_schema};
use portcullis_core::Allowed;
use portcullis_test_policies::{engine, guest, policy};
use serde_json::{Value, json};

use crate::prover::child;
use crate::site::Site;

/// Returns a site whose policy `p` is the guest `tells`.
fn site(settings: &str) -> Site {
    let site = Site::new(&[]);
    site.put("p.wasm", &guest("tells"));
    site.put("p.toml", settings.as_bytes());
    site
}

fn inspected(site: &Site, options: &CatalogOptions) -> Inspection {
    inspect(&engine(), &site.path().join("p.wasm"), options).unwrap()
}

/// Returns the schema of the guest `tells`.
fn expected() -> Value {
    json!({
        "type": "object",
        "properties": { "greeting": { "type": "string" } },
        "required": ["greeting"],
    })
}

#[test]
fn a_module_says_what_its_settings_are_also_if_they_do_not_fit() {
    let good = site("[settings]\ngreeting = \"hello\"\n");
    let found = inspected(&good, &good.options());
    assert_eq!(found.settings_schema, Ok(Some(expected())));
    let in_child = CatalogOptions {
        prover: child(),
        ..good.options()
    };
    let found = inspected(&good, &in_child);
    assert_eq!(found.settings_schema, Ok(Some(expected())));

    let bad = site("[settings]\ngreting = \"hello\"\n");
    let found = inspected(&bad, &bad.options());
    assert!(found.verdict.is_err());
    assert_eq!(found.settings_schema, Ok(Some(expected())));

    let broken = site("[settings\n");
    let module = broken.path().join("p.wasm");
    let schema = module_schema(&engine(), &module, &broken.options()).unwrap();
    assert_eq!(schema, Ok(Some(expected())));
}

#[test]
fn a_module_of_an_older_contract_says_nothing() {
    let site = site("[settings]\n");
    let released = "../engine/tests/contract/0.1.0/permits.wasm";
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join(released);
    site.put("p.wasm", &fs::read(module).unwrap());
    assert_eq!(inspected(&site, &site.options()).settings_schema, Ok(None));
}

#[test]
fn a_module_of_no_trusted_publisher_is_not_asked() {
    let site = site("[settings]\ngreeting = \"hello\"\n");
    let publisher = KeyPair::new_account().public_key();
    let options = CatalogOptions {
        trusted_publishers: Allowed::only([publisher.parse().unwrap()]).unwrap(),
        ..site.options()
    };
    let refused = inspected(&site, &options).settings_schema.unwrap_err();
    assert!(refused.starts_with("not signed"), "{refused}");
}

#[test]
fn a_grant_is_not_needed_to_say_it() {
    let site = site("[settings]\nbucket = \"revoked\"\n");
    site.put("p.wasm", &guest("looks_up"));
    let schema = inspected(&site, &site.options()).settings_schema;
    let schema = schema.unwrap().unwrap();
    assert_eq!(schema["required"], json!(["bucket"]));
    assert_eq!(schema["properties"]["before"]["type"], "integer");
}

#[test]
fn the_ready_policies_say_what_their_settings_are() {
    for package in ["static-users", "oidc-roles", "scopes", "workload"] {
        let site = site("[settings]\n");
        let module = site.path().join("p.wasm");
        site.put("p.wasm", &policy(package));
        let schema = module_schema(&engine(), &module, &site.options()).unwrap();
        let schema = schema.unwrap().unwrap();
        let consume = schema.to_string().contains("\"consume-filtered\"");
        assert!(consume, "{package}: {schema}");
        assert_eq!(schema["additionalProperties"], false, "{package}");
    }
}
