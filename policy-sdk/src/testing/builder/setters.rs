//! The macro that defines methods of the builder.

/// Defines methods that each set one fact, with an example of each.
///
/// `setter(given) => part.field: form; read, expected` sets `field`. A request that is built with
/// `given` answers `expected` to `read`. The form is `text`, `optional` (a text that a login may
/// lack), `list`, or `value` with a type. `verified` and `verified_list` mark a certificate as
/// verified too.
macro_rules! setters {
    ($(
        $(#[$doc:meta])*
        $setter:ident $given:tt => $part:ident.$field:ident: $form:ident $(($type:ty))?;
        $read:expr, $expected:expr;
    )*) => {
        $(
            setters! {
                @$form $(($type))?
                $setter $part $field
                [
                    $(#[$doc])*
                    ///
                    /// ```
                    /// # use portcullis_sdk::*;
                    #[doc = concat!(
                        "let request = Request::builder().", stringify!($setter), stringify!($given), ".build();"
                    )]
                    #[doc = concat!("assert_eq!(", stringify!($read), ", ", stringify!($expected), ");")]
                    /// ```
                ]
            }
        )*
    };
    (@text $setter:ident $part:ident $field:ident [$($doc:tt)*]) => {
        $($doc)*
        pub fn $setter(mut self, value: impl Into<String>) -> Self {
            self.facts.$part.$field = value.into();
            self
        }
    };
    (@optional $setter:ident $part:ident $field:ident [$($doc:tt)*]) => {
        $($doc)*
        pub fn $setter(mut self, value: impl Into<String>) -> Self {
            self.facts.$part.$field = Some(value.into());
            self
        }
    };
    (@verified $setter:ident $part:ident $field:ident [$($doc:tt)*]) => {
        $($doc)*
        pub fn $setter(mut self, value: impl Into<String>) -> Self {
            self.facts.$part.verified = true;
            self.facts.$part.$field = Some(value.into());
            self
        }
    };
    (@verified_list $setter:ident $part:ident $field:ident [$($doc:tt)*]) => {
        $($doc)*
        pub fn $setter(mut self, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
            self.facts.$part.verified = true;
            self.facts.$part.$field.extend(values.into_iter().map(Into::into));
            self
        }
    };
    (@list $setter:ident $part:ident $field:ident [$($doc:tt)*]) => {
        $($doc)*
        pub fn $setter(mut self, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
            self.facts.$part.$field.extend(values.into_iter().map(Into::into));
            self
        }
    };
    (@value ($type:ty) $setter:ident $part:ident $field:ident [$($doc:tt)*]) => {
        $($doc)*
        pub fn $setter(mut self, value: $type) -> Self {
            self.facts.$part.$field = value.into();
            self
        }
    };
}
pub(super) use setters;
