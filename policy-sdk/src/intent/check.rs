//! The checks of an intent's arguments. Each returns the problem, worded for an operator.

use portcullis_permit_rules::subject::{SubjectProblem, is_literal_token, publish_problem};

/// Checks a name that becomes one token of a subject.
pub(super) fn name_problem(what: &str, name: &str) -> Option<String> {
    (!is_literal_token(name)).then(|| {
        let shown = name.escape_debug();
        format!(
            "{what} `{shown}`: expected one token without `.`, `*`, `>`, braces, white space, control characters and a \
             leading `$`"
        )
    })
}

/// Checks a filter or key: a literal subject, or one that ends in `>`. A `*` may stand before the
/// last token.
pub(super) fn filter_problem(what: &str, filter: &str) -> Option<String> {
    let invalid = publish_problem(filter).map(SubjectProblem::as_str);
    let problem = invalid.or_else(|| {
        let star = filter == "*" || filter.ends_with(".*");
        star.then_some("a hostile client uses a final `*` as `>`; write `>`, or a literal subject")
    })?;
    let shown = filter.escape_debug();
    Some(format!("{what} `{shown}`: {problem}"))
}

/// Checks a subject of an application.
pub(super) fn subject_of_application_problem(what: &str, subject: &str) -> Option<String> {
    filter_problem(what, subject).or_else(|| {
        let first = subject.split('.').next().unwrap_or_default();
        let problem = match first {
            "*" | ">" => "it begins with a wildcard and covers the subjects of the server",
            "_INBOX" => "it covers inboxes; allow a private inbox instead",
            _ if first.starts_with('$') => "it begins with `$`; the server has intents of its own",
            _ if first.starts_with('{') => {
                "begin it with a token of your own, before the first place"
            }
            _ => return None,
        };
        let shown = subject.escape_debug();
        Some(format!("{what} `{shown}`: {problem}"))
    })
}

/// Checks a prefix of the API of `JetStream`: literal tokens.
pub(super) fn prefix_problem(prefix: &str) -> Option<String> {
    prefix
        .split('.')
        .find_map(|token| name_problem("token of the API prefix", token))
}
