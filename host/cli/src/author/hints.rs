//! Hints: the cause and the cure of mistakes whose messages name neither.

use serde_json::Value;

use super::target::TARGET;

/// Dependencies that no policy can use, and what a policy does in their place.
struct Unsuitable {
    /// Names of packages.
    packages: &'static [&'static str],
    /// Cause and cure, in words that follow the message of the compiler.
    reason: &'static str,
}

const UNSUITABLE: [Unsuitable; 4] = [
    Unsuitable {
        packages: &["getrandom", "rand", "uuid"],
        reason: "a policy has no randomness, because a recorded request gets the same verdict again",
    },
    Unsuitable {
        packages: &["tokio", "mio", "socket2", "async-std", "async-io", "smol"],
        reason: "a policy waits for nothing, because the host has the facts of a login ready: `decide` is no `async` function and needs no runtime",
    },
    Unsuitable {
        packages: &[
            "reqwest",
            "hyper",
            "ureq",
            "async-nats",
            "openssl-sys",
            "native-tls",
        ],
        reason: "a policy has no network: let the operator keep the data in a key-value bucket, and ask `request.key_value`",
    },
    Unsuitable {
        packages: &["ring", "aws-lc-sys", "aws-lc-rs", "jsonwebtoken"],
        reason: "a policy does no cryptography, because the host verifies tokens, keys and certificates: ask `request.claim`, and compare secrets with `request.password_matches`",
    },
];

const NO_ASYNC: &str = "a policy waits for nothing, because the host has the facts of a login ready: write `fn` in place of `async fn`";

/// Returns whether a message of the compiler is an error.
pub(super) fn is_error(message: &Value) -> bool {
    message.pointer("/message/level").and_then(Value::as_str) == Some("error")
}

/// Returns the hint for a message of the compiler, if the mistake is one that policies make.
pub(super) fn for_diagnostic(message: &Value) -> Option<String> {
    if !is_error(message) {
        return None;
    }
    let package = message.get("package_id").and_then(Value::as_str)?;
    let text = message.pointer("/message/message").and_then(Value::as_str);
    let text = text.unwrap_or_default();
    let rendered = message.pointer("/message/rendered").and_then(Value::as_str);
    if text.contains("incompatible type for trait")
        && rendered.is_some_and(|rendered| rendered.contains("found future"))
    {
        return Some(NO_ASYNC.to_owned());
    }
    UNSUITABLE.iter().find_map(|unsuitable| {
        let mut packages = unsuitable.packages.iter();
        let package = packages.find(|name| is_package(package, name) || names(text, name))?;
        Some(unsuitable.hint(package))
    })
}

/// Returns the hint for a crate whose dependencies do not build, if one of `packages` is known not
/// to. They are the names of all its dependencies.
pub(super) fn for_dependencies(packages: &[&str]) -> Option<String> {
    // The most particular names stand last: an HTTP client brings a runtime along.
    UNSUITABLE.iter().rev().find_map(|unsuitable| {
        let mut known = unsuitable.packages.iter();
        let package = known.find(|name| packages.contains(name))?;
        Some(unsuitable.hint(package))
    })
}

/// Returns whether cargo's id of a package is that of `name`.
fn is_package(id: &str, name: &str) -> bool {
    // `registry+…#getrandom@0.3.1`, or `path+file:///…/getrandom#0.3.1`.
    id.contains(&format!("#{name}@")) || id.contains(&format!("/{name}#"))
}

/// Returns whether a message about the policy itself names a crate or a path into it.
fn names(message: &str, name: &str) -> bool {
    let name = name.replace('-', "_");
    message.contains(&format!("`{name}`")) || message.contains(&format!("`{name}::"))
}

impl Unsuitable {
    fn hint(&self, package: &str) -> String {
        format!(
            "{}. Find the dependency that needs it with `cargo tree --target {TARGET} --invert {package}`, and remove it or turn off its \
             feature",
            self.reason
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hint(package: &str, text: &str) -> Option<String> {
        let message = json!({ "level": "error", "message": text });
        for_diagnostic(&json!({ "package_id": package, "message": message }))
    }

    #[test]
    fn a_dependency_that_no_policy_can_use_is_named_with_the_reason() {
        let registry = "registry+https://github.com/rust-lang/crates.io-index#";
        for (package, text, part) in [
            ("getrandom@0.3.1", "x", "no randomness"),
            ("uuid@1.0.0", "x", "--invert uuid"),
            ("mio@1.0.0", "x", "waits for nothing"),
            (
                "own@0.1.0",
                "could not find `blocking` in `reqwest`",
                "no network",
            ),
            (
                "own@0.1.0",
                "unresolved import `tokio::net`",
                "waits for nothing",
            ),
        ] {
            let said = hint(&format!("{registry}{package}"), text).unwrap();
            assert!(said.contains(part), "{said}");
        }
        for (package, text) in [
            ("own@0.1.0", "mismatched types"),
            ("tokio-util@0.7.0", "x"),
            ("own@0.1.0", "cannot find value `random` in this scope"),
        ] {
            assert_eq!(
                hint(&format!("{registry}{package}"), text),
                None,
                "{package}"
            );
        }
        let warning = json!({ "level": "warning", "message": "x" });
        let warning = json!({ "package_id": "a#uuid@1", "message": warning });
        assert_eq!(for_diagnostic(&warning), None);
    }

    #[test]
    fn an_async_decision_is_told_to_be_none() {
        let rendered = |found: &str| {
            let text = "method `decide` has an incompatible type for trait";
            let message = json!({ "level": "error", "message": text, "rendered": found });
            for_diagnostic(&json!({ "package_id": "a#own@0.1.0", "message": message }))
        };
        let said = rendered("expected `Verdict`, found future").unwrap();
        assert!(said.contains("`fn` in place of `async fn`"), "{said}");
        assert_eq!(rendered("expected `Verdict`, found `bool`"), None);
    }

    #[test]
    fn of_many_dependencies_the_most_particular_is_named() {
        let said = for_dependencies(&["serde", "tokio", "hyper", "ring"]).unwrap();
        assert!(said.contains("--invert ring"), "{said}");
        assert_eq!(for_dependencies(&["serde", "portcullis-sdk"]), None);
    }
}
