//! Logins of recorded decisions, which may lack facts that the host found out.

use portcullis_core::Method;
use serde_json::{Map, Value, json};

/// The beginnings of questions about facts that `facts = "log"` leaves out of a record.
const ABOUT_FACTS: [&str; 4] = [
    "identity.claim",
    "identity.groups",
    "identity.tags",
    "certificate.",
];

/// Returns the questions of a decision about facts that the record of its login lacks: claims,
/// groups, tags and certificates, which `facts = "log"` leaves out. `login` is that of the record.
pub fn unrecorded<'asked>(login: &Map<String, Value>, asked: &'asked [String]) -> Vec<&'asked str> {
    let is_there = |value: Option<&Value>| match value {
        None | Some(Value::Null) => false,
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(members)) => !members.is_empty(),
        Some(_) => true,
    };
    let identity = login.get("identity");
    let fact = |name: &str| identity.and_then(|identity| identity.get(name));
    let facts = ["claims", "groups", "tags"].map(fact);
    if is_there(login.get("certificate")) || facts.into_iter().any(is_there) {
        return Vec::new();
    }
    let is_about_facts =
        |question: &&str| ABOUT_FACTS.iter().any(|fact| question.starts_with(fact));
    asked
        .iter()
        .map(String::as_str)
        .filter(is_about_facts)
        .collect()
}

/// Adds the verified certificate that the client of a record must have presented, if the record
/// leaves it out. It has what the identity says of it: the name, the issuer and the end.
pub(super) fn add_certificate(login: &mut Map<String, Value>) {
    if login.contains_key("certificate") {
        return;
    }
    let Some(certificate) = login.get("identity").and_then(certificate_of) else {
        return;
    };
    login.insert("certificate".to_owned(), certificate);
    let client = login.entry("client").or_insert_with(|| json!({}));
    if let Some(client) = client.as_object_mut() {
        client.entry("tls-version").or_insert_with(|| "1.3".into());
    }
}

/// Returns the certificate that an identity without one must come with. `None` if it needs none.
fn certificate_of(identity: &Value) -> Option<Value> {
    let text = |key: &str| identity.get(key).and_then(Value::as_str);
    let method = text("method")?;
    let end = identity.get("expires-at").filter(|end| end.is_u64());
    let is_certificate = method == Method::Certificate.as_str();
    // A token and the user JWT of a trusted account end by themselves.
    let ends_by_itself = method == Method::Oidc.as_str()
        || (method == Method::Jwt.as_str() && text("issuer").is_some());
    if !is_certificate && (ends_by_itself || end.is_none()) {
        return None;
    }
    let mut certificate = Map::from_iter([("verified".to_owned(), json!(true))]);
    let mut add = |key: &str, value: Value| certificate.insert(key.to_owned(), value);
    if is_certificate {
        match text("principal") {
            Some(id) if id.starts_with("spiffe://") => {
                add("spiffe-id", id.into());
                add("uri-names", json!([id]));
            }
            Some(subject) => {
                add("subject", subject.into());
            }
            None => {}
        }
        if let Some(issuer) = text("issuer") {
            add("issuer", issuer.into());
        }
    }
    if let Some(end) = end {
        add("not-after", end.clone());
    }
    Some(Value::Object(certificate))
}

#[cfg(test)]
mod tests {
    use portcullis_core::{KeyKind, PublicKey};

    use super::*;
    use crate::policy_tests::{DescribedLogin, describe};

    const NOW: u64 = 1_900_000_000;
    const END: u64 = NOW + 60;

    fn read(login: &Value) -> Result<Value, String> {
        let members = login.as_object().unwrap().clone();
        let described = DescribedLogin::read_record(members, NOW);
        let described = described.map_err(|error| error.to_string())?;
        Ok(describe(&described.request))
    }

    #[test]
    fn a_record_without_the_certificate_has_what_the_identity_says_of_it() {
        let identity = |principal: &str| {
            json!({
                "method": "certificate", "principal": principal, "proved": true,
                "issuer": "CN=ca", "expires-at": END,
            })
        };
        for (principal, names) in [
            ("CN=device-7", json!({ "subject": "CN=device-7" })),
            (
                "spiffe://example.com/a",
                json!({ "subject": "", "spiffe-id": "spiffe://example.com/a", "uri-names": ["spiffe://example.com/a"] }),
            ),
        ] {
            let found = read(&json!({ "identity": identity(principal) })).unwrap();
            let leaf = &found["certificate"];
            for (name, value) in names.as_object().unwrap() {
                assert_eq!(leaf[name], *value, "{found}");
            }
            assert_eq!(leaf["verified"], true, "{found}");
            assert_eq!(leaf["issuer"], "CN=ca", "{found}");
            assert_eq!(leaf["not-after"], END, "{found}");
        }
    }

    #[test]
    fn an_end_that_only_a_certificate_can_give_comes_with_one() {
        let user = PublicKey::from_bytes(KeyKind::User, [1; PublicKey::LEN]).to_string();
        for (identity, has_certificate) in [
            (json!({ "method": "password" }), true),
            (
                json!({ "method": "nkey", "principal": user, "proved": true, "nkey": user }),
                true,
            ),
            (
                json!({ "method": "oidc", "principal": "a", "proved": true, "issuer": "https://idp" }),
                false,
            ),
        ] {
            let mut login = json!({ "identity": identity });
            login["identity"]["expires-at"] = END.into();
            let found = read(&login).unwrap();
            let has = found.get("certificate").is_some_and(Value::is_object);
            assert_eq!(has, has_certificate, "{found}");
            login["identity"]
                .as_object_mut()
                .unwrap()
                .remove("expires-at");
            let found = read(&login).unwrap();
            assert!(
                found.get("certificate").is_none_or(Value::is_null),
                "{found}"
            );
        }
    }

    #[test]
    fn a_recorded_certificate_stays_as_it_is() {
        let login = json!({
            "identity": { "method": "certificate", "proved": true },
            "certificate": { "verified": false },
            "client": { "tls-version": "1.2" },
        });
        let error = read(&login).unwrap_err();
        assert!(error.contains("verified = true"), "{error}");
    }

    #[test]
    fn questions_about_facts_that_are_not_recorded_are_named() {
        let asked = [
            "identity.method",
            "identity.claim(/sub)",
            "certificate.subject",
        ];
        let asked = asked.map(str::to_owned);
        let named = |login: Value| unrecorded(login.as_object().unwrap(), &asked).len();
        assert_eq!(named(json!({ "identity": { "claims": {} } })), 2);
        assert_eq!(named(json!({ "identity": { "groups": ["a"] } })), 0);
        assert_eq!(named(json!({ "certificate": { "subject": "CN=a" } })), 0);
    }
}
