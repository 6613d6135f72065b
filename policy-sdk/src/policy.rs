//! The trait that a policy implements, and the verdicts it returns.

use std::fmt::Display;

use serde::de::DeserializeOwned;

use crate::{Permit, Request, SettingsDoc, SettingsError};

/// A policy: created once from its settings, then called for every login.
///
/// Export the implementing type to the host with [`export!`](crate::export).
///
/// # State
///
/// [`configure`](Self::configure) runs once when the host loads the policy. The host keeps the
/// resulting memory, and every decision starts from that memory in an instance of its own. A
/// decision sees neither the changes nor the secrets of another decision. The host discards
/// everything that `decide` writes.
///
/// # Panics
///
/// A panic in `decide` ends only that decision, and the host denies the login. The message appears
/// in the operator's log first, with file and line.
///
/// # Example
///
/// ```
/// use portcullis_sdk::prelude::*;
///
/// /// Permits every login, to receive the weather.
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
///         Permit::new(&self.account).allow_subscribe(["weather.>"]).into()
///     }
/// }
///
/// export!(Weather);
///
/// let weather: Weather = portcullis_sdk::testing::configure(r#"{ "account": "PUBLIC" }"#)?;
/// let verdict = weather.decide(&Request::builder().build());
/// assert_eq!(verdict, Permit::new("PUBLIC").allow_subscribe(["weather.>"]).into());
/// # Ok::<(), SettingsError>(())
/// ```
pub trait Policy: Sized + 'static {
    /// The `[settings]` table of the policy's settings file; [`NoSettings`](crate::NoSettings) if
    /// the policy has none. Add `#[serde(deny_unknown_fields)]`, so that a misspelt key is an
    /// error.
    type Settings: DeserializeOwned;

    /// Creates the policy from its settings.
    ///
    /// # Errors
    ///
    /// Fails if the settings are invalid; the error says what is wrong, and where. The host then
    /// rejects the policy, and an older version keeps serving.
    fn configure(settings: Self::Settings) -> Result<Self, SettingsError>;

    /// Describes the keys of the settings, for the schema that `portcullis inspect` shows and that
    /// editors complete from. Default: no descriptions.
    fn describe() -> SettingsDoc {
        SettingsDoc::default()
    }

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
    /// A permit for the login.
    Permit(Permit),
    /// A denial of the login. The reason is for the operator; the client learns only that the login
    /// was denied.
    Deny(String),
    /// An abstention: the next policy in the chain decides. The host denies a login that every
    /// policy abstains from.
    Abstain,
}

impl Verdict {
    /// Denies the login for `reason`, a text or an error: one line, lower case, without secrets.
    ///
    /// ```
    /// use portcullis_sdk::{Verdict, check_hash};
    ///
    /// assert_eq!(Verdict::deny("wrong password"), Verdict::Deny("wrong password".to_owned()));
    /// let Err(error) = check_hash("hunter2") else { unreachable!() };
    /// assert_eq!(Verdict::deny(&error), Verdict::Deny(error.to_string()));
    /// ```
    pub fn deny(reason: impl Display) -> Self {
        Self::Deny(reason.to_string())
    }
}

impl From<Permit> for Verdict {
    fn from(permit: Permit) -> Self {
        Self::Permit(permit)
    }
}
