//! A reader of TOML files that people write.
//!
//! The reader reports all problems of a file at once, each with its line. It suggests a key for
//! each unknown one, and reads durations, sizes and other kinds of values with their units. It
//! knows no key by name.
//!
//! # Layout
//!
//! - [`Document`]: a file and its problems so far; [`Table`]: its content.
//! - [`Section`]: a table of the file; [`Setting`]: a value.
//! - [`Kind`]: a parser of values, with its description; [`kinds`]: those with units;
//!   [`InvalidValue`]: a reason why a text is not a value.
//! - [`Keyed`]: a value with the key that names it, such as the place of a secret.
//! - [`to_json`]: a value as JSON. [`make_json`]: values that JSON has.
//! - [`Problem`], [`Problems`], [`Checked`]: the results.
//! - [`Complaint`]: the same words for a problem that serde has with a value, of TOML or JSON.
//! - [`Document::schema`]: the JSON Schema of the files that a reader accepts.
//! - [`nearest`]: the suggestion for an unknown key. [`words`]: those for kinds of values.
//!   [`text`]: escapes for terminals.
//!
//! # Example
//!
//! ```
//! use std::path::Path;
//! use std::time::Duration;
//!
//! use portcullis_toml::{Document, kinds};
//!
//! let document = Document::new(Path::new("queue.toml"), "timeot = \"5s\"\n");
//! let table = document.parse().unwrap();
//! let mut root = document.root(&table);
//! let timeout = root.value("timeout", &kinds::DURATION, Duration::from_secs(1));
//! root.finish();
//! assert_eq!(timeout, Some(Duration::from_secs(1)));
//! let problems = document.into_problems();
//! assert_eq!(
//!     problems[0].to_string(),
//!     "queue.toml:1: timeot: unknown key, did you mean `timeout`?"
//! );
//! ```

mod changes;
mod complaint;
mod document;
mod invalid;
mod json;
mod kind;
pub mod kinds;
mod path;
mod problem;
mod schema;
mod section;
mod setting;
mod suggestion;
pub mod text;
pub mod words;

pub use changes::changed_keys;
pub use complaint::{Complaint, complaint};
pub use document::{Document, Table};
pub use invalid::InvalidValue;
pub use json::{NotJson, make_json, to_json};
pub use kind::{Keyed, Kind};
pub use problem::{Checked, Problem, Problems, Severity};
pub use section::{Read, Section};
pub use setting::Setting;
pub use suggestion::nearest;
