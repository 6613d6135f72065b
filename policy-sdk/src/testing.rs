//! Helpers for native tests of a policy. They exist outside wasm32 only.
//!
//! A policy's logic is plain Rust. [`configure`] creates the policy from JSON settings, and
//! [`RequestBuilder`] creates a login. [`Policy::decide`] returns a [`Verdict`](crate::Verdict),
//! which a test can compare.
//!
//! These fakes stand in for the host. They compute no password hash, and enforce no limit on time
//! or memory. `portcullis check` tests the compiled module with the real host.

mod builder;

pub use builder::RequestBuilder;

pub use crate::log::lines::{Line, take_log};
use crate::{Policy, SettingsError, settings};

/// Creates a policy from its settings in JSON, as the host does.
///
/// # Errors
///
/// Fails if the JSON or the policy's own checks reject the settings.
///
/// # Example
///
/// ```
/// use portcullis_sdk::{NoSettings, Policy, Request, SettingsError, Verdict, testing};
///
/// #[derive(Debug)]
/// struct Closed;
///
/// impl Policy for Closed {
///     type Settings = NoSettings;
///
///     fn configure(_: NoSettings) -> Result<Self, SettingsError> {
///         Ok(Self)
///     }
///
///     fn decide(&self, _: &Request) -> Verdict {
///         Verdict::deny("closed")
///     }
/// }
///
/// assert!(testing::configure::<Closed>("{}").is_ok());
/// let error = testing::configure::<Closed>(r#"{ "open": true }"#).unwrap_err();
/// assert_eq!(error.to_string(), "open: unknown field `open`, there are no fields");
/// ```
pub fn configure<P: Policy>(json: &str) -> Result<P, SettingsError> {
    settings::parse(json).and_then(P::configure)
}

/// Returns the JSON Schema of a policy's settings, which `portcullis inspect` reads from the
/// compiled module.
///
/// # Example
///
/// ```
/// use portcullis_sdk::prelude::*;
/// use portcullis_sdk::testing;
///
/// #[derive(serde::Deserialize)]
/// #[serde(deny_unknown_fields)]
/// struct Settings {
///     account: String,
/// }
///
/// struct Everyone(String);
///
/// impl Policy for Everyone {
///     type Settings = Settings;
///
///     fn configure(settings: Settings) -> Result<Self, SettingsError> {
///         Ok(Self(settings.account))
///     }
///
///     fn decide(&self, _: &Request) -> Verdict {
///         Permit::new(&self.0).into()
///     }
/// }
///
/// let schema = testing::settings_schema::<Everyone>();
/// assert!(schema.contains(r#""account":{"type":"string"}"#), "{schema}");
/// assert!(schema.contains(r#""required":["account"]"#), "{schema}");
/// ```
pub fn settings_schema<P: Policy>() -> String {
    settings::schema::<P::Settings>(&P::describe())
}
