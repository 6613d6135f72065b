//! The source of a policy.

use portcullis_core::PolicyName;

/// The source of a policy. `Debug` shows the name only, because settings contain password hashes.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// Name of the policy, for its log lines.
    pub name: &'a PolicyName,
    /// Core module, as `cargo build --target wasm32-unknown-unknown` makes it, or component.
    pub module: &'a [u8],
    /// JSON that `configure` receives.
    pub settings: &'a str,
}

impl std::fmt::Debug for Source<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Source")
            .field("name", self.name)
            .finish_non_exhaustive()
    }
}
