//! Keeps a permit and uses it in the next decision of the same instance.

use portcullis_sdk::prelude::*;

struct Guest;

impl Policy for Guest {
    type Settings = NoSettings;

    fn configure(_: NoSettings) -> Result<Self, SettingsError> {
        Ok(Self)
    }

    fn decide(&self, _: &Request) -> Verdict {
        Verdict::deny(kept::act())
    }
}

/// Keeps handles of the host, which exist only in the host.
#[cfg(target_arch = "wasm32")]
mod kept {
    use std::cell::RefCell;

    use portcullis_sdk::__private::bindings::portcullis::policy::permits::Permit;

    thread_local! {
        static KEPT: RefCell<Option<Permit>> = const { RefCell::new(None) };
    }

    pub(crate) fn act() -> &'static str {
        KEPT.with_borrow_mut(|kept| {
            let Some(kept) = kept else {
                *kept = Some(Permit::new("APP"));
                return "kept a permit";
            };
            let next = Permit::new("APP");
            kept.publish(&["a..b".to_owned()], &[]);
            if next.problems().is_empty() {
                "acted on the permit that was kept"
            } else {
                "acted on the permit of the next decision"
            }
        })
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod kept {
    pub(crate) const fn act() -> &'static str {
        "no host"
    }
}

export!(Guest);
