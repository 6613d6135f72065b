//! `portcullis decisions list`: a line for each record.

use std::collections::VecDeque;
use std::fmt::Write as _;

use clap::Args;
use portcullis_core::{DecisionRecord, RecordedAccess};
use portcullis_toml::text::one_line;

use super::filter::FilterArguments;
use super::source::SourceArguments;
use super::{Print, json};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::system::table::{self, Align};

/// The arguments of `portcullis decisions list`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    source: SourceArguments,
    #[command(flatten)]
    filter: FilterArguments,
    /// Print only the last records, at most this number.
    #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
    last: usize,
    /// Also print what each login may do.
    #[arg(long, conflicts_with = "json")]
    rights: bool,
    /// Print JSON, one record a line.
    #[arg(long)]
    json: bool,
}

/// Prints the records that fit the filters.
///
/// # Errors
///
/// Fails if the records cannot be read.
pub(super) async fn run(arguments: ListArguments, print: Print) -> Result<ExitCode, Failure> {
    let ListArguments {
        source,
        filter,
        last,
        rights,
        json: is_json,
    } = arguments;
    let filter = filter.filter();
    let mut kept = VecDeque::new();
    source
        .read(&filter, |record| {
            if filter.fits(&record) {
                if kept.len() >= last {
                    kept.pop_front();
                }
                kept.push_back(record);
            }
        })
        .await?;
    let mut records: Vec<DecisionRecord> = kept.into();
    // A permit is recorded some seconds after a denial of the same time.
    records.sort_by(|one, other| one.time.cmp(&other.time));
    if is_json {
        for record in &records {
            print(&json(record)?)?;
        }
    } else if rights {
        for record in &records {
            print(&format!("{}\n{}", line(record), render_rights(record)))?;
        }
    } else {
        print(&render(&records))?;
    }
    Ok(ExitCode::Success)
}

fn render(records: &[DecisionRecord]) -> String {
    let columns = [
        ("TIME", Align::Left),
        ("OUTCOME", Align::Left),
        ("USER", Align::Left),
        ("ADDRESS", Align::Left),
        ("ACCOUNT", Align::Left),
        ("POLICY", Align::Left),
        ("VERSION", Align::Left),
        ("ID", Align::Left),
        ("REASON", Align::Left),
    ];
    let rows: Vec<_> = records.iter().map(cells).collect();
    table::render(columns, &rows)
}

fn cells(record: &DecisionRecord) -> [String; 9] {
    let policy = record.policy.as_ref();
    [
        record.time.clone(),
        record.outcome.as_str().to_owned(),
        user(record).to_owned(),
        record.login.client.host.clone().unwrap_or_default(),
        account(record).to_owned(),
        policy.map(|policy| policy.name.clone()).unwrap_or_default(),
        policy
            .map(|policy| short(&policy.version))
            .unwrap_or_default(),
        record.id.clone(),
        reason(record).unwrap_or_default(),
    ]
}

/// Returns a record in one line.
pub(super) fn line(record: &DecisionRecord) -> String {
    let cells = cells(record);
    let cells = cells.iter().filter(|cell| !cell.is_empty());
    let cells: Vec<_> = cells.map(|cell| one_line(cell)).collect();
    cells.join("  ")
}

/// Returns the user of a login, as far as the host knows.
pub(super) fn user(record: &DecisionRecord) -> &str {
    record.user().unwrap_or("-")
}

/// Returns the account of a permitted login. Empty for a denial.
pub(super) fn account(record: &DecisionRecord) -> &str {
    let access = record.access.as_ref();
    access.map_or("", RecordedAccess::account_name)
}

/// Returns why a login did not get in. `None` if it did.
pub(super) fn reason(record: &DecisionRecord) -> Option<String> {
    if let (Some(class), Some(reason)) = (&record.class, &record.reason) {
        return Some(format!("{class}: {reason}"));
    }
    match record.server_reason.as_deref() {
        Some("") => Some("the server gave no reason".to_owned()),
        Some(reason) => Some(format!("server: {reason}")),
        None => record.error.clone(),
    }
}

/// Returns the first digits of a digest.
pub(super) fn short(digest: &str) -> String {
    let digits = digest.strip_prefix("sha256:").unwrap_or(digest);
    digits.chars().take(12).collect()
}

/// Returns what a login may do, indented. Empty for a denial.
pub(super) fn render_rights(record: &DecisionRecord) -> String {
    let mut text = String::new();
    if let Some(access) = &record.access {
        // Writing to a string does not fail.
        let _ = write_rights(&mut text, access);
    }
    text
}

fn write_rights(text: &mut String, access: &RecordedAccess) -> std::fmt::Result {
    let quoted = |subjects: &[String]| {
        let subjects = subjects.iter().map(|it| format!("`{}`", one_line(it)));
        let subjects: Vec<_> = subjects.collect();
        if subjects.is_empty() {
            "nothing".to_owned()
        } else {
            subjects.join(", ")
        }
    };
    if let Some(role) = &access.role {
        writeln!(
            text,
            "  permissions: those of the template of role `{}`",
            one_line(role)
        )?;
    } else {
        let sides = [
            ("publish", &access.publish),
            ("subscribe", &access.subscribe),
        ];
        for (name, side) in sides {
            write!(text, "  {name}: {}", quoted(&side.allow))?;
            // A side that allows nothing denies `>`, which says nothing more.
            if !side.deny.is_empty() && !side.allow.is_empty() {
                write!(text, ", apart from {}", quoted(&side.deny))?;
            }
            writeln!(text)?;
        }
        if let Some(replies) = access.responses {
            let (max, ttl) = (replies.max, replies.ttl_ms);
            writeln!(text, "  replies: {max} within {ttl} ms")?;
        }
    }
    if let Some(end) = access.expires_at {
        writeln!(text, "  ends: {}", crate::policy::time(end))?;
    }
    let lists = [
        ("from", &access.sources),
        ("by", &access.connection_types),
        ("times", &access.times),
    ];
    for (name, list) in lists {
        if let Some(list) = list {
            writeln!(text, "  {name}: {}", quoted(list))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::watch::fixtures::denied;
    use super::*;

    #[test]
    fn no_text_of_a_record_begins_a_line() {
        let mut record = denied(1, "bob\nadmitted  root\u{1b}[2J", "no\r\nadmitted");
        let access = serde_json::json!({
            "account": "APP",
            "publish": { "allow": ["a\nid: 7"], "deny": ["b\n"] },
            "subscribe": {},
        });
        record.access = serde_json::from_value(access).unwrap();
        assert_eq!(line(&record).lines().count(), 1);
        let rights = render_rights(&record);
        assert_eq!(rights.lines().count(), 2, "{rights}");
        assert!(rights.contains("`a\\u000aid: 7`"), "{rights}");
        let access = serde_json::json!({
            "account": "APP", "role": "r\nid: 7", "publish": {}, "subscribe": {},
        });
        record.access = serde_json::from_value(access).unwrap();
        let rights = render_rights(&record);
        assert_eq!(rights.lines().count(), 1, "{rights}");
    }
}
