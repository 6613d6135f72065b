//! The comparison case in Rego, with regorus.

use anyhow::{Result, ensure};
use portcullis_bench::{CLAIMS, GROUPS, Work};
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

fn input() -> String {
    format!(
        r#"{{
            "now": 1800000000,
            "expires": 1800003600,
            "groups": {GROUPS:?},
            "claims": {{ {CLAIMS} }}
        }}"#
    )
}

pub(crate) fn works() -> Result<[Work<'static>; 2]> {
    let mut engine = Engine::new();
    engine.add_policy("toy.rego".to_owned(), POLICY.to_owned())?;
    let mut other = engine.clone();
    let text = input();
    let input = Value::from_json_str(&text)?;
    let prebuilt = move || decide(&mut engine, input.clone());
    let from_json = move || decide(&mut other, Value::from_json_str(&text)?);
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
