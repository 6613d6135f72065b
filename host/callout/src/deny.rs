//! How a denial is answered.

use std::collections::HashMap;
use std::time::Duration;

use portcullis_core::DenialClass;

/// What a server gets for a login that is denied. The client sees the same in every case, sooner or later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DenyMode {
    /// The reason, at once: the server logs it and publishes it in the callout account.
    #[default]
    Error,
    /// An empty response, at once: refused without a reason.
    Empty,
    /// Nothing: the client waits for the server's authorization timeout. Slows down who guesses, and holds a
    /// connection of the server's meanwhile.
    Drop,
    /// The reason, after this time, or just before the server gives up if that is sooner.
    Delay(Duration),
}

/// How denials are answered, by class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DenyModes {
    default: DenyMode,
    by_class: HashMap<DenialClass, DenyMode>,
}

impl DenyModes {
    /// `default` for every class without a mode of its own.
    pub fn new(
        default: DenyMode,
        by_class: impl IntoIterator<Item = (DenialClass, DenyMode)>,
    ) -> Self {
        Self {
            default,
            by_class: by_class.into_iter().collect(),
        }
    }

    /// How denials of `class` are answered.
    pub fn of(&self, class: DenialClass) -> DenyMode {
        self.by_class.get(&class).copied().unwrap_or(self.default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_has_its_own_mode_or_the_default() {
        let modes = DenyModes::new(
            DenyMode::Empty,
            [(DenialClass::PolicyDenied, DenyMode::Drop)],
        );
        assert_eq!(modes.of(DenialClass::PolicyDenied), DenyMode::Drop);
        assert_eq!(modes.of(DenialClass::Internal), DenyMode::Empty);
        assert_eq!(
            DenyModes::default().of(DenialClass::Internal),
            DenyMode::Error
        );
    }
}
