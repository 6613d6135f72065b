//! The code that the benchmark programs share.
//!
//! # Layout
//!
//! - [`Work`] and [`in_turns`]: measurement of several works in turns; [`Spread`]: the result of
//!   one of them.
//! - [`CLAIMS`] and [`GROUPS`]: the content of the token in every comparison.
//! - `Issuer`, behind the feature `issuer`: an identity provider without a network.
//! - [`elsewhere`]: works that another process runs.
//! - [`floor`]: the cryptography of a login, which the other works are compared with.
//! - [`processor_time`]: the processor time of a process.
//! - [`json_file`]: the command line of most programs.
//! - [`Row`], [`Figure`] and [`write_json`]: results with bars; [`table`]: a table for readers;
//!   [`conclude`]: both.

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
