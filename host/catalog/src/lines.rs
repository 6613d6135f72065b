//! Lines of a settings file, by position and by the path of a setting.

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
    let root = DeTable::parse(text).ok()?;
    let (key, settings) = root.get_ref().get_key_value("settings")?;
    let mut position = key.span().start;
    let mut rest = refusal;
    let mut value = settings.get_ref();
    loop {
        let found = match value {
            DeValue::Table(table) => {
                let entries = table.iter().filter_map(|(key, value)| {
                    let after = rest.strip_prefix(key.get_ref().as_ref())?;
                    let is_whole = after.starts_with(['.', '[', ':']);
                    is_whole.then(|| (key.span().start, value.get_ref(), after))
                });
                // A key may contain dots: the longest one is meant.
                entries.min_by_key(|(_, _, after)| after.len())
            }
            DeValue::Array(items) => rest.strip_prefix('[').and_then(|rest| {
                let (index, after) = rest.split_once(']')?;
                let item = items.get(index.parse::<usize>().ok()?)?;
                Some((item.span().start, item.get_ref(), after))
            }),
            _ => None,
        };
        let Some((start, inner, after)) = found else {
            return Some(line_at(text, position));
        };
        position = start;
        value = inner;
        rest = after.strip_prefix('.').unwrap_or(after);
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
    #[case("a: expected a string, found `1`", 4)]
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
    fn a_file_without_settings_has_no_line() {
        assert_eq!(
            line_of_refusal("[limits]\n", "missing field `account`"),
            None
        );
    }
}
