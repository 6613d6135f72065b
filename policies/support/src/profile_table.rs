//! Tables of settings that extend a profile.

/// Defines a table of settings that has the keys of a
/// [`Profile`](portcullis_sdk::profile::Profile) in addition to the given fields.
///
/// The table rejects unknown keys, and every error names its key. (serde combines neither `flatten`
/// with `deny_unknown_fields` nor with paths in errors.) The generated method `profile` returns the
/// part that is a profile. The calling crate needs `portcullis-sdk` and `serde` among its
/// dependencies.
///
/// ```
/// policy_support::profile_table! {
///     /// Permissions of the holders of a role.
///     pub struct Role {
///         /// The account.
///         pub account: Option<String>,
///     }
/// }
///
/// let role: Role = serde_json::from_str(r#"{ "account": "A", "publish": { "allow": ["a"] } }"#)?;
/// assert_eq!(role.account.as_deref(), Some("A"));
/// let permit = role.profile().add_to(portcullis_sdk::Permit::new("A"));
/// assert_eq!(permit.publish().allow, ["a"]);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[macro_export]
macro_rules! profile_table {
    ($(#[$meta:meta])* $visibility:vis struct $name:ident { $($own:tt)* }) => {
        #[derive(Clone, Debug, ::serde::Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case")]
        $(#[$meta])*
        $visibility struct $name {
            $($own)*
            /// Subjects to publish on.
            #[serde(default)]
            pub publish: ::portcullis_sdk::profile::SubjectLists,
            /// Subjects to subscribe to, optionally `subject queue`.
            #[serde(default)]
            pub subscribe: ::portcullis_sdk::profile::SubjectLists,
            /// Rights in the language of intent, in addition to the subjects above.
            pub intents: Option<Box<::portcullis_sdk::intent::Intents>>,
            /// Permission to reply to received messages.
            pub responses: Option<::portcullis_sdk::Responses>,
            /// The name of the account's signing key to sign with (operator mode).
            pub role: Option<String>,
            /// Networks that clients may connect from. Default: `None`, any. An empty list allows
            /// none.
            #[serde(default, deserialize_with = "::portcullis_sdk::restriction::optional")]
            pub sources: Option<Vec<String>>,
            /// Types of connection that clients may use. Default: `None`, any. An empty list
            /// allows none.
            #[serde(default, deserialize_with = "::portcullis_sdk::restriction::optional")]
            pub connection_types: Option<Vec<::portcullis_sdk::ConnectionType>>,
            /// Parts of every day in which clients may log in. Default: `None`, always. An empty
            /// list allows none.
            #[serde(default, deserialize_with = "::portcullis_sdk::restriction::optional")]
            pub times: Option<Vec<::portcullis_sdk::TimeRange>>,
            /// The time zone of `times`. Default: the server's own time zone.
            pub times_location: Option<String>,
            /// Whether the client must connect through a trusted proxy. Default: `false`.
            #[serde(default)]
            pub proxy_required: bool,
        }

        impl $name {
            /// Returns the part of the table that is a profile.
            $visibility fn profile(&self) -> ::portcullis_sdk::profile::Profile {
                ::portcullis_sdk::profile::Profile {
                    publish: self.publish.clone(),
                    subscribe: self.subscribe.clone(),
                    intents: self.intents.clone(),
                    responses: self.responses,
                    role: self.role.clone(),
                    sources: self.sources.clone(),
                    connection_types: self.connection_types.clone(),
                    times: self.times.clone(),
                    times_location: self.times_location.clone(),
                    proxy_required: self.proxy_required,
                }
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use portcullis_sdk::Permit;
    use portcullis_sdk::profile::Profile;

    const EVERYTHING: &str = r#"{
        "publish": { "allow": ["a"], "deny": ["b"] },
        "subscribe": { "allow": ["c q"], "deny": ["d"] },
        "intents": { "request": ["e"] },
        "responses": { "max": 3, "ttl": "5s" },
        "role": "reader",
        "sources": ["10.0.0.0/8"],
        "connection-types": ["STANDARD"],
        "times": [{ "start": "08:00:00", "end": "18:00:00" }],
        "times-location": "UTC",
        "proxy-required": true
    }"#;

    profile_table! {
        /// A role.
        struct Role {
            /// The account.
            account: String,
        }
    }

    #[test]
    fn a_table_has_a_whole_profile_in_it() {
        let json = EVERYTHING.replacen('{', r#"{ "account": "X", "#, 1);
        let role: Role = serde_json::from_str(&json).unwrap();
        assert_eq!(role.account, "X");
        let profile: Profile = serde_json::from_str(EVERYTHING).unwrap();
        let permit = role.profile().add_to(Permit::new("APP"));
        assert_eq!(permit, profile.add_to(Permit::new("APP")));
        assert_eq!(permit.problems(), [""; 0]);
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        let error = serde_json::from_str::<Role>(r#"{ "acount": "X" }"#).unwrap_err();
        let error = error.to_string();
        assert!(
            error.starts_with("unknown field `acount`, expected one of `account`, `publish`, "),
            "{error}"
        );
    }
}
