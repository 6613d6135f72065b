//! The server's verdict on a response, by mode and version.

mod accepted;
mod blank;
mod claims;
mod delivery;
mod mode;
mod preflight;
mod refusal;
mod template;
mod times;
mod user_checks;
mod verdict;
mod version;

pub use accepted::{Accepted, EffectivePermissions, ServerVerdict};
pub use delivery::deny_filter;
pub use mode::{
    AccountView, LoginFacts, OperatorView, RoleTemplate, ScopeView, ServerMode, SigningKeyView,
};
pub use preflight::{Expectations, preflight, preflight_for};
pub use refusal::{Part, PermissionSide, Refusal};
pub use template::TemplateProblem;
pub use times::{is_time_of_day, is_time_zone, login_ends};
pub use user_checks::is_network;
pub use verdict::server_verdict;
pub use version::{CalloutAccountDenies, InvalidServerVersion, ServerVersion};

#[cfg(test)]
mod tests;
