//! Deserialization of claims, which are data of a login.

use std::cell::Cell;

use serde::de::{DeserializeOwned, Error};

/// The reason why a claim has no value of the expected type.
///
/// Displays as one line that names the claim and does not hold its value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the claim `{}` {problem}", .path.escape_debug())]
pub struct ClaimError {
    path: String,
    problem: &'static str,
}

const OTHER_FORM: &str = "does not have the form that the policy expects";
const SUBJECT: &str = "is data of a login, which becomes no subject as it is; read it as a text and \
                       use `subject!`, or check it with `Subject::parse`";

/// What the SDK deserializes at present.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Not a claim.
    Other,
    Claim,
    /// A claim whose type has subjects.
    SubjectInClaim,
}

thread_local! {
    static READING: Cell<Reading> = const { Cell::new(Reading::Other) };
}

/// The time in which a claim is deserialized. Ends also if the type's own code panics in a test.
struct Scope;

impl Drop for Scope {
    fn drop(&mut self) {
        READING.set(Reading::Other);
    }
}

/// Deserializes the claim at `path`.
pub(super) fn deserialize<T: DeserializeOwned>(path: &str, json: &str) -> Result<T, ClaimError> {
    let _scope = Scope;
    READING.set(Reading::Claim);
    // The text of serde's error is left out: it quotes the value.
    serde_json::from_str(json).map_err(|_| ClaimError {
        path: path.to_owned(),
        problem: match READING.get() {
            Reading::SubjectInClaim => SUBJECT,
            Reading::Other | Reading::Claim => OTHER_FORM,
        },
    })
}

/// Fails while a claim is deserialized. Types that hold subjects call it, so that what a token says
/// becomes a subject through [`subject!`](crate::subject!) or
/// [`Subject::parse`](crate::Subject::parse) only.
pub(crate) fn refuse_in_claim<E: Error>() -> Result<(), E> {
    match READING.get() {
        Reading::Other => Ok(()),
        Reading::Claim | Reading::SubjectInClaim => {
            READING.set(Reading::SubjectInClaim);
            Err(E::custom(SUBJECT))
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::intent::Intents;
    use crate::profile::Profile;
    use crate::{Request, Subject};

    #[test]
    fn a_claim_becomes_no_subject() {
        let request = Request::builder()
            .claims(
                r#"{
                    "one": "team.*.>",
                    "many": ["a", "team.*.>"],
                    "profile": { "publish": { "allow": ["team.*.>"] } },
                    "intents": { "intents": { "publish": ["team.a"] } }
                }"#,
            )
            .build();
        let refused = |path: &str, error: Option<crate::ClaimError>| {
            let expected =
                format!("the claim `{path}` is data of a login, which becomes no subject ");
            let error = error.map(|error| error.to_string()).unwrap_or_default();
            assert!(error.starts_with(&expected), "{path}: {error}");
        };
        refused("one", request.claim::<Subject>("one").err());
        refused("many", request.claim::<Vec<Subject>>("many").err());
        refused("profile", request.claim::<Profile>("profile").err());
        refused("intents", request.claim::<Profile>("intents").err());
        // The same texts from an operator are subjects, also after a claim was refused.
        assert!(serde_json::from_str::<Subject>(r#""team.*.>""#).is_ok());
        assert!(serde_json::from_str::<Intents>(r#"{ "publish": ["team.a"] }"#).is_ok());
        assert_eq!(
            request.claim::<String>("one"),
            Ok(Some("team.*.>".to_owned()))
        );
    }
}
