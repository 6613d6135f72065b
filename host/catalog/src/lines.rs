//! Lines of a settings file, by position and by the path of a setting.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Returns the line of a position, counted from 1.
pub(crate) fn line_at(text: &str, position: usize) -> usize {
    let before = text.get(..position).unwrap_or(text);
    before.matches('\n').count().saturating_add(1)
}

/// Returns the line of the setting that `refusal` begins with, as `users.alice.tags[0]: …`. Returns
/// the line of the nearest table around it if the file does not have the setting, and that of
/// `[settings]` if the refusal names none.
pub(crate) fn line_of_refusal(text: &str, refusal: &str) -> Option<usize> {
    Lines::parse(text)?.of(refusal).map(|(line, _)| line)
}

/// Returns the line of the first problem of a module's refusal, and the refusal with the lines of
/// the others: `a: …; line 7: b: …`.
pub(crate) fn with_lines(text: &str, refusal: &str) -> (Option<usize>, String) {
    let Some(lines) = Lines::parse(text) else {
        return (None, refusal.to_owned());
    };
    let mut line = None;
    let parts = refusal.split("; ").enumerate().map(|(index, part)| {
        let place = lines.of(part);
        if index == 0 {
            line = place.map(|(line, _)| line);
            return part.to_owned();
        }
        // A part without a setting continues the message before.
        match place {
            Some((other, true)) if Some(other) != line => format!("line {other}: {part}"),
            _ => part.to_owned(),
        }
    });
    let parts: Vec<_> = parts.collect();
    (line, parts.join("; "))
}

/// The settings of a file, with their lines.
struct Lines<'text> {
    text: &'text str,
    root: Spanned<DeTable<'text>>,
}

impl<'text> Lines<'text> {
    /// Returns `None` if the text is not TOML.
    fn parse(text: &'text str) -> Option<Self> {
        let root = DeTable::parse(text).ok()?;
        Some(Self { text, root })
    }

    /// Returns the line of the setting that `refusal` begins with, and whether the file has that
    /// setting or the table around it. `None` if the file has no settings.
    fn of(&self, refusal: &str) -> Option<(usize, bool)> {
        let (key, settings) = self.root.get_ref().get_key_value("settings")?;
        let mut position = key.span().start;
        let mut is_found = false;
        let mut rest = refusal;
        let mut value = settings.get_ref();
        while let Some((start, inner, after)) = step(value, rest) {
            is_found = true;
            position = start;
            value = inner;
            rest = after.strip_prefix('.').unwrap_or(after);
        }
        Some((line_at(self.text, position), is_found))
    }
}

/// Returns the position of the value in `value` that `path` begins with, the value, and the rest of
/// the path.
fn step<'a, 'text>(
    value: &'a DeValue<'text>,
    path: &'a str,
) -> Option<(usize, &'a DeValue<'text>, &'a str)> {
    match value {
        DeValue::Table(table) => {
            let entries = table.iter().filter_map(|(key, value)| {
                let after = path.strip_prefix(key.get_ref().as_ref())?;
                let is_whole = after.starts_with(['.', '[', ':']);
                is_whole.then(|| (key.span().start, value.get_ref(), after))
            });
            // A key may contain dots: the longest one is meant.
            entries.min_by_key(|(_, _, after)| after.len())
        }
        DeValue::Array(items) => {
            let (index, after) = path.strip_prefix('[')?.split_once(']')?;
            let item = items.get(index.parse::<usize>().ok()?)?;
            Some((item.span().start, item.get_ref(), after))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const TEXT: &str = "\
[limits]
memory = \"1MiB\"
[settings]
a = 1
list = [
  1,
  2,
]
[settings.users.\"a.b\"]
name = 3
[settings.users.a]
name = 4
";

    #[rstest]
    #[case("a: expected a string, found a whole number", 4)]
    #[case("list[1]: expected a string", 7)]
    #[case("users.a.b.name: expected a string", 10)]
    #[case("users.a.name: expected a string", 12)]
    #[case("users.a: missing field `hash`", 11)]
    #[case("users.c: missing field `hash`", 9)]
    #[case("missing field `account`", 3)]
    fn a_refusal_is_at_the_line_of_its_setting(#[case] refusal: &str, #[case] line: usize) {
        assert_eq!(line_of_refusal(TEXT, refusal), Some(line));
    }

    #[test]
    fn every_problem_of_a_refusal_has_its_line() {
        let refusal = "list[1]: no; yes, a: no; a: no; users.a.name: no; users.b: none; and 3 more";
        let (line, told) = with_lines(TEXT, refusal);
        assert_eq!(line, Some(7));
        assert_eq!(
            told,
            "list[1]: no; yes, a: no; line 4: a: no; line 12: users.a.name: no; line 9: users.b: none; and 3 more"
        );
        for without in ["[limits]\n", "a ="] {
            assert_eq!(with_lines(without, refusal), (None, refusal.to_owned()));
        }
    }

    #[test]
    fn a_file_without_settings_has_no_line() {
        assert_eq!(
            line_of_refusal("[limits]\n", "missing field `account`"),
            None
        );
    }
}
