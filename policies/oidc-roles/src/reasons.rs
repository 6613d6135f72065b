//! Reasons why a login has no role or may do nothing. They are for the operator and show no value
//! of the token.

use portcullis_sdk::Request;

/// The warning about a login whose roles allow nothing.
pub(crate) const NOTHING_ALLOWED: &str = "the login may do nothing: its roles allow nothing in its account, or only subjects whose places have no value";

/// The form in which a claim holds roles.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A text or a list of texts, one for each role.
    Texts,
    /// An object with a member for each role.
    Members,
}

/// Returns the reason why the settings define no role of the login, claim by claim. `texts` are the
/// paths of claims with texts, and `members` those of objects.
pub(crate) fn no_role<'paths>(
    request: &Request,
    texts: impl Iterator<Item = &'paths String>,
    members: &'paths [String],
) -> String {
    let texts = texts.map(|path| (path, Form::Texts));
    let members = members.iter().map(|path| (path, Form::Members));
    let found: Vec<_> = texts
        .chain(members)
        .map(|(path, form)| format!("`{path}` {}", found(request, path, form)))
        .collect();
    format!("no mapped role: {}", found.join(", "))
}

/// Describes the claim at a path that has no defined role.
fn found(request: &Request, path: &str, form: Form) -> String {
    let Some(json) = request.claim_json(path) else {
        return "is absent".to_owned();
    };
    let count = match form {
        Form::Texts => request
            .claim_values(path)
            .iter()
            .filter(|text| !text.is_empty())
            .count(),
        Form::Members => request.claim_members(path).len(),
    };
    if count > 0 {
        return "has only values that are no role of the settings".to_owned();
    }
    match (form, json.as_bytes()) {
        (_, b"{}" | b"[]" | b"\"\"" | b"null") => "is empty".to_owned(),
        (Form::Texts, [b'{', ..]) => {
            "is an object: to take the names of its members for roles, list it in `role-object-claims`"
                .to_owned()
        }
        (Form::Members, [first, ..]) if *first != b'{' => {
            "is no object: list it in `role-claims` to take its texts for roles".to_owned()
        }
        _ => "has no text".to_owned(),
    }
}
