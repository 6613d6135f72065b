//! The keys that differ between two files.

use std::collections::BTreeSet;

use toml::{Table, Value};

/// Returns the keys whose values differ between two files, by their paths (`callout.deadline`).
/// Comments, order and white space do not count. A key of a table that only one file has is among
/// them. A text that is not TOML counts as empty.
pub fn changed_keys(before: &str, after: &str) -> BTreeSet<String> {
    let [before, after] = [before, after].map(|text| text.parse::<Table>().unwrap_or_default());
    let mut changed = BTreeSet::new();
    compare("", &before, &after, &mut changed);
    changed
}

fn compare(path: &str, before: &Table, after: &Table, changed: &mut BTreeSet<String>) {
    let empty = Table::new();
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    for name in names {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        match (before.get(name), after.get(name)) {
            (Some(before), Some(after)) if before == after => {}
            (before @ (None | Some(Value::Table(_))), after @ (None | Some(Value::Table(_)))) => {
                let before = before.and_then(Value::as_table);
                let after = after.and_then(Value::as_table);
                // An empty table has no keys that could differ.
                if [before, after].into_iter().flatten().all(Table::is_empty) {
                    changed.insert(path.clone());
                }
                let (before, after) = (before.unwrap_or(&empty), after.unwrap_or(&empty));
                compare(&path, before, after, changed);
            }
            _ => {
                changed.insert(path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_named_by_their_paths_whatever_the_form() {
        let before = "a = 1\n[t]\nb = [1, 2]\nc = \"x\"\n[t.u]\nd = true\n";
        let same = "# A comment.\nt = { u = { d = true }, c = 'x', b = [ 1, 2 ] }\na = 1\n";
        assert_eq!(changed_keys(before, same), BTreeSet::new());
        let after = "a = 2\n[t]\nb = [2, 1]\n[t.u]\nd = true\ne = 1\n[new.table]\nf = 1\n[empty]\n";
        let changed = changed_keys(before, after);
        let expected = ["a", "empty", "new.table.f", "t.b", "t.c", "t.u.e"];
        assert_eq!(changed, expected.map(str::to_owned).into());
        let back = changed_keys(after, before);
        assert_eq!(back, changed);
    }

    #[test]
    fn a_table_in_place_of_a_value_is_one_change() {
        assert_eq!(
            changed_keys("a = 1", "[a]\nb = 1"),
            BTreeSet::from(["a".to_owned()])
        );
    }
}
