//! The syntax of nats-server's configuration files.
//!
//! The reader knows maps, arrays, strings in every quoting, block strings, comments, variables and
//! includes. It keeps numbers and booleans as text, because the caller knows what it expects.

use std::collections::BTreeSet;
use std::env;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::value::{Map, Value};

/// Maximum size of a file, in bytes.
const MAX_SIZE: u64 = 4 << 20;

/// Maximum depth of maps, arrays and includes. The reader recurses once for each.
const MAX_DEPTH: usize = 32;

/// The reason for which a file cannot be read. No text of the file is repeated, because it may hold
/// a password.
#[derive(Debug, thiserror::Error)]
#[error("`{}`: line {line}: {problem}", file.display())]
pub(crate) struct SyntaxError {
    file: PathBuf,
    line: usize,
    problem: String,
}

/// Reads `file` and the files that it includes.
///
/// # Errors
///
/// Fails if a file cannot be read, or with the first mistake in its syntax.
pub(crate) fn read(file: &Path) -> Result<Map, SyntaxError> {
    let mut scopes = Vec::new();
    read_file(file, &mut scopes, 0)?;
    Ok(Map(scopes.pop().unwrap_or_default()))
}

/// Reads `text` as the content of `file`, with the files that it includes.
///
/// # Errors
///
/// Fails as [`read`] does.
pub(crate) fn read_text(file: &Path, text: &str) -> Result<(Map, Spans), SyntaxError> {
    let mut reader = Reader::new(file, text);
    let mut scopes = vec![Vec::new()];
    reader.pairs(&mut scopes, 0, false)?;
    let spans = Spans(reader.spans);
    Ok((Map(scopes.pop().unwrap_or_default()), spans))
}

/// The places of values in the text of a file, those of its includes left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spans(Vec<(Vec<String>, Range<usize>)>);

impl Spans {
    /// Returns the place of the value at `path`, each part of which is one of several names. Of
    /// equal keys the last counts.
    pub(crate) fn find(&self, path: &[&[&str]]) -> Option<Range<usize>> {
        let fits = |found: &[String]| {
            let is = |(name, keys): (&String, &&[&str])| {
                keys.iter().any(|key| key.eq_ignore_ascii_case(name))
            };
            found.len() == path.len() && found.iter().zip(path).all(is)
        };
        let mut spans = self.0.iter().rev();
        let (_, range) = spans.find(|(found, _)| fits(found))?;
        Some(range.clone())
    }
}

/// The pairs of the maps that enclose the present place, outermost first. A variable is a pair of
/// any of them.
type Scopes = Vec<Vec<(String, Value)>>;

/// Reads `file` into a new innermost scope.
fn read_file(file: &Path, scopes: &mut Scopes, depth: usize) -> Result<(), SyntaxError> {
    let failed = |problem: String| SyntaxError {
        file: file.to_owned(),
        line: 0,
        problem,
    };
    let content = portcullis_files::read(file, MAX_SIZE);
    let content = content.map_err(|error| failed(error.to_string()))?;
    let text = String::from_utf8(content.bytes).map_err(|_| failed("not UTF-8".to_owned()))?;
    let mut reader = Reader::new(file, &text);
    scopes.push(Vec::new());
    reader.pairs(scopes, depth, false)
}

/// The unread part of a file.
struct Reader<'a> {
    file: &'a Path,
    /// Length of the whole text, in bytes.
    length: usize,
    rest: &'a str,
    line: usize,
    /// The keys of the maps that enclose the present place.
    path: Vec<String>,
    /// The places of the values that were read.
    spans: Vec<(Vec<String>, Range<usize>)>,
}

impl<'a> Reader<'a> {
    fn new(file: &'a Path, text: &'a str) -> Self {
        Self {
            file,
            length: text.len(),
            rest: text,
            line: 1,
            path: Vec::new(),
            spans: Vec::new(),
        }
    }

    /// Returns the number of bytes that were read.
    const fn position(&self) -> usize {
        self.length.saturating_sub(self.rest.len())
    }

    /// Reads pairs into the innermost scope, up to `}` if the map is `enclosed`, else up to the
    /// end.
    fn pairs(
        &mut self,
        scopes: &mut Scopes,
        depth: usize,
        enclosed: bool,
    ) -> Result<(), SyntaxError> {
        loop {
            self.skip(",;");
            match self.peek() {
                None if enclosed => return self.fail("a map has no `}`"),
                None => return Ok(()),
                Some('}') if enclosed => {
                    self.next();
                    return Ok(());
                }
                Some(_) => self.pair(scopes, depth)?,
            }
        }
    }

