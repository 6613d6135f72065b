//! Log lines for the operator.
//!
//! A policy's lines appear in the host's log with its name, and never reach the client. The host
//! limits their number and length; it drops and counts the lines over the limits. Never write a
//! secret to the log.
//!
//! In a native test, the lines are collected; [`testing::take_log`](crate::testing::take_log)
//! returns them.
//!
//! ```
//! use portcullis_sdk::{log, testing};
//!
//! log::info("two users, one profile");
//! let lines = testing::take_log();
//! assert_eq!(lines[0].message, "two users, one profile");
//! ```

#[cfg(not(target_arch = "wasm32"))]
pub(crate) mod lines;

#[cfg(not(target_arch = "wasm32"))]
pub use lines::Level;

/// Defines one function for each level. Each function uses only its own import, so that a compiled
/// policy imports no more than it calls.
macro_rules! levels {
    ($($(#[$doc:meta])* $function:ident $level:ident;)*) => {
        $(
            $(#[$doc])*
            ///
            /// ```
            /// use portcullis_sdk::{log, testing};
            ///
            #[doc = concat!("log::", stringify!($function), "(\"two users, one profile\");")]
            #[doc = concat!("assert_eq!(testing::take_log()[0].level, log::Level::", stringify!($level), ");")]
            /// ```
            pub fn $function(message: impl AsRef<str>) {
                #[cfg(target_arch = "wasm32")]
                crate::host::log::$function(message.as_ref());
                #[cfg(not(target_arch = "wasm32"))]
                lines::collect(Level::$level, message.as_ref());
            }
        )*
    };
}

levels! {
    /// Writes a line with details for the policy's author.
    debug Debug;
    /// Writes a line with information for the operator.
    info Info;
    /// Writes a line about a condition that the operator should look at.
    warn Warn;
    /// Writes a line about a failure.
    error Error;
}
