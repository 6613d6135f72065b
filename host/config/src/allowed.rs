//! Arrays that restrict something to their elements.

use portcullis_core::Allowed;
use portcullis_toml::{Kind, Section, Setting};

/// Reads an array that restricts something to its elements, each a `kind` of value. Without the
/// key, nothing is restricted. `None` if the value is invalid.
pub(super) fn read_allowed<T>(
    section: &mut Section<'_>,
    key: &'static str,
    kind: &Kind<T>,
) -> Option<Allowed<T>> {
    match section.setting(key) {
        None => Some(Allowed::Any),
        Some(setting) => only(
            setting,
            kind,
            "must name at least one; leave the key out for no restriction",
        ),
    }
}

/// Returns the elements of `setting`. Reports `if_empty` for an empty array, which could stand for
/// everything or for nothing.
pub(super) fn only<T>(setting: Setting<'_>, kind: &Kind<T>, if_empty: &str) -> Option<Allowed<T>> {
    let allowed = Allowed::only(setting.list(kind)?);
    if allowed.is_none() {
        setting.report(if_empty);
    }
    allowed
}
