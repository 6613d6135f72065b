//! Patterns of names.

/// A pattern of a name that has parts with separators between: `spiffe://prod.example/ns/*/sa/api`.
///
/// `*` stands for at least one character inside a part, and may have text on either side of it; `**` as the last part stands for all parts that
/// are left, at least one. Everything else stands for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    separator: char,
    parts: Vec<Part>,
    /// Whether `**` is at the end.
    is_open: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Exactly(String),
    /// What is before and behind the `*`.
    Around(String, String),
}

impl Pattern {
    /// Reads a pattern of names whose parts have `separator` between.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(text: &str, separator: char) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err("it is empty");
        }
        let suffix = format!("{separator}**");
        let (closed, is_open) = match text.strip_suffix(suffix.as_str()) {
            Some(closed) => (closed, true),
            None => (text, false),
        };
        let parts = closed.split(separator).map(Part::parse);
        Ok(Self {
            separator,
            parts: parts.collect::<Result<_, _>>()?,
            is_open,
        })
    }

    /// What the wildcards stand for if `name` fits, in their order.
    pub fn captures<'name>(&self, name: &'name str) -> Option<Vec<&'name str>> {
        let mut captures = Vec::new();
        let mut rest = Some(name);
        for part in &self.parts {
            let (found, behind) = match rest?.split_once(self.separator) {
                Some((found, behind)) => (found, Some(behind)),
                None => (rest?, None),
            };
            part.capture(found, &mut captures)?;
            rest = behind;
        }
        match (self.is_open, rest) {
            (false, None) => Some(captures),
            (true, Some(rest)) if !rest.is_empty() => {
                captures.push(rest);
                Some(captures)
            }
            _ => None,
        }
    }

    /// How many wildcards it has.
    pub fn wildcards(&self) -> usize {
        let around = |part: &&Part| matches!(part, Part::Around(..));
        self.parts.iter().filter(around).count() + usize::from(self.is_open)
    }
}

impl Part {
    fn parse(text: &str) -> Result<Self, &'static str> {
        match text.split_once('*') {
            None => Ok(Self::Exactly(text.to_owned())),
            Some((_, behind)) if behind.starts_with('*') => {
                Err("`**` stands for what is left, so only as the last part")
            }
            Some((_, behind)) if behind.contains('*') => {
                Err("there is more than one `*` between two separators")
            }
            Some((before, behind)) => Ok(Self::Around(before.to_owned(), behind.to_owned())),
        }
    }

    /// Adds what the wildcard stands for, if there is one; nothing if `found` does not fit.
    fn capture<'name>(&self, found: &'name str, captures: &mut Vec<&'name str>) -> Option<()> {
        match self {
            Self::Exactly(text) => (text == found).then_some(()),
            Self::Around(before, behind) => {
                let inner = found
                    .strip_prefix(before.as_str())?
                    .strip_suffix(behind.as_str())?;
                captures.push(inner);
                (!inner.is_empty()).then_some(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captures(pattern: &str, name: &str) -> Option<Vec<String>> {
        let pattern = Pattern::parse(pattern, '/').unwrap();
        let found = pattern.captures(name)?;
        assert_eq!(found.len(), pattern.wildcards());
        Some(found.into_iter().map(str::to_owned).collect())
    }

    #[test]
    fn names_fit_or_they_do_not() {
        let cases: [(&str, &str, Option<&[&str]>); 17] = [
            ("a/b", "a/b", Some(&[])),
            ("a/b", "a/c", None),
            ("a/b", "a", None),
            ("a", "a/b", None),
            ("a/b", "a/b/", None),
            ("a/*", "a/b", Some(&["b"])),
            ("a/*", "a/", None),
            ("a/*", "a/b/c", None),
            ("*/b/*", "x/b/y", Some(&["x", "y"])),
            ("sensor-*", "sensor-7", Some(&["7"])),
            ("sensor-*", "sensor-", None),
            ("a-*-z", "a-m-z", Some(&["m"])),
            ("a-*-z", "a-z", None),
            ("a/**", "a/b/c", Some(&["b/c"])),
            ("a/**", "a/", None),
            ("a/**", "a", None),
            (
                "spiffe://prod.example/ns/*/sa/*",
                "spiffe://prod.example/ns/web/sa/api",
                Some(&["web", "api"]),
            ),
        ];
        for (pattern, name, expected) in cases {
            let expected = expected.map(|expected| {
                let owned = expected.iter().map(|capture| (*capture).to_owned());
                owned.collect::<Vec<_>>()
            });
            assert_eq!(captures(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn bad_patterns_are_refused() {
        for pattern in ["", "a/**/b", "**", "a**", "a/***", "a*b*c", "*/*-*"] {
            assert!(Pattern::parse(pattern, '/').is_err(), "{pattern}");
        }
    }
}
