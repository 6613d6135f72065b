//! Rarely used permit attributes, set by name.

use crate::{AccountLimit, Draft, Limit, PermitBuilder, PermitProblem, shown};

/// The number of values that an attribute accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Values {
    None,
    One,
    Some,
}

impl Values {
    const fn allows(self, count: usize) -> bool {
        match self {
            Self::None => count == 0,
            Self::One => count == 1,
            Self::Some => count > 0,
        }
    }

    const fn expected(self) -> &'static str {
        match self {
            Self::None => "no value",
            Self::One => "one value",
            // An attribute without a value would limit nothing, which is certainly a mistake.
            Self::Some => "at least one value",
        }
    }
}

impl<D: Draft> PermitBuilder<D> {
    /// Adds the attribute `name` of the contract with policies (`permit.attribute`).
    ///
    /// An unknown name is a [`PermitProblem`], and so is a number of values that the attribute does
    /// not accept.
    pub fn attribute(&mut self, name: &str, values: &[String]) {
        match name {
            "role" => self.each(name, Values::One, values, Self::role),
            "tag" => self.each(name, Values::Some, values, Self::tag),
            "source" => self.each(name, Values::Some, values, Self::source_allow),
            "connection-type" => {
                self.each(name, Values::Some, values, Self::connection_type_allow);
            }
            "time" => self.each(name, Values::Some, values, Self::time_text),
            "times-location" => self.each(name, Values::One, values, Self::times_location),
            "proxy-required" => {
                self.each(name, Values::None, values, |_, _| ());
                self.proxy_required();
            }
            "subscriptions" => self.each(name, Values::One, values, |permit, value| {
                permit.limit_text(Limit::Subscriptions, value);
            }),
            "payload" => self.each(name, Values::One, values, |permit, value| {
                permit.limit_text(Limit::Payload, value);
            }),
            "account-limit" => {
                self.each(name, Values::Some, values, Self::limit_account_text);
            }
            "data" => self.limit_data(0),
            _ => {
                self.problem(PermitProblem::UnknownAttribute(shown(name)));
            }
        }
    }

    fn time_text(&mut self, range: &str) {
        match range.parse() {
            Ok(range) => self.time_range(range),
            Err(source) => self.problem(PermitProblem::Time(source)),
        }
    }

    fn limit_text(&mut self, limit: Limit, text: &str) {
        match text.parse() {
            Ok(value) => self.limit(limit, value),
            Err(_) => self.limit_problem(limit, &shown(text)),
        }
    }

    fn limit_account_text(&mut self, text: &str) {
        match AccountLimit::read(text) {
            Ok((limit, value)) => self.limit_account(limit, value),
            Err(source) => self.problem(PermitProblem::AccountLimit(source)),
        }
    }

    fn each(&mut self, name: &str, takes: Values, values: &[String], add: fn(&mut Self, &str)) {
        if takes.allows(values.len()) {
            for value in values {
                add(self, value);
            }
        } else {
            self.problem(PermitProblem::AttributeValues {
                name: name.to_owned(),
                expected: takes.expected(),
                found: values.len(),
            });
        }
    }
}
