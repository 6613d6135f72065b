//! The claims of logins in a TOML file, as a token would have them.

use portcullis_toml::{NotJson, make_json};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::defaults::Misplaced;

/// Turns the claims of every test into values that JSON has.
///
/// # Errors
///
/// Fails at the first number that no token can have.
pub(super) fn of_tests(file: &mut DeTable<'_>) -> Result<(), Misplaced> {
    let Some(DeValue::Array(tests)) = file.get_mut("tests").map(Spanned::get_mut) else {
        return Ok(());
    };
    let mut logins = tests.iter_mut().filter_map(|test| inside(test, "login"));
    logins.try_for_each(of_login)
}

/// Turns the claims of every table under `[logins]` into values that JSON has.
///
/// # Errors
///
/// Fails at the first number that no token can have.
pub(crate) fn of_logins(file: &mut DeTable<'_>) -> Result<(), Misplaced> {
    let Some(DeValue::Table(logins)) = file.get_mut("logins").map(Spanned::get_mut) else {
        return Ok(());
    };
    logins.iter_mut().try_for_each(|(_, login)| of_login(login))
}

fn of_login(login: &mut Spanned<DeValue<'_>>) -> Result<(), Misplaced> {
    let claims = inside(login, "identity").and_then(|identity| inside(identity, "claims"));
    let Some(claims) = claims else {
        return Ok(());
    };
    make_json(claims).map_err(
        |NotJson {
             span,
             path,
             message,
         }| { (span, format!("login.identity.claims.{path}: {message}")) },
    )
}

/// Returns the value of a key, if `value` is a table that has it.
fn inside<'table, 'text>(
    value: &'table mut Spanned<DeValue<'text>>,
    key: &str,
) -> Option<&'table mut Spanned<DeValue<'text>>> {
    match value.get_mut() {
        DeValue::Table(table) => table.get_mut(key),
        _ => None,
    }
}
