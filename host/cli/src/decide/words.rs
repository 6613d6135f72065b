//! Parts of texts about a decision.

use std::fmt::{self, Write as _};

use portcullis_core::{Decision, Outcome, WorkExceeded};
use portcullis_toml::text::one_line;

use super::explanation::Explanation;
use super::inbox::Inbox;

/// Renders what a record lacks.
pub(super) fn render_notes(text: &mut String, notes: &[String]) -> fmt::Result {
    for note in notes {
        writeln!(text, "note: {}", one_line(note))?;
    }
    Ok(())
}

/// Returns the outcome of a login, in one line.
pub(super) fn heading(decision: &Decision) -> String {
    let by = decision.policy.as_ref();
    let by = by.map_or_else(String::new, |policy| {
        format!(
            ", by policy `{}` (generation {})",
            policy.name, policy.generation
        )
    });
    match &decision.outcome {
        Outcome::Permit(permit) => format!("permit: account `{}`{by}", permit.account()),
        Outcome::Deny(denial) => {
            let denied = if denial.class.is_decided() {
                "deny"
            } else {
                "not decided, so denied"
            };
            format!("{denied}: {}{by}", one_line(&denial.to_string()))
        }
    }
}

/// Returns texts in backticks, or `nothing`.
pub(super) fn quoted(texts: &[String]) -> String {
    if texts.is_empty() {
        return "nothing".to_owned();
    }
    let texts: Vec<_> = texts
        .iter()
        .map(|text| format!("`{}`", one_line(text)))
        .collect();
    texts.join(", ")
}

/// Renders the inbox prefix of a permitted login.
pub(super) fn render_inbox(text: &mut String, explanation: &Explanation) -> fmt::Result {
    let Some(inbox) = inbox(explanation) else {
        return Ok(());
    };
    match inbox {
        Ok(Inbox::Prefix(prefixes)) => {
            writeln!(text, "inbox prefix: {}", quoted(&prefixes))?;
            let first = prefixes.first().map_or("", String::as_str);
            writeln!(
                text,
                "  the client has to use it: nats --inbox-prefix={first}"
            )
        }
        Ok(Inbox::Any) => writeln!(
            text,
            "inbox prefix: any; the login may read the inboxes of other users"
        ),
        Ok(Inbox::Role) => writeln!(text, "inbox prefix: as the template of the role says"),
        Ok(Inbox::None) => writeln!(
            text,
            "inbox prefix: none; the login receives no answers to requests"
        ),
        Err(error) => writeln!(text, "inbox prefix: unknown: {error}"),
    }
}

fn inbox(explanation: &Explanation) -> Option<Result<Inbox, WorkExceeded>> {
    match &explanation.decision.outcome {
        Outcome::Permit(permit) => Some(Inbox::of(permit, &explanation.request)),
        Outcome::Deny(_) => None,
    }
}
