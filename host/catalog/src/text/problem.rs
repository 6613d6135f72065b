//! Problems of policy texts.

/// A problem of a policy text. The message is one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TextProblem {
    /// The file is not text.
    #[error("it is not UTF-8 text")]
    NotText,
    /// The module refuses the text.
    #[error("{0}")]
    Refused(String),
}
