//! Why a login has no role, or may do nothing: for the operator, without a word of what the token says.

use portcullis_sdk::Request;

use crate::OidcRoles;

/// A login with roles that come to nothing.
pub(crate) const NOTHING_ALLOWED: &str = "the login may do nothing: its roles allow nothing in its account, or only subjects whose places have no value";

/// How a claim holds roles.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A text or a list of texts.
    Texts,
    /// An object with a member for each.
    Members,
}

impl OidcRoles {
    /// Why no role of the login is known here, claim by claim.
    pub(crate) fn no_role(&self, request: &Request) -> String {
        let texts = self
            .role_claims
            .iter()
            .chain(&self.space_separated_role_claims);
        let texts = texts.map(|path| (path, Form::Texts));
        let members = self
            .role_object_claims
            .iter()
            .map(|path| (path, Form::Members));
        let found: Vec<_> = texts
            .chain(members)
            .map(|(path, form)| format!("`{path}` {}", found(request, path, form)))
            .collect();
        format!("no mapped role: {}", found.join(", "))
    }
}

/// What stands at a path in the place of a role that is known.
fn found(request: &Request, path: &str, form: Form) -> String {
    let Some(json) = request.claim_json(path) else {
        return "is absent".to_owned();
    };
    let count = match form {
        Form::Texts => request
            .claim(path)
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
