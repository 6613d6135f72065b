//! Finding a JWT and a seed in a text, whatever is around them.

use zeroize::Zeroizing;

/// What there is in a text, still unchecked.
#[derive(Default)]
pub(super) struct Found {
    pub(super) jwt: Option<Zeroizing<String>>,
    pub(super) seed: Option<Zeroizing<String>>,
}

impl Found {
    pub(super) const fn is_empty(&self) -> bool {
        self.jwt.is_none() && self.seed.is_none()
    }

    /// Keeps what comes first of each, but for what is whole over what was cut or glued to something.
    fn take(&mut self, text: &str) {
        if looks_like_jwt(text) {
            keep(&mut self.jwt, text, is_whole_jwt);
        } else if looks_like_seed(text) {
            keep(&mut self.seed, text, is_whole_seed);
        }
    }
}

fn keep(place: &mut Option<Zeroizing<String>>, text: &str, is_whole: fn(&str) -> bool) {
    if place
        .as_ref()
        .is_none_or(|former| !is_whole(former) && is_whole(text))
    {
        *place = Some(Zeroizing::new(text.to_owned()));
    }
}

/// The first JWT and the first seed: those in blocks, between lines of dashes, before those that stand alone on
/// a line. Parts are told by their look and not by labels, which differ between tools.
pub(super) fn scan(text: &str) -> Found {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut inside = Found::default();
    let mut outside = Found::default();
    let mut in_block = false;
    // As large as it can get: growing would leave copies behind.
    let mut content = Zeroizing::new(String::with_capacity(text.len()));
    for line in text.split(['\n', '\r']).map(str::trim) {
        let mark = is_mark(line);
        if is_token(line) && !mark {
            outside.take(line);
            if in_block {
                // Long lines may have been wrapped.
                content.push_str(line);
            }
        } else if !line.is_empty() {
            // A mark after content ends a block, and so does prose: the mark is missing then. A mark after a
            // mark begins another block: the former was a heading.
            inside.take(&content);
            in_block = mark && content.is_empty();
            content.clear();
        }
    }
    inside.take(&content);
    for found in [outside.jwt, outside.seed].into_iter().flatten() {
        inside.take(&found);
    }
    inside
}

/// A line of dashes, a label and dashes. Clients ask for three at either end.
fn is_mark(line: &str) -> bool {
    let begins = line.starts_with("---") || line.contains(char::is_whitespace);
    begins
        && line
            .strip_suffix("---")
            .is_some_and(|rest| rest.contains("---"))
}

/// What clients accept as the content of a block.
fn is_token(line: &str) -> bool {
    !line.is_empty()
        && line
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.=".contains(&byte))
}

/// Three chunks, of which the first begins with `{"`.
fn looks_like_jwt(text: &str) -> bool {
    text.starts_with("eyJ") && text.bytes().filter(|byte| *byte == b'.').count() == 2
}

/// With a signature of 64 bytes.
fn is_whole_jwt(text: &str) -> bool {
    text.rsplit('.').next().map(str::len) == Some(86)
}

const fn is_whole_seed(text: &str) -> bool {
    text.len() == 58
}

/// A prefix of seeds and about the length of one, so that what was cut or mistyped is still named a seed.
fn looks_like_seed(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next() == Some('S')
        && letters
            .next()
            .is_some_and(|letter| "OAUNCX".contains(letter))
        && (40..=80).contains(&text.len())
        && !text.contains('.')
}
