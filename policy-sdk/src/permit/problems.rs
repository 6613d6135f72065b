//! The problems of a permit.

use super::Permit;

impl Permit {
    /// Returns the problems of the permit, one line each; empty if the permit is valid.
    ///
    /// [`Policy::configure`](crate::Policy::configure) calls this method so that the host rejects
    /// bad settings when it loads the policy, not at the first login.
    ///
    /// A policy in service asks the host. A native test applies the host's rules in its own
    /// process, with the same result. It does not know what one operator configures: ceilings,
    /// target accounts and a `subjects` limit below the default.
    ///
    /// ```
    /// use portcullis_sdk::Permit;
    ///
    /// let permit = Permit::new("APP").allow_publish(["orders..new"]);
    /// assert_eq!(
    ///     permit.problems(),
    ///     ["publish-allow: invalid subject `orders..new`: it has an empty token; remove the extra `.`"],
    /// );
    /// ```
    pub fn problems(&self) -> Vec<String> {
        #[cfg(target_arch = "wasm32")]
        let found = self.to_host().problems();
        #[cfg(not(target_arch = "wasm32"))]
        let found = self.native_problems();
        self.refused().iter().cloned().chain(found).collect()
    }
}
