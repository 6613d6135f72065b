//! Finding the shape of a type: what its `Deserialize` asks of values.
//!
//! A type reads values that lead to one [`Node::Probe`]. The probe records which kind of value the
//! type asks for at that place, and ends the attempt. One attempt for each key of each table gives
//! the whole shape. So the shape is that of the code that reads the settings.

use std::cell::RefCell;

use serde::de::{Error, Expected};

use super::located::Located;
use super::node::Node;
use super::place::take_ignored;
use super::shape::{Entry, Kind, Shape};

/// Maximum depth of a shape. Settings of people have fewer than ten levels.
const MAX_DEPTH: usize = 32;
/// Maximum number of attempts. The settings of the largest policy in the repository take 200.
const MAX_ATTEMPTS: usize = 10_000;
/// A key that a table with names has.
const ANY_KEY: &str = "x";
/// A key that no table knows.
const UNKNOWN_KEY: &str = " ";

/// A kind of value that a type asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// Any value: the type decides by what it finds.
    Any,
    Bool,
    Integer,
    /// An integer that is not negative.
    Natural,
    Number,
    Text,
    List,
    Map,
    /// No value: the type ignores it, or has none.
    Nothing,
    Table {
        name: &'static str,
        keys: &'static [&'static str],
    },
    Choice {
        name: &'static str,
        variants: &'static [&'static str],
    },
}

/// A question to the probe.
struct Question {
    asked: Asked,
    /// The expected value, in the type's own words.
    expected: String,
}

thread_local! {
    /// The question to the probe in the present attempt.
    static QUESTION: RefCell<Option<Question>> = const { RefCell::new(None) };
}

/// Records a question to the probe. Returns the error that ends the attempt.
// Each type that reads settings calls it, so an inlined copy for each would enlarge a policy.
#[cold]
#[inline(never)]
pub(super) fn record(asked: &Asked, expected: &dyn Expected) -> Located {
    let expected = expected.to_string();
    QUESTION.set(Some(Question {
        asked: *asked,
        expected,
    }));
    Located::custom("a probe")
}

/// Returns the shape of the type that `read` reads.
pub(super) fn shape(read: fn(Node) -> Option<Located>) -> Shape {
    let mut explorer = Explorer {
        read,
        path: Vec::new(),
        open: Vec::new(),
        attempts: 0,
    };
    let shape = explorer.shape();
    // An attempt may leave values unread, which is no warning about settings.
    take_ignored();
    shape
}

/// A step from a value to one inside it.
#[derive(Clone, Copy)]
enum Place {
    Key(&'static str),
    /// An element of a list.
    Item,
}

/// A walk through the values inside a type.
struct Explorer {
    /// Reads a value, and returns the error.
    read: fn(Node) -> Option<Located>,
    /// The way to the present value.
    path: Vec<Place>,
    /// The tables and choices around the present value, by which recursive types are recognised.
    open: Vec<Asked>,
    attempts: usize,
}

impl Explorer {
    /// Returns the shape of the present value.
    fn shape(&mut self) -> Shape {
        let Some(Question { asked, expected }) = self.ask(Node::Probe) else {
            return Shape::default();
        };
        if self.path.len() >= MAX_DEPTH || self.open.contains(&asked) {
            return Shape::default();
        }
        let kind = match asked {
            Asked::Any | Asked::Nothing => Kind::Any,
            Asked::Bool => Kind::Bool,
            Asked::Integer => Kind::Integer,
            Asked::Natural => Kind::Natural,
            Asked::Number => Kind::Number,
            Asked::Text => Kind::Text,
            Asked::List => Kind::List(Box::new(self.at(Place::Item))),
            Asked::Map => Kind::Map(Box::new(self.at(Place::Key(ANY_KEY)))),
            Asked::Table { keys, .. } => self.inside(asked, |explorer| explorer.table(keys)),
            Asked::Choice { variants, .. } => {
                self.inside(asked, |explorer| explorer.choice(variants))
            }
        };
        Shape { kind, expected }
    }

    /// Finds what is inside a table or a choice.
    fn inside(&mut self, around: Asked, find: impl FnOnce(&mut Self) -> Kind) -> Kind {
        self.open.push(around);
        let kind = find(self);
        self.open.pop();
        kind
    }

    /// Returns the shape of the value at a place in the present one.
    fn at(&mut self, place: Place) -> Shape {
        self.path.push(place);
        let shape = self.shape();
        self.path.pop();
        shape
    }

    fn table(&mut self, keys: &'static [&'static str]) -> Kind {
        let mut entries: Vec<_> = keys
            .iter()
            .map(|key| Entry {
                key,
                shape: self.at(Place::Key(key)),
                is_required: false,
            })
            .collect();
        // A type without `deny_unknown_fields` ignores the value.
        let is_open = self
            .ask(table([(UNKNOWN_KEY, Node::Probe)]))
            .is_some_and(|question| question.asked == Asked::Nothing);
        while let Some(missing) = self.missing(&entries) {
            let entry = entries.iter_mut().find(|entry| entry.key == missing);
            match entry {
                Some(entry) if !entry.is_required => entry.is_required = true,
                _ => break,
            }
        }
        Kind::Table { entries, is_open }
    }

    /// Returns a key that the present table misses if it has only those found to be required.
    ///
    /// `None` also if a made-up value for one of these is refused, by a check of the type's own.
    /// The keys after it then count as optional.
    fn missing(&mut self, entries: &[Entry]) -> Option<&'static str> {
        let required = entries.iter().filter(|entry| entry.is_required);
        let given: Vec<_> = required
            .map(|entry| (entry.key.to_owned(), entry.shape.sample()))
            .collect();
        self.attempt(Node::Table(given))?
            .missing_at(self.path.len())
    }

    fn choice(&mut self, variants: &'static [&'static str]) -> Kind {
        let mut names = Vec::new();
        let mut tables = Vec::new();
        for name in variants {
            let question = self.ask(table([(name, Node::Probe)]));
            if question.is_none_or(|question| question.asked == Asked::Nothing) {
                names.push(*name);
            } else {
                tables.push((*name, self.at(Place::Key(name))));
            }
        }
        Kind::Choice { names, tables }
    }

    /// Reads the present value as `value`, and returns the question to the probe in it.
    fn ask(&mut self, value: Node) -> Option<Question> {
        QUESTION.set(None);
        self.attempt(value);
        QUESTION.take()
    }

    /// Reads the present value as `value`. Returns the error.
    fn attempt(&mut self, value: Node) -> Option<Located> {
        if self.attempts >= MAX_ATTEMPTS {
            return None;
        }
        self.attempts = self.attempts.saturating_add(1);
        let places = self.path.iter().rev();
        let whole = places.fold(value, |inner, place| match place {
            Place::Key(key) => table([(key, inner)]),
            Place::Item => Node::List(vec![inner]),
        });
        (self.read)(whole)
    }
}

fn table<const N: usize>(entries: [(&str, Node); N]) -> Node {
    let entries = entries.into_iter();
    Node::Table(
        entries
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    )
}

#[cfg(test)]
mod tests;
