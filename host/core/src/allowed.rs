//! Restrictions to listed values, in which "any" is a value of its own.

use nonempty::NonEmpty;
use serde::{Deserialize, Serialize};

/// A restriction of a value to a list. It has no default: a caller that restricts nothing has to
/// write [`Any`](Self::Any), so that a lost list never admits everything.
///
/// ```
/// use portcullis_core::Allowed;
///
/// let audiences = Allowed::only(["orders", "stock"]).ok_or("at least one audience")?;
/// assert!(audiences.allows(Some(&"orders")) && !audiences.allows(None));
/// assert!(Allowed::<&str>::Any.allows(None));
/// assert_eq!(Allowed::<&str>::only([]), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
#[serde(bound(
    serialize = "T: Clone + Serialize",
    deserialize = "T: Clone + Deserialize<'de>"
))]
pub enum Allowed<T> {
    /// No restriction: every value passes, also an unknown or absent one.
    Any,
    /// The listed values pass, and no others.
    Only(NonEmpty<T>),
}

impl<T> Allowed<T> {
    /// Returns a restriction to `values`. `None` if they are empty.
    pub fn only(values: impl IntoIterator<Item = T>) -> Option<Self> {
        NonEmpty::collect(values).map(Self::Only)
    }

    /// Returns whether everything passes.
    pub const fn is_any(&self) -> bool {
        matches!(self, Self::Any)
    }

    /// Returns the listed values, which are none for [`Any`](Self::Any).
    pub fn listed(&self) -> impl Iterator<Item = &T> {
        let list = match self {
            Self::Any => None,
            Self::Only(list) => Some(list),
        };
        list.into_iter().flat_map(NonEmpty::iter)
    }

    /// Returns whether everything passes, or one of the listed values fulfils `accepts`.
    pub fn allows_where(&self, accepts: impl FnMut(&T) -> bool) -> bool {
        match self {
            Self::Any => true,
            Self::Only(list) => list.iter().any(accepts),
        }
    }

    /// Returns whether `found` passes. An absent value passes only if everything does.
    pub fn allows(&self, found: Option<&T>) -> bool
    where
        T: PartialEq,
    {
        self.allows_where(|value| Some(value) == found)
    }

    /// Adds `value` to the list. [`Any`](Self::Any) becomes a list of this value alone.
    pub fn add(&mut self, value: T) {
        match self {
            Self::Any => *self = Self::Only(NonEmpty::new(value)),
            Self::Only(list) => list.push(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_lets_its_own_values_pass_and_any_all_of_them() {
        let list = Allowed::only([1, 2]).unwrap();
        assert!(list.allows(Some(&1)) && list.allows(Some(&2)));
        assert!(!list.allows(Some(&3)) && !list.allows(None));
        assert!(Allowed::Any.allows(Some(&3)) && Allowed::<u8>::Any.allows(None));
    }

    #[test]
    fn an_empty_list_is_no_restriction_that_could_be_made() {
        assert_eq!(Allowed::<u8>::only([]), None);
        assert!(serde_json::from_str::<Allowed<u8>>(r#"{"only":[]}"#).is_err());
    }

    #[test]
    fn restrictions_read_what_they_write() {
        for written in [Allowed::Any, Allowed::Only(NonEmpty::new(7))] {
            let json = serde_json::to_string(&written).unwrap();
            assert_eq!(serde_json::from_str::<Allowed<u8>>(&json).unwrap(), written);
        }
    }

    #[test]
    fn the_first_value_that_is_added_restricts() {
        let mut list = Allowed::Any;
        list.add(1);
        list.add(2);
        assert_eq!(list, Allowed::only([1, 2]).unwrap());
    }
}