    fn pair(&mut self, scopes: &mut Scopes, depth: usize) -> Result<(), SyntaxError> {
        let quoted = matches!(self.peek(), Some('"' | '\''));
        let key = if quoted {
            self.quoted()?
        } else {
            self.bare(|c| c.is_whitespace() || "=:{}[],;#".contains(c))
        };
        if key.is_empty() {
            return self.fail("expected a key");
        }
        if key == "include" && !quoted {
            return self.include(scopes, depth);
        }
        self.skip("");
        if matches!(self.peek(), Some('=' | ':')) {
            self.next();
        }
        self.skip("");
        let start = self.position();
        self.path.push(key.clone());
        let value = self.value(scopes, depth)?;
        self.spans.push((self.path.clone(), start..self.position()));
        self.path.pop();
        if let Some(scope) = scopes.last_mut() {
            scope.push((key, value));
        }
        Ok(())
    }

    fn include(&mut self, scopes: &mut Scopes, depth: usize) -> Result<(), SyntaxError> {
        self.skip("");
        let name = match self.peek() {
            Some('"' | '\'') => self.quoted()?,
            _ => self.bare(char::is_whitespace),
        };
        let depth = self.deeper(depth)?;
        let directory = self.file.parent().unwrap_or(Path::new(""));
        read_file(&directory.join(name), scopes, depth)?;
        // The pairs of the file belong to the map that includes it.
        let included = scopes.pop().unwrap_or_default();
        if let Some(scope) = scopes.last_mut() {
            scope.extend(included);
        }
        Ok(())
    }

    fn value(&mut self, scopes: &mut Scopes, depth: usize) -> Result<Value, SyntaxError> {
        self.skip("");
        match self.peek() {
            Some('{') => {
                self.next();
                let depth = self.deeper(depth)?;
                scopes.push(Vec::new());
                self.pairs(scopes, depth, true)?;
                Ok(Value::Map(Map(scopes.pop().unwrap_or_default())))
            }
            Some('[') => {
                self.next();
                let depth = self.deeper(depth)?;
                self.list(scopes, depth)
            }
            Some('"' | '\'') => Ok(Value::Text(self.quoted()?)),
            Some('(') => self.block(),
            Some(_) => {
                let text = self.bare(|c| c.is_whitespace() || ",;]}".contains(c));
                match text.strip_prefix('$') {
                    // A bcrypt hash begins with a dollar sign too.
                    Some(name) if !text.starts_with("$2") => {
                        self.variable(name, scopes, &mut BTreeSet::new())
                    }
                    _ if text.is_empty() => self.fail("expected a value"),
                    _ => Ok(Value::Text(text)),
                }
            }
            None => self.fail("expected a value"),
        }
    }

    fn list(&mut self, scopes: &mut Scopes, depth: usize) -> Result<Value, SyntaxError> {
        let mut list = Vec::new();
        loop {
            self.skip(",");
            match self.peek() {
                Some(']') => {
                    self.next();
                    return Ok(Value::List(list));
                }
                Some(_) => list.push(self.value(scopes, depth)?),
                None => return self.fail("a list has no `]`"),
            }
        }
    }

    /// Returns the value of a variable: a pair of an enclosing map, else of the environment.
    fn variable(
        &self,
        name: &str,
        scopes: &Scopes,
        seen: &mut BTreeSet<String>,
    ) -> Result<Value, SyntaxError> {
        let mut pairs = scopes.iter().rev().flat_map(|scope| scope.iter().rev());
        if let Some((_, value)) = pairs.find(|(key, _)| key == name) {
            return Ok(value.clone());
        }
        let text = env::var(name).ok().filter(|_| seen.insert(name.to_owned()));
        match text {
            Some(text) => match text.strip_prefix('$') {
                Some(other) if !text.starts_with("$2") => self.variable(other, scopes, seen),
                _ => Ok(Value::Text(text)),
            },
            None => self.fail(format!(
                "variable `${name}` is set neither in the file nor in the environment of this command"
            )),
        }
    }

    /// Reads a string in quotes. Double quotes have escapes.
    fn quoted(&mut self) -> Result<String, SyntaxError> {
        let quote = self.next();
        let mut text = String::new();
        loop {
            match self.next() {
                None => return self.fail("a string has no end"),
                end if end == quote => return Ok(text),
                Some('\\') if quote == Some('"') => match self.next() {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some('r') => text.push('\r'),
                    Some(other @ ('"' | '\\')) => text.push(other),
                    _ => {
                        return self.fail("a string has an escape that this command does not read");
                    }
                },
                Some(other) => text.push(other),
            }
        }
    }

