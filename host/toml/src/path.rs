//! Positions of tables in their file.

use std::fmt;

use crate::schema::Step;

/// Maximum depth of nested tables.
const DEPTH: usize = 6;
/// Stands for any name in a schema.
const NAMED: &str = "*";

/// The names of the tables around a table, followed by its own, as in `operator.accounts.APP`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TablePath<'a> {
    /// Names from the outermost on. Unused places are empty.
    names: [&'a str; DEPTH],
}

impl<'a> TablePath<'a> {
    /// Path of the table of the whole file.
    pub(crate) const ROOT: Self = Self { names: [""; DEPTH] };

    /// Returns the path of the table `name` in this one.
    pub(crate) fn child(mut self, name: &'a str) -> Self {
        if let Some(free) = self.names.iter_mut().find(|name| name.is_empty()) {
            *free = name;
        }
        self
    }

    /// Returns the path of a table with a name that the user chose, in this one.
    pub(crate) fn named(self) -> Self {
        self.child(NAMED)
    }

    /// Returns the steps from the table of the whole file to this one.
    pub(crate) fn steps(self) -> impl Iterator<Item = Step<'a>> {
        let names = self.names.into_iter().filter(|name| !name.is_empty());
        names.map(|name| match name {
            NAMED => Step::Named,
            key => Step::Key(key),
        })
    }

    /// Returns the full name of a key in this table.
    pub(crate) fn key(self, name: &str) -> String {
        let mut key = self.to_string();
        if !key.is_empty() {
            key.push('.');
        }
        key.push_str(&quoted(name));
        key
    }
}

impl fmt::Display for TablePath<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.names.iter().filter(|name| !name.is_empty());
        for (index, name) in names.enumerate() {
            let dot = if index == 0 { "" } else { "." };
            write!(formatter, "{dot}{}", quoted(name))?;
        }
        Ok(())
    }
}

/// Returns a key in TOML syntax.
fn quoted(name: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !name.is_empty() && name.bytes().all(bare) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.escape_debug())
    }
}
