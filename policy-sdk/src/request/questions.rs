//! The macro of methods that each query the host for one fact.

/// Defines methods that each query the host for one fact. In a native test they read the field of
/// the same name.
///
/// `fact -> Answer => [given] read, expected` documents a method with an example: a request that is
/// built with `given` answers `expected` to `read`. `= path` after the answer's type converts the
/// host's text.
macro_rules! questions {
    ($interface:ident: $(
        $(#[$doc:meta])*
        $fact:ident -> $answer:ty $(= $from:path)? => [$($given:tt)*] $read:expr, $expected:expr;
    )*) => {
        $(
            $(#[$doc])*
            ///
            /// ```
            /// # use portcullis_sdk::*;
            #[doc = concat!("let request = Request::builder().", stringify!($($given)*), ".build();")]
            #[doc = concat!("assert_eq!(", stringify!($read), ", ", stringify!($expected), ");")]
            /// ```
            pub fn $fact(&self) -> $answer {
                #[cfg(target_arch = "wasm32")]
                {
                    let crate::request::Facts = self.facts;
                    crate::host::$interface::$fact()$(.map($from))?
                }
                #[cfg(not(target_arch = "wasm32"))]
                {
                    self.facts
                        .asked(concat!(stringify!($interface), ".", stringify!($fact)));
                    self.facts.$interface.$fact.clone()
                }
            }
        )*
    };
}
pub(super) use questions;
