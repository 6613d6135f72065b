//! Lines and paths of the values in a file with logins, for problems.

use std::fmt::Write as _;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::defaults;
use crate::lines::line_at;

/// Returns the line of the value at `keys` in the test with this index, or of the nearest table
/// around it. `None` if the test does not have the first key.
pub(super) fn line_in_test(text: &str, index: usize, keys: &[&str]) -> Option<usize> {
    let mut file = DeTable::parse(text).ok()?;
    defaults::apply(file.get_mut()).ok()?;
    let DeValue::Array(tests) = file.get_ref().get("tests")?.get_ref() else {
        return None;
    };
    line_of(text, tests.get(index)?, keys)
}

/// Returns the line of the value at `keys` in the table `[logins.NAME]`, or of the nearest table
/// around it. `None` if the login does not have the first key.
pub(crate) fn line_in_login(text: &str, name: &str, keys: &[&str]) -> Option<usize> {
    let mut file = DeTable::parse(text).ok()?;
    defaults::apply_to_logins(file.get_mut()).ok()?;
    let DeValue::Table(logins) = file.get_ref().get("logins")?.get_ref() else {
        return None;
    };
    line_of(text, logins.get(name)?, keys)
}

/// Returns the line of the value at `keys` in the assertion with this index. `None` if the
/// assertion does not have the first key.
pub(crate) fn line_in_assertion(text: &str, index: usize, keys: &[&str]) -> Option<usize> {
    let file = DeTable::parse(text).ok()?;
    let DeValue::Array(assertions) = file.get_ref().get("assertions")?.get_ref() else {
        return None;
    };
    line_of(text, assertions.get(index)?, keys)
}

/// Returns the path of the value with this span, as `login.client.id`. A path in an entry of
/// `[[tests]]` or `[[assertions]]` begins in that entry, because the line tells which it is. `None`
/// if only the file or such an entry has the span.
pub(super) fn path_of(text: &str, span: &Range<usize>) -> Option<String> {
    let file = DeTable::parse(text).ok()?;
    let steps = path_in_table(file.get_ref(), span)?;
    let steps = match steps.as_slice() {
        [
            Step::Key("tests" | "assertions"),
            Step::Index(_),
            inside @ ..,
        ] => inside,
        steps => steps,
    };
    let mut path = String::new();
    for step in steps {
        let dot = if path.is_empty() { "" } else { "." };
        // Writing to a string does not fail.
        let _ = match step {
            Step::Key(key) => write!(path, "{dot}{}", key.escape_debug()),
            Step::Index(index) => write!(path, "[{index}]"),
        };
    }
    (!path.is_empty()).then_some(path)
}

/// A step of a path into a file.
enum Step<'text> {
    Key(&'text str),
    Index(usize),
}

fn path_in_table<'a>(table: &'a DeTable<'_>, span: &Range<usize>) -> Option<Vec<Step<'a>>> {
    table.iter().find_map(|(key, value)| {
        let inside = path_in(value, span)?;
        Some(before(Step::Key(key.get_ref()), inside))
    })
}

/// Returns the path from `value` to the innermost value with this span.
fn path_in<'a>(value: &'a Spanned<DeValue<'_>>, span: &Range<usize>) -> Option<Vec<Step<'a>>> {
    let inside = match value.get_ref() {
        DeValue::Table(table) => path_in_table(table, span),
        DeValue::Array(items) => items.iter().enumerate().find_map(|(index, item)| {
            let inside = path_in(item, span)?;
            Some(before(Step::Index(index), inside))
        }),
        _ => None,
    };
    inside.or_else(|| (value.span() == *span).then(Vec::new))
}

fn before<'a>(step: Step<'a>, mut inside: Vec<Step<'a>>) -> Vec<Step<'a>> {
    inside.insert(0, step);
    inside
}

fn line_of(text: &str, value: &Spanned<DeValue<'_>>, keys: &[&str]) -> Option<usize> {
    let (mut value, mut position) = (value.get_ref(), None);
    for key in keys {
        let DeValue::Table(table) = value else { break };
        let Some((key, inner)) = table.get_key_value(*key) else {
            break;
        };
        position = Some(key.span().start);
        value = inner.get_ref();
    }
    position.map(|position| line_at(text, position))
}
