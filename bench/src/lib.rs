//! The code that the benchmark programs share.
//!
//! # Layout
//!
//! - [`Work`] and [`in_turns`]: measurement of several works in turns; [`Spread`]: the result of
//!   one of them.
//! - [`CLAIMS`] and [`GROUPS`]: the content of the token in every comparison.
//! - [`texts`]: the policy texts of every comparison in Cedar and Rego.
//! - [`elsewhere`]: works that another process runs.
//! - [`floor`]: the cryptography of a login, which the other works are compared with.
//! - [`Arguments`], [`json_file`]: the command line.
//! - [`Row`], [`Figure`] and [`write_json`]: results with bars; [`table`]: a table for readers;
//!   [`conclude`]: both.
//! - `Issuer`, behind the feature `issuer`: an identity provider without a network.
//! - Behind the feature `servers`: `Contender`, our host or a third-party service, for comparisons;
//!   `Comparison`, their results; `Flood`, many requests by hand, and the cost of a decision.

mod arguments;
mod claims;
#[cfg(feature = "servers")]
mod comparison;
#[cfg(feature = "servers")]
mod contender;
pub mod elsewhere;
#[cfg(feature = "servers")]
mod flood;
pub mod floor;
#[cfg(feature = "issuer")]
mod issuer;
mod report;
pub mod texts;
mod turns;

pub use arguments::{Arguments, json_file};
pub use claims::{CLAIMS, GROUPS};
#[cfg(feature = "servers")]
pub use comparison::{ComparedRows, Comparison, Metric, Round, percentile};
#[cfg(feature = "servers")]
pub use contender::{CalloutGo, Conditions, Contender, Peer};
#[cfg(feature = "servers")]
pub use flood::{Flood, Flooded, Questions};
#[cfg(feature = "issuer")]
pub use issuer::Issuer;
pub use report::{Figure, Row, conclude, print, table, write_json};
pub use turns::{Spread, Work, in_turns};
