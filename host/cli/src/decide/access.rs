//! What a login may do, and the inbox prefix of its client: `portcullis access preview`.

use std::fmt::{self, Write as _};

use portcullis_core::{Outcome, Permit, SubjectPermission};
use serde_json::{Value, json};

use super::explanation::Explanation;
use super::json as steps;
use super::rights::{access, texts};
use super::words::{heading, quoted, render_inbox, render_notes};
use crate::failure::Failure;
use crate::output;
use crate::policy::time;

/// Renders what a login may do.
pub(super) fn render(explanation: &Explanation) -> String {
    let mut text = format!("{}\n", heading(&explanation.decision));
    // Writing to a string does not fail.
    let _ = render_notes(&mut text, &explanation.notes);
    let _ = render_permit(&mut text, explanation);
    text
}

fn render_permit(text: &mut String, explanation: &Explanation) -> fmt::Result {
    let Outcome::Permit(permit) = &explanation.decision.outcome else {
        return Ok(());
    };
    if let Some(role) = permit.role() {
        writeln!(text, "permissions: those of the template of role `{role}`")?;
    } else {
        let permissions = permit.permissions();
        render_side(text, "publish", &permissions.publish)?;
        render_side(text, "subscribe", &permissions.subscribe)?;
        if let Some(responses) = permissions.responses {
            writeln!(text, "replies: {responses}")?;
        }
    }
    for (name, value) in bounds(permit) {
        writeln!(text, "{name}: {value}")?;
    }
    render_inbox(text, explanation)
}

fn render_side(text: &mut String, name: &str, side: &SubjectPermission) -> fmt::Result {
    writeln!(text, "{name}: {}", quoted(&texts(&side.allow)))?;
    // A side that allows nothing denies `>`, which says nothing more.
    if !side.deny.is_empty() && !side.allow.is_empty() {
        writeln!(text, "  apart from {}", quoted(&texts(&side.deny)))?;
    }
    Ok(())
}

/// Returns the limits of a permit, by name.
fn bounds(permit: &Permit) -> Vec<(&'static str, String)> {
    let list = |texts: Vec<String>| (!texts.is_empty()).then(|| quoted(&texts));
    let types = permit.connection_types().listed();
    let times = permit.times().listed();
    let times = times.map(|range| format!("{} to {}", range.start(), range.end()));
    let account = permit.account_limits().iter();
    let account = account.map(|(limit, max)| format!("{limit}={max}"));
    let limits = [
        ("account", list(account.collect())),
        ("ends", permit.expires_at().map(time)),
        (
            "from",
            list(permit.sources().listed().map(ToString::to_string).collect()),
        ),
        (
            "by",
            list(types.map(|kind| kind.as_str().to_owned()).collect()),
        ),
        ("times", list(times.collect())),
        (
            "subscriptions",
            permit.subscriptions().map(|most| most.to_string()),
        ),
        (
            "payload",
            permit.payload().map(|most| format!("{most} bytes")),
        ),
    ];
    let limits = limits.into_iter();
    limits
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

/// Renders what a login may do as JSON.
pub(super) fn render_json(explanation: &Explanation) -> Result<String, Failure> {
    let access = match &explanation.decision.outcome {
        Outcome::Permit(permit) => access(permit, &explanation.request),
        Outcome::Deny(_) => Value::Null,
    };
    let value = json!({
        "outcome": steps::outcome(&explanation.decision),
        "access": access,
        "notes": explanation.notes,
    });
    output::render_json(&value)
}
