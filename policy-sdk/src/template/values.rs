//! What stands in the places.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::escape::escaped;
use super::parse::CLAIM;
use crate::Request;

/// The values of one login. Each is asked for once, and only if a template has a place for it.
#[derive(Debug)]
pub struct Values<'request> {
    request: &'request Request,
    known: RefCell<BTreeMap<String, Vec<String>>>,
}

impl<'request> Values<'request> {
    /// The values of `request`.
    pub const fn of(request: &'request Request) -> Self {
        Self {
            request,
            known: RefCell::new(BTreeMap::new()),
        }
    }

    /// With a value of the policy's own. It comes before one of the login's that has the same name.
    #[must_use]
    pub fn with(self, name: impl Into<String>, value: &str) -> Self {
        self.known
            .borrow_mut()
            .insert(name.into(), written([value.to_owned()]));
        self
    }

    /// The values of a place as they are written in subjects; none if it has none.
    pub(super) fn escaped(&self, name: &str) -> Vec<String> {
        if let Some(known) = self.known.borrow().get(name) {
            return known.clone();
        }
        let found = written(self.ask(name));
        self.known
            .borrow_mut()
            .insert(name.to_owned(), found.clone());
        found
    }

    fn ask(&self, name: &str) -> Vec<String> {
        let one = |value: Option<String>| value.into_iter().collect();
        match (name, name.strip_prefix(CLAIM)) {
            (_, Some(path)) => self.request.claim(path),
            ("principal", _) => one(self.request.principal()),
            ("username", _) => one(self.request.username()),
            ("issuer", _) => one(self.request.issuer()),
            ("nkey", _) => one(self.request.nkey()),
            ("groups", _) => self.request.groups(),
            _ => Vec::new(),
        }
    }
}

fn written(values: impl IntoIterator<Item = String>) -> Vec<String> {
    let values = values.into_iter().filter(|value| !value.is_empty());
    values.map(|value| escaped(&value)).collect()
}