    /// Reads a block string, which ends with `)` on a line of its own.
    fn block(&mut self) -> Result<Value, SyntaxError> {
        self.next();
        let mut text = String::new();
        loop {
            match self.next() {
                None => return self.fail("a block has no `)` on a line of its own"),
                Some(')') if text.trim_end_matches([' ', '\t']).ends_with('\n') => {
                    return Ok(Value::Text(text));
                }
                Some(other) => text.push(other),
            }
        }
    }

    fn bare(&mut self, ends: impl Fn(char) -> bool) -> String {
        let end = self.rest.find(ends).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        text.to_owned()
    }

    /// Skips white space, comments and the characters of `also`.
    fn skip(&mut self, also: &str) {
        while let Some(next) = self.peek() {
            if next == '#' || self.rest.starts_with("//") {
                self.bare(|c| c == '\n');
            } else if next.is_whitespace() || also.contains(next) {
                self.next();
            } else {
                return;
            }
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next();
        self.rest = chars.as_str();
        if next == Some('\n') {
            self.line = self.line.saturating_add(1);
        }
        next
    }

    fn deeper(&self, depth: usize) -> Result<usize, SyntaxError> {
        if depth >= MAX_DEPTH {
            return self.fail("maps, lists and includes are too deep");
        }
        Ok(depth.saturating_add(1))
    }

    fn fail<T>(&self, problem: impl Into<String>) -> Result<T, SyntaxError> {
        Err(SyntaxError {
            file: self.file.to_owned(),
            line: self.line,
            problem: problem.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read_text(text: &str) -> Result<Map, String> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("server.conf");
        fs::write(&file, text).unwrap();
        fs::write(directory.path().join("more.conf"), "b: 2\nc { d: $a }").unwrap();
        read(&file).map_err(|error| {
            let place = format!("`{}`: ", file.display());
            error.to_string().replace(&place, "")
        })
    }

    #[test]
    fn every_form_of_a_pair_is_read() {
        let map = read_text(
            "# comment\na: 1\n\"quoted key\" = 'single \\n'\nmap { b = yes; c: \"x\\ty\" }\n// more\nlist: [1, two\n'three' {k: v}]\nbare value\nblock: (\n one (1)\n two\n)\nlast=1",
        )
        .unwrap();
        assert_eq!(map.text(&["A"]), Some("1"));
        assert_eq!(map.text(&["quoted key"]), Some("single \\n"));
        let inner = map.map(&["map"]).unwrap();
        assert_eq!(inner.text(&["b"]), Some("yes"));
        assert_eq!(inner.text(&["c"]), Some("x\ty"));
        assert_eq!(map.texts(&["list"]), ["1", "two", "three"]);
        assert_eq!(map.text(&["bare"]), Some("value"));
        assert_eq!(map.text(&["block"]), Some("\n one (1)\n two\n"));
        assert_eq!(map.text(&["last"]), Some("1"));
    }

    #[test]
    fn variables_and_includes_are_resolved() {
        let map = read_text("a: 7\ninclude \"more.conf\"\ne { f: $a, g: $2a$11$hash }").unwrap();
        assert_eq!(map.text(&["b"]), Some("2"));
        assert_eq!(map.map(&["c"]).unwrap().text(&["d"]), Some("7"));
        let inner = map.map(&["e"]).unwrap();
        assert_eq!(inner.text(&["f"]), Some("7"));
        assert_eq!(inner.text(&["g"]), Some("$2a$11$hash"));
    }

    #[test]
    fn mistakes_are_named_with_their_line_and_without_the_text() {
        for (text, error) in [
            ("a {\n b: 1", "line 2: a map has no `}`"),
            ("a: [1\n", "line 2: a list has no `]`"),
            ("\npassword: \"secret", "line 2: a string has no end"),
            ("a:", "line 1: expected a value"),
            ("= 1", "line 1: expected a key"),
        ] {
            assert_eq!(read_text(text), Err(error.to_owned()));
        }
        let unset = read_text("a: $PORTCULLIS_NOT_SET").unwrap_err();
        assert!(
            unset.contains("`$PORTCULLIS_NOT_SET` is set neither"),
            "{unset}"
        );
        let deep = format!("a {}", "[".repeat(100_000));
        assert_eq!(
            read_text(&deep).unwrap_err(),
            "line 1: maps, lists and includes are too deep"
        );
        let endless = read_text("include server.conf").unwrap_err();
        assert!(endless.contains("too deep"), "{endless}");
    }
}
