//! The one trait a policy implements, and what it answers.

use serde::de::DeserializeOwned;

use crate::{Permit, Request, SettingsError};

/// A policy: made once from its settings, then asked about every login.
///
/// Make the implementing type known to the host with [`export!`](crate::export).
///
/// # State
///
/// [`configure`](Self::configure) runs once when the host loads the policy. The host keeps the memory it
/// leaves, and every decision starts from that memory in an instance of its own: a decision sees
/// neither another decision's changes nor its secrets. What `decide` writes anywhere is forgotten.
///
/// # Panics
///
/// A panic in `decide` ends that one decision and the host refuses the login. The message goes to the operator's
/// log first, with file and line.
///
/// # Example
///
/// ```
/// use portcullis_sdk::prelude::*;
///
/// /// Lets everybody in, to listen to the weather.
/// struct Weather {
///     account: String,
/// }
///
/// #[derive(serde::Deserialize)]
/// #[serde(deny_unknown_fields)]
/// struct Settings {
///     account: String,
/// }
///
/// impl Policy for Weather {
///     type Settings = Settings;
///
///     fn configure(settings: Settings) -> Result<Self, SettingsError> {
///         Ok(Self { account: settings.account })
///     }
///
///     fn decide(&self, _: &Request) -> Verdict {
///         Permit::new(&self.account).subscribe_allow("weather.>").into()
///     }
/// }
///
/// export!(Weather);
///
/// let weather: Weather = portcullis_sdk::testing::configure(r#"{ "account": "PUBLIC" }"#)?;
/// let verdict = weather.decide(&Request::builder().build());
/// assert_eq!(verdict, Permit::new("PUBLIC").subscribe_allow("weather.>").into());
/// # Ok::<(), SettingsError>(())
/// ```
pub trait Policy: Sized + 'static {
    /// What the `[settings]` table of the policy's settings file holds; [`NoSettings`](crate::NoSettings) if
    /// there is nothing to set. Add `#[serde(deny_unknown_fields)]`, so that a misspelt key is an error.
    type Settings: DeserializeOwned;

    /// Makes the policy from its settings.
    ///
    /// # Errors
    ///
    /// What is wrong with the settings, and where. The policy is then not put in service; an older version
    /// of it keeps serving.
    fn configure(settings: Self::Settings) -> Result<Self, SettingsError>;

    /// Decides one login.
    fn decide(&self, request: &Request) -> Verdict;
}

/// A policy's answer to one login.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a verdict that is not returned decides nothing"]
#[expect(
    clippy::large_enum_variant,
    reason = "one lives for each decision; a policy takes its permit apart without a box"
)]
pub enum Verdict {
    /// Let the client in with this permit.
    Permit(Permit),
    /// Refuse the login. The reason is for the operator; the client learns only that it was refused.
    Deny(String),
    /// Not this policy's business: the next one in the chain decides, and the end of the chain is a
    /// refusal.
    Abstain,
}

impl Verdict {
    /// Refuses the login for `reason`: one line, lower case, without secrets.
    ///
    /// ```
    /// use portcullis_sdk::Verdict;
    ///
    /// assert_eq!(Verdict::deny("wrong password"), Verdict::Deny("wrong password".to_owned()));
    /// ```
    pub fn deny(reason: impl Into<String>) -> Self {
        Self::Deny(reason.into())
    }
}

impl From<Permit> for Verdict {
    fn from(permit: Permit) -> Self {
        Self::Permit(permit)
    }
}
