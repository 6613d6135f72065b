//! Values of user JWTs as servers read them.

/// Value for "no limit" in a server's number.
pub(crate) const UNLIMITED: i64 = -1;

pub(crate) fn texts<T: ToString>(values: impl IntoIterator<Item = T>) -> Vec<String> {
    let values = values.into_iter();
    values.map(|value| value.to_string()).collect()
}
