//! The toy case in Rego, with regorus.

use anyhow::{Result, ensure};
use portcullis_bench::Work;
use regorus::{Engine, Value};

const POLICY: &str = r#"
package portcullis

profiles := {
    "orders": {
        "publish": ["orders.new", "orders.note"],
        "subscribe": ["_INBOX.>", "orders.>"],
    },
    "admins": { "publish": [">"], "subscribe": [">"] },
}

default decision := { "allow": false }

decision := { "allow": true, "publish": publish, "subscribe": subscribe } if {
    some group in input.groups
    profiles[group]
    input.now < input.expires
}

publish contains subject if {
    some group in input.groups
    some subject in profiles[group].publish
}

subscribe contains subject if {
    some group in input.groups
    some subject in profiles[group].subscribe
}
"#;

const INPUT: &str = r#"{
    "now": 1800000000,
    "expires": 1800003600,
    "groups": ["staff", "orders", "returns", "billing", "oncall", "reports", "beta", "berlin"],
    "claims": {
        "iss": "https://login.example.com/realms/orders",
        "sub": "7a1f0d1e-5d53-4f0c-9d1b-6a0e2f5a3c11",
        "aud": "nats",
        "azp": "orders-frontend",
        "jti": "0f9f0bd4-6f44-4b50-a9fb-6bb5e2a6f2b3",
        "typ": "Bearer",
        "name": "Alice Example",
        "email": "alice@example.com",
        "preferred_username": "alice",
        "scope": "openid profile email",
        "org_unit": "fulfilment"
    }
}"#;

pub(crate) fn works() -> Result<[Work<'static>; 2]> {
    let mut engine = Engine::new();
    engine.add_policy("toy.rego".to_owned(), POLICY.to_owned())?;
    let mut other = engine.clone();
    let input = Value::from_json_str(INPUT)?;
    let prebuilt = move || decide(&mut engine, input.clone());
    let from_json = move || decide(&mut other, Value::from_json_str(INPUT)?);
    Ok([
        Work::new("regorus, input prebuilt (permissions)", prebuilt),
        Work::new("regorus, input from JSON (permissions)", from_json),
    ])
}

fn decide(engine: &mut Engine, input: Value) -> Result<Value> {
    engine.set_input(input);
    let decision = engine.eval_rule("data.portcullis.decision".to_owned())?;
    let publish = decision["publish"].as_set()?;
    ensure!(publish.len() == 2, "regorus refuses: {decision}");
    Ok(decision)
}
