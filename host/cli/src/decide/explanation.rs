//! The steps of a login through the host.

use std::sync::Arc;

use portcullis_catalog::{Answer, Explained, Step, unrecorded};
use portcullis_claims::{Accepted, UserClaims};
use portcullis_core::{
    AuthorizationRequest, Decision, Identity, Method, Outcome, PermissionSubject, Permit, Strength,
};
use serde_json::{Map, Value};

use super::new_account::NewAccount;
use crate::policy::time;

/// A decided login, with each step.
pub(super) struct Explanation {
    /// The request, with the identity that was proved or described.
    pub(super) request: Arc<AuthorizationRequest>,
    /// Whether the login describes its identity.
    pub(super) is_identified: bool,
    /// Sentences about facts that policies asked for and the record of the login lacks.
    pub(super) notes: Vec<String>,
    /// Whether the login was denied because of its credentials, before any policy was asked.
    pub(super) is_refused: bool,
    /// The evaluation of policies. `None` if no policy was asked.
    pub(super) explained: Option<Explained>,
    /// The decision after the host's own rules for permits.
    pub(super) enforced: Decision,
    /// What the host does about the account before it answers. `None` if it does nothing.
    pub(super) new_account: Option<NewAccount>,
    /// The user JWT and what the server makes of it. `None` for a denial, and for
    /// the request of an account.
    pub(super) server: Option<ServerAnswer>,
    /// The final decision.
    pub(super) decision: Decision,
}

/// The result of a permit at the server.
pub(super) struct ServerAnswer {
    pub(super) user: UserClaims,
    pub(super) accepted: Box<Accepted>,
}

/// A part of a permit that the host's rules changed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// The part, such as `publish allow`.
    pub(super) part: &'static str,
    pub(super) before: Vec<String>,
    pub(super) after: Vec<String>,
}

impl Explanation {
    /// Returns the permit of the policy that decided. `None` if no policy permitted the login.
    pub(super) fn granted(&self) -> Option<&Permit> {
        let steps = self.explained.iter().flat_map(|explained| &explained.steps);
        match steps.last().map(|step| (&step.answer, step.is_guard)) {
            Some((Answer::Permit(permit), false)) => Some(permit),
            _ => None,
        }
    }

    /// Returns what the host's rules changed in the permit of the policy.
    pub(super) fn changes(&self) -> Vec<Change> {
        match (self.granted(), &self.enforced.outcome) {
            (Some(before), Outcome::Permit(after)) => changes(before, after),
            _ => Vec::new(),
        }
    }

    /// Returns the proofs of the identity, in sentences.
    pub(super) fn proofs(&self) -> Vec<String> {
        if self.is_identified {
            return vec!["the login describes it, and nothing was verified".to_owned()];
        }
        proofs(&self.request.identity)
    }
}

/// Returns sentences about facts that policies asked for in `steps` and that `record` lacks, the
/// recorded login of `request`.
pub(super) fn notes(
    record: &Map<String, Value>,
    request: &AuthorizationRequest,
    steps: &[Step],
) -> Vec<String> {
    let mut notes = Vec::new();
    for Step { policy, asked, .. } in steps {
        let unknown = unrecorded(record, asked);
        if !unknown.is_empty() {
            notes.push(format!(
                "policy `{}` asked for {}, which the record lacks: add them to its `login`; records have them with `facts = \"all\"` under [records], and `decide --json` prints claims with `--claims`",
                policy.name,
                unknown.join(", ")
            ));
        }
    }
    let credentials = &request.credentials;
    let is_compared = steps
        .iter()
        .flat_map(|step| &step.asked)
        .any(|question| question.contains("matches"));
    if is_compared && credentials.password.is_none() && credentials.token.is_none() {
        notes.push(
            "no record has a password or token: give it with `--password` or `--token`".to_owned(),
        );
    }
    notes
}

fn proofs(identity: &Identity) -> Vec<String> {
    let is_proved = identity.strength == Strength::Proved;
    let issuer = identity.issuer.as_deref().unwrap_or_default();
    let mut proofs = vec![match (identity.method, is_proved) {
        (Method::Password, _) => {
            "nothing is proved: a policy compares the password with a hash".to_owned()
        }
        (Method::Token, _) => "nothing is proved: a policy compares the token with a hash".to_owned(),
        (Method::None, _) => "nothing is proved: the client presents no credentials".to_owned(),
        (Method::Nkey, true) => "the client signed the server's nonce with its nkey".to_owned(),
        (Method::Nkey, false) => {
            "nothing is proved: the client did not sign the server's nonce".to_owned()
        }
        (Method::Jwt, true) if !issuer.is_empty() => {
            format!("the trusted account `{issuer}` signed the user JWT")
        }
        (Method::Jwt, true) => "the client signed the server's nonce with the key of its user JWT, whose account is not trusted".to_owned(),
        (Method::Jwt, false) => {
            "nothing is proved: the account of the user JWT is not trusted, and the client did not sign the server's nonce".to_owned()
        }
        (Method::Oidc, _) => format!("the issuer `{issuer}` signed the token, and the host verified it"),
        (Method::Certificate, _) => {
            format!("the server verified the client's certificate, issued by `{issuer}`")
        }
    }];
    if let Some(nkey) = &identity.nkey
        && identity.method != Method::Nkey
    {
        proofs.push(format!(
            "the client signed the server's nonce with `{nkey}`"
        ));
    }
    if let Some(leaf) = &identity.certificate
        && identity.method != Method::Certificate
    {
        let verified = if leaf.verified {
            "verified"
        } else {
            "did not verify"
        };
        proofs.push(format!(
            "the server {verified} the client's certificate `{}`",
            leaf.subject
        ));
    }
    proofs
}

fn changes(before: &Permit, after: &Permit) -> Vec<Change> {
    let texts = |subjects: &[PermissionSubject]| -> Vec<String> {
        subjects.iter().map(ToString::to_string).collect()
    };
    let (old, new) = (before.permissions(), after.permissions());
    let sides = [
        ("publish allow", &old.publish.allow, &new.publish.allow),
        ("publish deny", &old.publish.deny, &new.publish.deny),
        (
            "subscribe allow",
            &old.subscribe.allow,
            &new.subscribe.allow,
        ),
        ("subscribe deny", &old.subscribe.deny, &new.subscribe.deny),
    ];
    let lists = sides.map(|(part, old, new)| (part, texts(old), texts(new)));
    let reply = |permissions: &portcullis_core::Permissions| -> Vec<String> {
        permissions
            .responses
            .iter()
            .map(ToString::to_string)
            .collect()
    };
    let end =
        |permit: &Permit| -> Vec<String> { permit.expires_at().map(time).into_iter().collect() };
    let others = [
        ("replies", reply(old), reply(new)),
        ("end of the login", end(before), end(after)),
    ];
    let changed = lists.into_iter().chain(others);
    changed
        .filter(|(_, before, after)| before != after)
        .map(|(part, before, after)| Change {
            part,
            before,
            after,
        })
        .collect()
}
