//! The literal of [`subject!`](crate::subject!), which the compiler checks.

use std::fmt::Display;

use crate::Subject;
use crate::template::escape;

/// A literal with places `{}`. [`subject!`](crate::subject!) creates it at compile time.
#[derive(Clone, Copy, Debug)]
pub struct Pattern(&'static str);

/// What a token of a pattern holds.
struct Token {
    length: usize,
    places: usize,
    wildcards: usize,
    last: u8,
}

impl Pattern {
    /// Checks the literal for this number of values. A failed check is a compile error, because
    /// [`subject!`](crate::subject!) calls the function in a constant.
    ///
    /// # Panics
    ///
    /// Panics if the literal is not a subject with that number of places.
    pub const fn new(text: &'static str, values: usize) -> Self {
        let mut rest = text.as_bytes();
        // A client that chooses the first token would choose among all subjects of the account.
        assert!(
            !matches!(rest, [b'{', ..]),
            "begin the subject with a token of your own, before the first place"
        );
        let (mut places, mut queues) = (0_usize, 0_usize);
        let mut token = Token::EMPTY;
        while let [byte, following @ ..] = rest {
            rest = following;
            assert!(
                *byte != b'}',
                "a place is written as `{{}}`, and its value follows the literal"
            );
            match *byte {
                b'.' => {
                    assert!(
                        !token.is(b'>'),
                        "`>` stands before the last token; `*` stands for one token"
                    );
                    token.check();
                    token = Token::EMPTY;
                }
                b' ' => {
                    queues = queues.saturating_add(1);
                    token.check();
                    token.check_end();
                    token = Token::EMPTY;
                }
                b'{' => {
                    assert!(
                        matches!(following, [b'}', ..]),
                        "a place is written as `{{}}`, and its value follows the literal"
                    );
                    if let [_, following @ ..] = following {
                        rest = following;
                    }
                    places = places.saturating_add(1);
                    token.places = token.places.saturating_add(1);
                    token = token.with(b'}');
                }
                byte @ (b'*' | b'>') => {
                    token.wildcards = token.wildcards.saturating_add(1);
                    token = token.with(byte);
                }
                byte => {
                    assert!(
                        byte.is_ascii_graphic() || !byte.is_ascii(),
                        "white space or a control character in the subject"
                    );
                    token = token.with(byte);
                }
            }
        }
        token.check();
        token.check_end();
        assert!(queues <= 1, "one space at most, before a queue group");
        assert!(
            places == values,
            "the literal needs one `{{}}` for each value"
        );
        Self(text)
    }

    /// Puts the values, escaped, into the places.
    pub fn fill(self, values: &[&dyn Display]) -> Subject {
        let mut values = values.iter();
        let mut subject = String::with_capacity(self.0.len());
        for part in self.0.split_inclusive(['.', ' ']) {
            let (token, separator) = match part.strip_suffix(['.', ' ']) {
                Some(token) => (token, part.get(token.len()..).unwrap_or_default()),
                None => (part, ""),
            };
            if let Some((before, after)) = token.split_once("{}") {
                let value = values.next().map(ToString::to_string).unwrap_or_default();
                // An empty token makes the subject invalid: the host denies the login.
                if !value.is_empty() {
                    subject.extend([before, &escape(&value), after]);
                }
            } else {
                subject.push_str(token);
            }
            subject.push_str(separator);
        }
        Subject::from_checked(subject)
    }
}

impl Token {
    const EMPTY: Self = Self {
        length: 0,
        places: 0,
        wildcards: 0,
        last: 0,
    };

    const fn with(mut self, byte: u8) -> Self {
        self.length = self.length.saturating_add(1);
        self.last = byte;
        self
    }

    /// Returns whether the token is this wildcard.
    const fn is(&self, wildcard: u8) -> bool {
        self.length == 1 && self.last == wildcard
    }

    const fn check(&self) {
        assert!(self.length > 0, "an empty token in the subject");
        assert!(
            self.places <= 1,
            "two places in one token: put a `.` between them"
        );
        assert!(
            self.places == 0 || self.wildcards == 0,
            "a wildcard next to a place: put a `.` between them"
        );
    }

    /// Checks the last token of the subject or of the queue.
    const fn check_end(&self) {
        assert!(
            !self.is(b'*'),
            "a final `*` lets hostile clients use it as `>`: write `>`"
        );
    }
}
