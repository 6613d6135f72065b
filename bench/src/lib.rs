//! What the benchmark programs share.
//!
//! # Layout
//!
//! - [`Work`] and [`in_turns`]: measuring several things side by side; [`Spread`]: what one of them takes.
//! - [`CLAIMS`] and [`GROUPS`]: what the token says in every comparison.
//! - `Issuer`, behind the feature `issuer`: an identity provider without a network.
//! - [`elsewhere`]: things to measure that live in another process.
//! - [`floor`]: the cryptography of a login, which everything is told beside.
//! - [`processor_time`]: what a process has used of the processors.
//! - [`json_file`]: the command line of most of them.
//! - [`Row`], [`Figure`] and [`write_json`]: results with bars; [`table`]: what people read; [`conclude`]: both.

mod arguments;
mod claims;
pub mod elsewhere;
pub mod floor;
#[cfg(feature = "issuer")]
mod issuer;
mod processor;
mod report;
mod turns;

pub use arguments::json_file;
pub use claims::{CLAIMS, GROUPS};
#[cfg(feature = "issuer")]
pub use issuer::Issuer;
pub use processor::processor_time;
pub use report::{Figure, Row, conclude, print, table, write_json};
pub use turns::{Spread, Work, in_turns};
