//! The macro that exports a policy to the host.

/// Exports a policy to the host: one line at the end of the crate, for one type that implements
/// [`Policy`](crate::Policy).
///
/// Outside wasm32, the macro only checks that the type is a policy. The same crate therefore
/// compiles for `cargo test`.
///
/// # Example
///
/// ```
/// use portcullis_sdk::prelude::*;
///
/// struct Nobody;
///
/// impl Policy for Nobody {
///     type Settings = NoSettings;
///
///     fn configure(_: NoSettings) -> Result<Self, SettingsError> {
///         Ok(Self)
///     }
///
///     fn decide(&self, _: &Request) -> Verdict {
///         Verdict::deny("closed for maintenance")
///     }
/// }
///
/// export!(Nobody);
/// ```
#[macro_export]
macro_rules! export {
    ($policy:ty) => {
        const _: fn(
            <$policy as $crate::Policy>::Settings,
        ) -> Result<$policy, $crate::SettingsError> = <$policy as $crate::Policy>::configure;

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            ::std::thread_local! {
                static POLICY: $crate::__private::Slot<$policy> =
                    const { $crate::__private::Slot::empty() };
            }

            // A name that no policy uses: `$policy` is resolved in this scope too.
            struct __PortcullisGuest;

            impl $crate::__private::decider::Guest for __PortcullisGuest {
                fn configure(settings: String) -> Result<(), String> {
                    POLICY.with(|slot| slot.configure_from_host(settings))
                }

                fn decide() -> $crate::__private::decider::Verdict {
                    POLICY.with($crate::__private::Slot::decide_for_host)
                }
            }

            impl $crate::__private::description::Guest for __PortcullisGuest {
                fn settings_schema() -> String {
                    $crate::__private::Slot::<$policy>::settings_schema()
                }
            }

            $crate::__private::export_bindings!(
                __PortcullisGuest with_types_in $crate::__private::bindings
            );
        };
    };
}
