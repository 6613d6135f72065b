//! The comparison case in Rego, with regorus.

use anyhow::{Context as _, Result, bail, ensure};
use portcullis_bench::{CLAIMS, GROUPS, Work, texts};
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

pub(crate) fn works() -> Result<[Work<'static>; 3]> {
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
        same_rule()?,
    ])
}

/// Evaluates what the policy `rego` evaluates. The input is made of JSON for every decision, and
/// the permit becomes JSON, as the policy does.
fn same_rule() -> Result<Work<'static>> {
    let mut engine = Engine::new();
    engine.add_extension("portcullis.token".to_owned(), 1, Box::new(token))?;
    engine.add_policy("text.rego".to_owned(), texts::REGO.to_owned())?;
    let text = whole_input();
    Ok(Work::new(texts::NATIVE_REGO, move || {
        engine.set_input_json(&text)?;
        let permit = engine.eval_rule("data.portcullis.permit".to_owned())?;
        permit.to_json_str().context("the permit is no JSON")
    }))
}

/// Returns an unchanged text: the texts of the comparison need no escapes.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the interpreter hands values over"
)]
fn token(arguments: Vec<Value>) -> Result<Value> {
    match arguments.as_slice() {
        [text] => Ok(text.clone()),
        _ => bail!("one argument was expected"),
    }
}

/// Returns the input that the policy `rego` makes of the login.
fn whole_input() -> String {
    format!(
        r#"{{
            "now": 1800000000,
            "method": "oidc",
            "strength": "proved",
            "principal": "alice@example.com",
            "issuer": "https://login.example.com/realms/orders",
            "expires_at": 1800003600,
            "groups": {GROUPS:?},
            "tags": [],
            "claims": {{ {CLAIMS} }},
            "client": {{
                "host": "192.0.2.17", "kind": "Client", "transport": "nats", "lang": "rust",
                "version": "0.51.0", "connection_type": "STANDARD", "tags": []
            }},
            "server": {{
                "id": "NADQ", "name": "nats-1", "host": "0.0.0.0", "version": "2.15.1", "tags": []
            }},
            "certificate": {{
                "verified": false, "dns_names": [], "uri_names": [], "email_names": [],
                "ip_names": []
            }}
        }}"#
    )
}

fn decide(engine: &mut Engine, input: Value) -> Result<Value> {
    engine.set_input(input);
    let decision = engine.eval_rule("data.portcullis.decision".to_owned())?;
    let publish = decision["publish"].as_set()?;
    ensure!(publish.len() == 2, "regorus refuses: {decision}");
    Ok(decision)
}
