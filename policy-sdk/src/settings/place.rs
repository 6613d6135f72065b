//! Places in the settings: the keys and indices that lead to a value.

use std::cell::RefCell;

use super::located::Located;
use super::step::{Step, path};

/// The place of a value while a type reads it.
pub(super) struct Place {
    step: Step,
    /// Number of values before it that no type has read.
    ignored: usize,
}

thread_local! {
    /// The paths of the values that no type has read, each with its innermost step first.
    static IGNORED: RefCell<Vec<Vec<Step>>> = const { RefCell::new(Vec::new()) };
}

impl Place {
    /// Enters the value at `step`.
    pub(super) fn enter(step: Step) -> Self {
        let ignored = IGNORED.with_borrow(Vec::len);
        Self { step, ignored }
    }

    /// Leaves the value. Completes the path of the error, or the paths of the values inside that no
    /// type has read.
    pub(super) fn leave<T>(self, read: Result<T, Located>) -> Result<T, Located> {
        match read {
            Ok(value) => {
                self.complete_ignored();
                Ok(value)
            }
            Err(error) => Err(error.within(self.step)),
        }
    }

    fn complete_ignored(self) {
        IGNORED.with_borrow_mut(|ignored| {
            for path in ignored.iter_mut().skip(self.ignored) {
                path.push(self.step.clone());
            }
        });
    }
}

/// Records that no type reads the present value.
pub(super) fn ignore() {
    IGNORED.with_borrow_mut(|ignored| ignored.push(Vec::new()));
}

/// Returns the paths of the values that no type has read on this thread since the last call.
pub(super) fn take_ignored() -> Vec<String> {
    let ignored = IGNORED.take();
    ignored.iter().map(|steps| path(steps)).collect()
}
