//! The forms of the replies to denied logins.

use std::collections::HashMap;
use std::time::Duration;

use portcullis_core::DenialClass;

/// The form of the reply to a denied login. The client sees the same rejection in every mode; only
/// the delay differs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DenyMode {
    /// A response with the reason, at once. The server logs the reason and publishes it in the
    /// callout account. The default.
    #[default]
    Error,
    /// An empty response, at once. The server refuses the login without a reason.
    Empty,
    /// No response. The client waits for the server's authorization timeout. This slows down
    /// guesses, and occupies a connection of the server until then.
    Drop,
    /// A response with the reason, after this time. If the server would give up sooner, the host
    /// sends the response just before that.
    Delay(Duration),
}

/// The forms of the replies to denied logins, by class of the denial.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DenyModes {
    default: DenyMode,
    by_class: HashMap<DenialClass, DenyMode>,
}

impl DenyModes {
    /// Creates modes with `default` for every class that `by_class` does not name.
    pub fn new(
        default: DenyMode,
        by_class: impl IntoIterator<Item = (DenialClass, DenyMode)>,
    ) -> Self {
        Self {
            default,
            by_class: by_class.into_iter().collect(),
        }
    }

    /// Returns the mode of denials of `class`.
    pub fn for_class(&self, class: DenialClass) -> DenyMode {
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
        assert_eq!(modes.for_class(DenialClass::PolicyDenied), DenyMode::Drop);
        assert_eq!(modes.for_class(DenialClass::Internal), DenyMode::Empty);
        assert_eq!(
            DenyModes::default().for_class(DenialClass::Internal),
            DenyMode::Error
        );
    }
}
