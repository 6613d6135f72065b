//! The steps of a login as JSON, for programs.

use portcullis_catalog::{Answer, Step, describe};
use portcullis_core::{Decision, Denial, Outcome, PolicyName, Strength};
use serde_json::{Value, json};

use super::explanation::{Change, Explanation, ServerAnswer};
use super::new_account::NewAccount;
use super::rights::access;
use crate::failure::Failure;
use crate::output::render_json;

/// Renders the steps of a login, with the values of its claims if `with_claims`.
pub(super) fn render(explanation: &Explanation, with_claims: bool) -> Result<String, Failure> {
    let explained = explanation.explained.as_ref();
    let steps = explained.map_or(&[][..], |explained| &explained.steps);
    let not_asked = explained.map_or(&[][..], |explained| &explained.not_asked);
    let not_asked: Vec<_> = not_asked.iter().map(PolicyName::as_str).collect();
    let permit = match &explanation.decision.outcome {
        Outcome::Permit(permit) => Some(access(permit, &explanation.request)),
        Outcome::Deny(_) => None,
    };
    let value = json!({
        "outcome": outcome(&explanation.decision),
        "login": login(explanation, with_claims),
        "received-at": explanation.request.received_at,
        "identity": identity(explanation),
        "chain": explained.and_then(|explained| explained.chain.as_ref()),
        "policies": steps.iter().map(|asked| step(asked, explanation)).collect::<Vec<_>>(),
        "not-asked": not_asked,
        "notes": explanation.notes,
        "rules": {
            "denial": rules_denial(explanation),
            "changes": explanation.changes().iter().map(change).collect::<Vec<_>>(),
        },
        "new-account": explanation.new_account.as_ref().map(NewAccount::json),
        "server": server(explanation),
        "access": permit,
        "user-jwt": explanation.server.as_ref().map(|server| &server.user),
    });
    render_json(&value)
}

/// Returns the outcome of a decision.
pub(super) fn outcome(decision: &Decision) -> Value {
    let policy = decision.policy.as_ref().map(|policy| policy.name.as_str());
    match &decision.outcome {
        Outcome::Permit(_) => json!({ "verdict": "permit", "policy": policy }),
        Outcome::Deny(denial) => {
            let verdict = if denial.class.is_decided() {
                "deny"
            } else {
                "not-decided"
            };
            json!({
                "verdict": verdict,
                "policy": policy,
                "class": denial.class.as_str(),
                "reason": denial.reason,
            })
        }
    }
}

/// Returns the facts about the login, in the format of policy tests. The values of claims are the
/// content of a token, and stay out unless `with_claims`.
fn login(explanation: &Explanation, with_claims: bool) -> Value {
    let mut login = describe(&explanation.request);
    if with_claims {
        return login;
    }
    if let Some(identity) = login.get_mut("identity").and_then(Value::as_object_mut) {
        identity.remove("claims");
    }
    login
}

fn identity(explanation: &Explanation) -> Value {
    let identity = &explanation.request.identity;
    let claims: Vec<_> = identity.claims.names().collect();
    json!({
        "described": explanation.is_identified,
        "proved": !explanation.is_identified && identity.strength == Strength::Proved,
        "proofs": explanation.proofs(),
        "claims": claims,
    })
}

fn step(step: &Step, explanation: &Explanation) -> Value {
    let (answer, reason) = match &step.answer {
        Answer::Permit(_) => ("permit", None),
        Answer::Deny(reason) => ("deny", Some(reason.clone())),
        Answer::Abstain => ("abstain", None),
        Answer::Failed(denial) => ("fail", Some(denial.to_string())),
    };
    let permit = match &step.answer {
        Answer::Permit(permit) => Some(access(permit, &explanation.request)),
        _ => None,
    };
    json!({
        "name": step.policy.name.as_str(),
        "digest": step.policy.digest.to_string(),
        "version": step.policy.version.to_string(),
        "guard": step.is_guard,
        "answer": answer,
        "reason": reason,
        "permit": permit,
        "asked": step.asked,
        "log": step.log,
        "elapsed-us": u64::try_from(step.elapsed.as_micros()).unwrap_or(u64::MAX),
    })
}

fn rules_denial(explanation: &Explanation) -> Option<Value> {
    match (explanation.granted(), &explanation.enforced.outcome) {
        (Some(_), Outcome::Deny(denial)) => Some(denial_json(denial)),
        _ => None,
    }
}

fn denial_json(denial: &Denial) -> Value {
    json!({ "class": denial.class.as_str(), "reason": denial.reason })
}

fn change(change: &Change) -> Value {
    json!({ "part": change.part, "before": change.before, "after": change.after })
}

/// Returns the checks of the server. `null` if the host sends no permit to it.
fn server(explanation: &Explanation) -> Value {
    let release = explanation.request.server.version.as_deref();
    match (
        &explanation.server,
        &explanation.enforced.outcome,
        &explanation.decision.outcome,
    ) {
        (Some(ServerAnswer { accepted, .. }), ..) => json!({
            "release": release,
            "accepts": true,
            "account": accepted.account,
            "user": accepted.shown_user,
            "expires-at": accepted.expires_at,
            "not-enforced": accepted.ignored,
        }),
        (None, Outcome::Permit(_), Outcome::Deny(denial)) => json!({
            "release": release,
            "accepts": false,
            "denial": denial_json(denial),
        }),
        _ => Value::Null,
    }
}
