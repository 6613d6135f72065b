//! `[defaults]` of a test file: what its tests share.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Keys of `[defaults]`, which are keys of a test too.
pub(super) const KEYS: [&str; 4] = ["fuel", "login", "now", "permit"];

/// A mistake in `[defaults]`, and its place in the file.
pub(crate) type Misplaced = (Range<usize>, String);

/// Takes `[defaults]` out of the file, and adds its values to every test that does not state them.
/// Tables are merged key by key. The values keep their places in the file, for messages.
///
/// Defaults of `permit` count for tests that expect a permit.
pub(super) fn apply(file: &mut DeTable<'_>) -> Result<(), Misplaced> {
    let Some(defaults) = file.remove("defaults") else {
        return Ok(());
    };
    let span = defaults.span();
    let DeValue::Table(defaults) = defaults.into_inner() else {
        return Err((
            span,
            "`defaults` is no table: write `[defaults]`".to_owned(),
        ));
    };
    let is_unknown = |key: &&Spanned<_>| !KEYS.contains(&AsRef::<str>::as_ref(key.get_ref()));
    if let Some(key) = defaults.keys().find(is_unknown) {
        let known = KEYS.join("`, `");
        let message = format!(
            "unknown field `{}` in `defaults`, expected one of `{known}`",
            key.get_ref()
        );
        return Err((key.span(), message));
    }
    let Some(DeValue::Array(tests)) = file.get_mut("tests").map(Spanned::get_mut) else {
        return Ok(());
    };
    for test in tests.iter_mut() {
        if let DeValue::Table(test) = test.get_mut() {
            for (key, value) in &defaults {
                let is_permit = key.get_ref() == "permit";
                if !is_permit || test.contains_key("permit") {
                    add(test, key.clone(), value);
                }
            }
        }
    }
    Ok(())
}

/// Takes `[defaults.login]` out of a file, and adds its values to every table under `[logins]`.
pub(crate) fn apply_to_logins(file: &mut DeTable<'_>) -> Result<(), Misplaced> {
    let Some(defaults) = file.remove("defaults") else {
        return Ok(());
    };
    let span = defaults.span();
    let wrong = || {
        (
            span.clone(),
            "`defaults` may only have a table `login`".to_owned(),
        )
    };
    let DeValue::Table(mut defaults) = defaults.into_inner() else {
        return Err(wrong());
    };
    let login = defaults.remove("login").map(Spanned::into_inner);
    let Some(DeValue::Table(shared)) = login.filter(|_| defaults.is_empty()) else {
        return Err(wrong());
    };
    let Some(DeValue::Table(logins)) = file.get_mut("logins").map(Spanned::get_mut) else {
        return Ok(());
    };
    for (_, login) in logins.iter_mut() {
        if let DeValue::Table(login) = login.get_mut() {
            for (key, value) in &shared {
                add(login, key.clone(), value);
            }
        }
    }
    Ok(())
}

/// Adds a value to a table that lacks it, and the missing parts of a value that is a table.
fn add<'a>(
    table: &mut DeTable<'a>,
    key: Spanned<std::borrow::Cow<'a, str>>,
    value: &Spanned<DeValue<'a>>,
) {
    let name = key.get_ref().clone();
    let Some(own) = table.get_mut(name.as_ref()) else {
        table.insert(key, value.clone());
        return;
    };
    if let (DeValue::Table(own), DeValue::Table(shared)) = (own.get_mut(), value.get_ref()) {
        for (key, value) in shared {
            add(own, key.clone(), value);
        }
    }
}
