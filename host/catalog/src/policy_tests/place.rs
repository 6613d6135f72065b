//! Lines of the values of a login in a file, for problems.

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
