//! Hints: the cause and the cure of mistakes whose messages name neither.

use serde_json::Value;

/// Returns the hint for a message of the compiler, if the mistake is one that policies make.
pub(super) fn for_diagnostic(message: &Value) -> Option<String> {
    if message.pointer("/message/level").and_then(Value::as_str) != Some("error") {
        return None;
    }
    let package = message.get("package_id").and_then(Value::as_str)?;
    let is = |name: &str| {
        // `registry+…#getrandom@0.3.1`, or `path+file:///…/getrandom#0.3.1`.
        package.contains(&format!("#{name}@")) || package.contains(&format!("/{name}#"))
    };
    is("getrandom").then(|| {
        format!(
            "a policy has no randomness, because a recorded request gets the same verdict again. Find the dependency \
             that needs it with `cargo tree --target {} --invert getrandom`, and remove it or turn off its feature",
            super::crate_build::TARGET
        )
    })
}
