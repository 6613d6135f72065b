//! Permits the users who are not in a bucket. Needs the grant.

use portcullis_sdk::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Settings {
    bucket: String,
    /// The key to look up. Default: the user name.
    key: Option<String>,
    /// The number of different keys to look up before. Default: 0.
    #[serde(default)]
    before: usize,
    /// Whether to look up a key in `configure`. Default: `false`.
    #[serde(default)]
    too_early: bool,
}

struct Guest(Settings);

impl Policy for Guest {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, SettingsError> {
        if settings.too_early {
            // No request exists yet, so the SDK offers no call for this.
            #[cfg(target_arch = "wasm32")]
            let _ =
                portcullis_sdk::__private::bindings::portcullis::policy::key_value::get("a", "b");
        }
        Ok(Self(settings))
    }

    fn decide(&self, request: &Request) -> Verdict {
        let Settings { bucket, key, .. } = &self.0;
        for number in 0..self.0.before {
            if let Err(error) = request.key_value(bucket, &number.to_string()) {
                return Verdict::deny(error);
            }
        }
        let name = key.clone().or_else(|| request.username());
        match request.key_value(bucket, &name.unwrap_or_default()) {
            Ok(None) => Permit::new("APP")
                .allow_publish([">"])
                .allow_subscribe([">"])
                .into(),
            Ok(Some(reason)) => Verdict::deny(format!("revoked: {reason}")),
            Err(error) => Verdict::deny(format!("cannot look up: {error}")),
        }
    }
}

export!(Guest);
