//! The rules for a permit: what the host refuses to sign, and in which words.
//!
//! The host and the policy SDK both depend on this crate. The host builds each permit with
//! [`PermitBuilder`]. Natively, in the tests of a policy, the SDK holds a permit to the same
//! builder. So a permit that passes there passes in the host.
//!
//! # Layout
//!
//! - [`PermitBuilder`]: applies the rules and counts; [`Draft`]: stores the accepted [`Part`]s.
//! - [`PermitProblem`]: a reason why a permit cannot be signed, in the host's words.
//! - [`subject`]: subjects of permissions, and texts inside them.
//! - [`ConnectionType`], [`TimeRange`], [`SourceNetwork`]: the bounds of a login.
//! - [`AccountLimit`]: a limit of an account that the host signs on request.
//! - [`limits`]: how much one permit can carry.
//!
//! This crate depends on nothing, does no I/O and reads no clock.

mod account_limit;
mod attribute;
mod builder;
mod connection;
mod draft;
pub mod limits;
mod problem;
mod source;
pub mod subject;
mod text;
mod times;

pub use account_limit::{AccountLimit, InvalidAccountLimit};
pub use builder::PermitBuilder;
pub use connection::{ConnectionType, InvalidConnectionType};
pub use draft::{Draft, Part, Whole};
pub use problem::{Limit, PermitProblem};
pub use source::{InvalidSourceNetwork, SourceNetwork};
pub use text::{is_account_name, is_blank, shown};
pub use times::{InvalidTimeRange, TimeOfDay, TimeRange};
