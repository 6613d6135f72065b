//! Lines for the operator.
//!
//! They appear in the host's log with the policy's name and never reach the client. Their number and
//! length are limited by the host; what exceeds the limits is dropped and counted. Never put a secret
//! into one.
//!
//! In a native test they are collected; [`testing::take_log`](crate::testing::take_log) returns them.
//!
//! ```
//! use portcullis_sdk::{log, testing};
//!
//! log::info("two users, one profile");
//! let lines = testing::take_log();
//! assert_eq!(lines[0].message, "two users, one profile");
//! ```

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For the policy's author.
    Debug,
    /// Worth knowing.
    Info,
    /// Worth looking at.
    Warn,
    /// Something is broken.
    Error,
}

/// Defines one function for each level. Each names only its own import, so that a compiled policy asks the
/// host for no more than it uses.
macro_rules! levels {
    ($($(#[$doc:meta])* $function:ident $level:ident;)*) => {
        $(
            $(#[$doc])*
            pub fn $function(message: impl AsRef<str>) {
                #[cfg(target_arch = "wasm32")]
                crate::bindings::portcullis::policy::log::$function(message.as_ref());
                #[cfg(not(target_arch = "wasm32"))]
                crate::testing::collect(Level::$level, message.as_ref());
            }
        )*
    };
}

levels! {
    /// Writes a line for the policy's author.
    debug Debug;
    /// Writes a line worth knowing.
    info Info;
    /// Writes a line worth looking at.
    warn Warn;
    /// Writes a line about something that is broken.
    error Error;
}
