//! The guests of `cargo xtask bench contract`: one decision, behind one contract per file under
//! `examples/`.
//!
//! The decision itself is in this crate, so that the guests differ only in how facts come in and
//! permits go out.

pub mod json;

/// The facts that the policy decides by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The method by which the client authenticates.
    pub method: String,
    /// The user name that the client claims.
    pub username: Option<String>,
    /// The values of the token's claim `roles`.
    pub roles: Vec<String>,
}

/// A permit under construction, in the form of some contract.
pub trait PermitParts {
    /// Creates a permit.
    fn new(account: &str) -> Self;
    /// Sets the user name.
    fn user_name(&mut self, name: String);
    /// Allows publishing on a subject.
    fn publish_allow(&mut self, subject: String);
    /// Allows subscribing to a subject.
    fn subscribe_allow(&mut self, subject: String);
    /// Sets the lifetime, in seconds.
    fn expires_in(&mut self, seconds: u64);
}

/// The answer, with a permit in the form of some contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<P> {
    /// A permit for the login.
    Permit(P),
    /// A denial of the login.
    Deny(String),
    /// An abstention: the next policy decides.
    Abstain,
}

/// Decides a login: two subjects for every role.
pub fn decide<P: PermitParts>(facts: Facts) -> Verdict<P> {
    if facts.method != "oidc" {
        return Verdict::Abstain;
    }
    let Some(name) = facts.username else {
        return Verdict::Deny("no user name".to_owned());
    };
    if facts.roles.is_empty() {
        return Verdict::Deny("no role".to_owned());
    }
    let mut permit = P::new("APP");
    permit.user_name(name);
    permit.subscribe_allow("_INBOX.>".to_owned());
    for role in facts.roles {
        permit.publish_allow(format!("orders.{role}.new"));
        permit.subscribe_allow(format!("orders.{role}.>"));
    }
    permit.expires_in(3600);
    Verdict::Permit(permit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(method: &str, username: Option<&str>, roles: &[&str]) -> Verdict<json::Permit> {
        decide(Facts {
            method: method.to_owned(),
            username: username.map(str::to_owned),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        })
    }

    #[test]
    fn every_role_brings_two_subjects() {
        let Verdict::Permit(permit) = decided("oidc", Some("alice"), &["reader", "clerk"]) else {
            panic!("no permit");
        };
        assert_eq!(
            permit.publish_allow,
            ["orders.reader.new", "orders.clerk.new"]
        );
        assert_eq!(
            permit.subscribe_allow,
            ["_INBOX.>", "orders.reader.>", "orders.clerk.>"]
        );
    }

    #[test]
    fn what_is_missing_is_a_refusal_and_other_methods_are_for_others() {
        let deny = |reason: &str| Verdict::Deny(reason.to_owned());
        assert_eq!(decided("oidc", None, &["reader"]), deny("no user name"));
        assert_eq!(decided("oidc", Some("alice"), &[]), deny("no role"));
        assert_eq!(
            decided("password", Some("alice"), &["reader"]),
            Verdict::Abstain
        );
    }

    #[test]
    fn json_without_what_is_absent_is_read() {
        let login: json::Login = serde_json::from_str(
            r#"{ "now": 1, "identity": { "method": "oidc", "username": "alice",
                "claims": { "roles": ["reader"] } } }"#,
        )
        .unwrap();
        let facts = Facts::from(login);
        assert_eq!(facts.roles, ["reader"]);
        let verdict: Verdict<json::Permit> = decide(facts);
        let text = serde_json::to_string(&json::Answer::from(verdict)).unwrap();
        assert_eq!(
            text,
            r#"{"permit":{"account":"APP","user-name":"alice","publish-allow":["orders.reader.new"],"subscribe-allow":["_INBOX.>","orders.reader.>"],"expires-in":3600}}"#
        );
    }
}
