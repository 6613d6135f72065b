//! Errors on one line.

use std::error::Error;
use std::fmt::Write as _;

/// Returns `error` and its causes on one line, with `: ` before each cause. A cause that the text
/// before ends with is not repeated: some errors show their cause themselves.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let shown = error.to_string();
        if !text.ends_with(&shown) {
            // Writing to a string does not fail.
            let _ = write!(text, ": {shown}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Failure {
        #[error("the disk is full")]
        Disk,
        #[error("cannot write")]
        Write(#[source] Box<Self>),
        #[error("`{name}`: {source}", name = .file)]
        File {
            file: &'static str,
            source: Box<Self>,
        },
    }

    #[test]
    fn every_cause_is_shown_once() {
        let write = || Box::new(Failure::Write(Box::new(Failure::Disk)));
        let file = |source| Failure::File { file: "a", source };
        for (error, expected) in [
            (Failure::Disk, "the disk is full"),
            (*write(), "cannot write: the disk is full"),
            (file(Box::new(Failure::Disk)), "`a`: the disk is full"),
            (file(write()), "`a`: cannot write: the disk is full"),
        ] {
            assert_eq!(with_causes(&error), expected);
        }
    }
}
