//! The glue between the host's calls and the policy's methods.

use std::cell::OnceCell;

#[cfg(target_arch = "wasm32")]
use super::bindings::exports::portcullis::policy::decider::Verdict as Answer;
use crate::{Policy, Request, Verdict, settings};

/// The cell in which [`export!`](crate::export) keeps the policy between `configure` and the
/// decisions.
#[derive(Debug)]
pub struct Slot<P>(OnceCell<P>);

impl<P: Policy> Slot<P> {
    /// Creates a slot without a policy, as it is before `configure`.
    pub const fn empty() -> Self {
        Self(OnceCell::new())
    }

    /// Creates the policy from its settings.
    ///
    /// # Errors
    ///
    /// Fails if the settings are invalid, or if the slot has a policy already.
    pub fn configure(&self, json: impl AsRef<str>) -> Result<(), String> {
        let policy = settings::parse(json)
            .and_then(P::configure)
            .map_err(|error| error.to_string())?;
        self.0
            .set(policy)
            .map_err(|_| "the policy is already configured".to_owned())
    }

    /// Returns the JSON Schema of the policy's settings.
    pub fn settings_schema() -> String {
        settings::schema::<P::Settings>(&P::describe())
    }

    /// Decides a login with the policy. Denies the login if the slot has no policy yet.
    pub fn decide(&self, request: &Request) -> Verdict {
        self.0.get().map_or_else(
            || Verdict::deny("the policy was asked before it was configured"),
            |policy| refuse_problems(policy.decide(request)),
        )
    }
}

/// Denies a login whose permit has rights that an intent refuses: the host would not see them.
fn refuse_problems(verdict: Verdict) -> Verdict {
    match &verdict {
        Verdict::Permit(permit) => match permit.refused() {
            [] => verdict,
            problems => Verdict::deny(format!("invalid permit: {}", problems.join("; "))),
        },
        Verdict::Deny(_) | Verdict::Abstain => verdict,
    }
}

#[cfg(target_arch = "wasm32")]
impl<P: Policy> Slot<P> {
    /// Calls [`configure`](Self::configure), after installing a hook that logs every panic from
    /// here on.
    ///
    /// # Errors
    ///
    /// Fails if [`configure`](Self::configure) does.
    pub fn configure_from_host(&self, json: String) -> Result<(), String> {
        std::panic::set_hook(Box::new(|panic| {
            crate::log::error(panic.to_string().replace('\n', " "));
        }));
        self.configure(json)
    }

    /// Calls [`decide`](Self::decide) with the login that the host is deciding.
    pub fn decide_for_host(&self) -> Answer {
        match self.decide(&Request::from_host()) {
            Verdict::Permit(permit) => Answer::Permit(permit.to_host()),
            Verdict::Deny(reason) => Answer::Deny(reason),
            Verdict::Abstain => Answer::Abstain,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NoSettings, SettingsError};

    struct Closed;

    impl Policy for Closed {
        type Settings = NoSettings;

        fn configure(_: NoSettings) -> Result<Self, SettingsError> {
            Ok(Self)
        }

        fn decide(&self, _: &Request) -> Verdict {
            Verdict::deny("closed")
        }
    }

    #[test]
    fn a_decision_before_configure_is_a_refusal_that_says_so() {
        let verdict = Slot::<Closed>::empty().decide(&Request::builder().build());
        assert_eq!(
            verdict,
            Verdict::deny("the policy was asked before it was configured")
        );
    }

    #[test]
    fn a_policy_is_configured_once() {
        let slot = Slot::<Closed>::empty();
        assert_eq!(slot.configure("{}"), Ok(()));
        assert_eq!(
            slot.configure("{}"),
            Err("the policy is already configured".to_owned())
        );
        let verdict = slot.decide(&Request::builder().build());
        assert_eq!(verdict, Verdict::deny("closed"));
    }

    #[test]
    fn settings_errors_reach_the_host_as_text() {
        let error = Slot::<Closed>::empty().configure(r#"{"a":1}"#).unwrap_err();
        assert_eq!(error, "a: unknown field `a`, there are no fields");
    }
}
