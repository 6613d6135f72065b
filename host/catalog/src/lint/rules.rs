//! The rules of the lints.

use portcullis_core::PermissionSubject;

use super::kind::Lint;
use super::lists::{Entry, Lists, Side};

/// Beginnings of the subjects to which clients only ever send requests.
const REQUESTS: [&str; 5] = ["$JS.API.", "$KV.", "$O.", "$SRV.", "$SYS.REQ."];

/// Checks every subject alone.
pub(super) fn check_subjects(lists: &Lists, mut record: impl FnMut(Lint, &Entry, String)) {
    for (side, is_publish) in [(&lists.publish, true), (&lists.subscribe, false)] {
        for (entries, is_allow) in [(&side.allow, true), (&side.deny, false)] {
            for entry in entries {
                check_text(entry, &mut record);
                if is_allow {
                    check_allowed(entry, is_publish, &mut record);
                }
            }
        }
    }
}

/// Checks a subject of any list.
fn check_text(entry: &Entry, record: &mut impl FnMut(Lint, &Entry, String)) {
    let text = &entry.text;
    let literal = without_places(text, "");
    if literal.contains('{') || literal.contains('}') {
        let message = format!("`{text}` has a place in single braces, which stays as it is");
        record(Lint::SingleBraces, entry, message);
    }
    let foreign = subject(text).split('.').find(|token| {
        let mixed = token.len() > 1 && token.contains(['*', '>']) && !token.contains('{');
        mixed || matches!(*token, "+" | "#")
    });
    if let Some(token) = foreign {
        let message =
            format!("`{token}` in `{text}` is no wildcard of NATS and matches only itself");
        record(Lint::NotAWildcard, entry, message);
    }
}

/// Checks a subject of an allow list.
fn check_allowed(entry: &Entry, is_publish: bool, record: &mut impl FnMut(Lint, &Entry, String)) {
    let text = &entry.text;
    if leads_with_place(text) {
        let message = format!("the first token of `{text}` is any that a login brings");
        record(Lint::LeadingPlace, entry, message);
    }
    let tokens: Vec<_> = subject(text).split('.').collect();
    if !is_publish {
        if let ["_INBOX", wildcard, ..] = tokens.as_slice()
            && matches!(*wildcard, "*" | ">")
        {
            let message =
                format!("with `{text}`, a login receives the replies to all others of its account");
            record(Lint::SharedInbox, entry, message);
        }
        return;
    }
    let api = match tokens.as_slice() {
        ["$JS", ">"] | ["$JS", "*", ">"] => &[">"][..],
        ["$JS", "API", rest @ ..] | ["$JS", _, "API", rest @ ..] => rest,
        _ => return,
    };
    if let Some((lint, reach)) = check_api(api) {
        record(lint, entry, format!("with `{text}`, a login {reach}"));
    }
}

/// Returns the lint for a subject after `$JS.API`, and what a login reaches with it.
fn check_api(tokens: &[&str]) -> Option<(Lint, &'static str)> {
    const READS: &str = "reads the whole stream, whatever it may subscribe to";
    Some(match tokens {
        [">"] => (
            Lint::JetstreamApi,
            "reads and deletes every stream of its account",
        ),
        ["STREAM" | "*", ">"] | ["STREAM" | "*", "DELETE" | "PURGE" | "*", ">" | "*"] => (
            Lint::JetstreamApi,
            "deletes or purges every stream of its account",
        ),
        ["CONSUMER", rest @ ..] if is_unfiltered(rest) => (Lint::UnfilteredConsumer, READS),
        ["STREAM", "MSG", "GET" | "*", _]
        | ["STREAM", "MSG", ">"]
        | ["DIRECT", ">"]
        | ["DIRECT", "GET" | "*", _] => (Lint::WholeStream, READS),
        _ => return None,
    })
}

/// Returns whether a subject after `$JS.API.CONSUMER` creates consumers without a filter.
fn is_unfiltered(tokens: &[&str]) -> bool {
    match tokens {
        [">"] | ["DURABLE", ..] => true,
        // STREAM, CONSUMER and FILTER follow; a final `>` also matches the form with two tokens.
        ["CREATE" | "*", rest @ ..] => matches!(rest, [_] | [_, _] | [_, _, ">"]),
        _ => false,
    }
}

