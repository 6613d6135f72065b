//! The policy texts of the comparison with interpreters in native code.

/// The name of the row that asks Cedar in native code what the policy `cedar` asks.
pub const NATIVE_CEDAR: &str = "Cedar in native code, the same three questions";
/// The name of the row that evaluates [`REGO`] in native code.
pub const NATIVE_REGO: &str = "regorus in native code, the same rule";

/// Policies in Cedar about one account and two profiles.
pub const CEDAR: &str = r#"
@id("connect")
permit (principal in Group::"orders", action == Action::"connect", resource == Account::"APP");

@id("read")
permit (principal in Group::"orders", action == Action::"use", resource == Profile::"reader");

@id("write")
permit (principal in Group::"orders", action == Action::"use", resource == Profile::"writer")
when { principal.claims has scope && principal.claims.scope like "*email*" };

@id("closed")
forbid (principal, action == Action::"connect", resource)
when { context.now > 4102444800 };
"#;

/// A policy in Rego for the same login.
pub const REGO: &str = r#"
package portcullis

permit := {
    "account": "APP",
    "user_name": input.principal,
    "publish": {"allow": publish},
    "subscribe": {"allow": ["orders.>", "_INBOX.>"]},
} if {
    "orders" in input.groups
    input.now < 4102444800
}

publish contains subject if {
    contains(input.claims.scope, "email")
    subject := sprintf("orders.note.%s", [portcullis.token(input.claims.sub)])
}
"#;
