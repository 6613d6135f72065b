//! The functions that a policy was in when it trapped.

use std::fmt;

use wasmtime::WasmBacktrace;

use crate::text::{one_line, truncate};

/// Maximum number of functions that a message names.
const MAX_FRAMES: usize = 4;
/// Maximum length of a function's name, in bytes. A module can have names of megabytes.
const MAX_NAME: usize = 128;
/// Beginnings of the names of functions that no author wrote: the standard library, the SDK and the
/// exports of the contract.
const NOT_OURS: [&str; 14] = [
    "std::",
    "<std::",
    "core::",
    "<core::",
    "alloc::",
    "<alloc::",
    "rust_",
    "__rust",
    "_rust",
    "portcullis_sdk::",
    "<portcullis_sdk::",
    "portcullis:policy/",
    "serde_json::",
    "wit_bindgen::",
];

/// The author's functions that a policy was in, the innermost first. Empty if the module has no
/// names. Displays as the end of a sentence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frames(Vec<String>);

impl Frames {
    /// Returns the functions of a backtrace.
    pub(super) fn new(backtrace: Option<&WasmBacktrace>) -> Self {
        let frames = backtrace.map(WasmBacktrace::frames).unwrap_or_default();
        Self::from_names(frames.iter().filter_map(|frame| frame.func_name()))
    }

    fn from_names<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let names: Vec<_> = names.map(demangle).collect();
        let is_ours = |name: &&String| !NOT_OURS.iter().any(|other| name.starts_with(other));
        let ours: Vec<_> = names
            .iter()
            .filter(is_ours)
            .take(MAX_FRAMES)
            .cloned()
            .collect();
        if ours.is_empty() {
            // A name of the standard library is better than none.
            return Self(names.into_iter().take(1).collect());
        }
        Self(ours)
    }
}

/// Returns the name that the author wrote, on one line.
fn demangle(name: &str) -> String {
    let name = match rustc_demangle::try_demangle(name) {
        // The alternate form has no hash.
        Ok(name) => format!("{name:#}"),
        Err(_) => name.to_owned(),
    };
    let mut name = one_line(&name);
    truncate(&mut name, MAX_NAME);
    name
}

impl fmt::Display for Frames {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((innermost, callers)) = self.0.split_first() else {
            return Ok(());
        };
        write!(formatter, ", in `{innermost}`")?;
        for (index, caller) in callers.iter().enumerate() {
            let before = if index == 0 { " called by" } else { "," };
            write!(formatter, "{before} `{caller}`")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(names: &[&str]) -> String {
        Frames::from_names(names.iter().copied()).to_string()
    }

    #[test]
    fn the_authors_functions_are_named_as_in_the_source() {
        let names = [
            "__rust_start_panic",
            "_ZN4core9panicking5panic17h0123456789abcdefE",
            "_ZN5users5Users6permit17h0123456789abcdefE",
            "_ZN55_$LT$users..Users$u20$as$u20$portcullis_sdk..Policy$GT$6decide17h0123456789abcdefE",
            "_ZN14portcullis_sdk9__private4slot13Slot$LT$P$GT$6decide17h0123456789abcdefE",
            "portcullis:policy/decider@0.1.0#decide",
        ];
        assert_eq!(
            told(&names),
            ", in `users::Users::permit` called by `<users::Users as portcullis_sdk::Policy>::decide`"
        );
        assert_eq!(told(&[]), "");
        assert_eq!(
            told(&["core::option::expect_failed"]),
            ", in `core::option::expect_failed`"
        );
    }

    #[test]
    fn a_message_has_few_frames_and_short_names() {
        let long = "a".repeat(100_000);
        let names = [long.as_str(); 100];
        let told = told(&names);
        assert!(told.len() < MAX_FRAMES * (MAX_NAME + 20), "{}", told.len());
    }
}