/// Checks the lists of a profile or a permit against each other. `all` are the lists of all
/// profiles that a login may have together.
pub(super) fn check_lists(
    lists: &Lists,
    all: &Lists,
    mut record: impl FnMut(Lint, &Entry, String),
) {
    let published = lists.publish.allow.iter();
    let mut requests = published.filter(|entry| is_request(&entry.text));
    let request = requests.next().or_else(|| lists.requests.first());
    let mut received = all.subscribe.allow.iter();
    if let Some(entry) = request
        && !all.has_private_inbox
        && !received.any(|entry| is_inbox(&entry.text))
    {
        let message = format!(
            "`{}` is for requests, and no inbox is allowed under `subscribe`",
            entry.text
        );
        record(Lint::RequestWithoutInbox, entry, message);
    }
    check_rules(&lists.publish, &all.publish, widest, &mut record);
    check_rules(&lists.subscribe, &all.subscribe, open_ended, &mut record);
}

/// Checks for rules that have no effect. `reach` returns what an allowed subject lets through.
fn check_rules(
    side: &Side,
    all: &Side,
    reach: fn(&str) -> Option<PermissionSubject>,
    record: &mut impl FnMut(Lint, &Entry, String),
) {
    for entry in &side.allow {
        let Some(allow) = literal(&entry.text) else {
            continue;
        };
        let covers = |deny: &Entry| literal(&deny.text).is_some_and(|deny| deny.covers(&allow));
        if let Some(deny) = side.deny.iter().find(|deny| covers(deny)) {
            let message = format!(
                "`{}` is allowed, and `{}` denies all of it",
                entry.text, deny.text
            );
            record(Lint::NeverMatches, entry, message);
        }
    }
    if all.allow.is_empty() {
        // The policy may allow subjects of its own.
        return;
    }
    for entry in &side.deny {
        let Some(deny) = widest(&entry.text) else {
            continue;
        };
        let overlaps = |allow: &Entry| reach(&allow.text).is_none_or(|allow| allow.overlaps(&deny));
        if !all.allow.iter().any(overlaps) {
            let message = format!(
                "`{}` is denied, and nothing that is allowed matches it",
                entry.text
            );
            record(Lint::NeverMatches, entry, message);
        }
    }
}

/// Returns whether the text begins with a place.
pub(super) fn leads_with_place(text: &str) -> bool {
    text.trim_start().starts_with("{{")
}

fn is_request(text: &str) -> bool {
    let in_domain = text
        .strip_prefix("$JS.")
        .and_then(|rest| rest.split_once('.'));
    REQUESTS.iter().any(|request| text.starts_with(request))
        || in_domain.is_some_and(|(_, rest)| rest.starts_with("API."))
}

fn is_inbox(text: &str) -> bool {
    let subject = subject(text);
    subject.to_ascii_lowercase().contains("inbox") || matches!(subject, ">" | "*.>")
}

/// Returns the entry without its queue group.
fn subject(text: &str) -> &str {
    text.split(' ').next().unwrap_or(text)
}

/// Returns a subject without places. `None` if it has places, or if no server accepts it.
fn literal(text: &str) -> Option<PermissionSubject> {
    text.parse().ok().filter(|_| !text.contains('{'))
}

/// Returns the subject with a wildcard for each token with a place. It covers every filled form.
fn widest(text: &str) -> Option<PermissionSubject> {
    let filled = without_places(text, "\u{0}");
    let tokens = filled
        .split('.')
        .map(|token| if token.contains('\u{0}') { "*" } else { token });
    tokens.collect::<Vec<_>>().join(".").parse().ok()
}

/// Returns what a subscribe permission lets through: a final `*` is a `>` to servers. The host adds
/// a deny where it can, but another allowed subject below keeps it from that.
fn open_ended(text: &str) -> Option<PermissionSubject> {
    let (subject, queue) = text.split_once(' ').unwrap_or((text, ""));
    let space = if queue.is_empty() { "" } else { " " };
    match subject.strip_suffix('*') {
        Some(before) if before.is_empty() || before.ends_with('.') => {
            widest(&format!("{before}>{space}{queue}"))
        }
        _ => widest(text),
    }
}

/// Returns the text with `filling` for each place in double braces.
fn without_places(text: &str, filling: &str) -> String {
    let mut rest = text;
    let mut found = String::new();
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((_, after)) = after.split_once("}}") else {
            break;
        };
        found.push_str(before);
        found.push_str(filling);
        rest = after;
    }
    found.push_str(rest);
    found
}
