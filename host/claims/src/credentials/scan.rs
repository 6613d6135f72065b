//! A scanner that finds a JWT and a seed in any surrounding text.

use zeroize::Zeroizing;

/// The parts found in a text, not yet validated.
#[derive(Default)]
pub(super) struct Found {
    pub(super) jwt: Option<Zeroizing<String>>,
    pub(super) seed: Option<Zeroizing<String>>,
}

impl Found {
    pub(super) const fn is_empty(&self) -> bool {
        self.jwt.is_none() && self.seed.is_none()
    }

    /// Stores `text` as a JWT or seed. Keeps the first of each, but prefers a whole one over a
    /// truncated or joined one.
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

/// Finds the first JWT and the first seed. Those in blocks, between lines of dashes, win over those
/// alone on a line. The form of a part decides and not its label, because labels differ between
/// tools.
pub(super) fn scan(text: &str) -> Found {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut inside = Found::default();
    let mut outside = Found::default();
    let mut in_block = false;
    // Reserves the maximum size, because a growing buffer would leave copies of secrets behind.
    let mut content = Zeroizing::new(String::with_capacity(text.len()));
    for line in text.split(['\n', '\r']).map(str::trim) {
        let mark = is_mark(line);
        if is_token(line) && !mark {
            outside.take(line);
            if in_block {
                // A tool may have wrapped a long line.
                content.push_str(line);
            }
        } else if !line.is_empty() {
            // After content, a mark ends the block, and so does prose if the mark is missing. A
            // mark right after a mark begins another block, because the former was a heading.
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

/// Returns whether `line` is dashes, a label and dashes. Clients require three dashes at either
/// end.
fn is_mark(line: &str) -> bool {
    let begins = line.starts_with("---") || line.contains(char::is_whitespace);
    begins
        && line
            .strip_suffix("---")
            .is_some_and(|rest| rest.contains("---"))
}

/// Returns whether `line` has only characters that clients accept as the content of a block.
fn is_token(line: &str) -> bool {
    !line.is_empty()
        && line
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.=".contains(&byte))
}

/// Returns whether `text` has three chunks and begins with `{"` in base64.
fn looks_like_jwt(text: &str) -> bool {
    text.starts_with("eyJ") && text.bytes().filter(|byte| *byte == b'.').count() == 2
}

/// Returns whether the signature of a JWT has 64 bytes.
fn is_whole_jwt(text: &str) -> bool {
    text.rsplit('.').next().map(str::len) == Some(86)
}

const fn is_whole_seed(text: &str) -> bool {
    text.len() == 58
}

/// Returns whether `text` has a prefix of seeds and roughly the length of one. A truncated or
/// mistyped seed is then still reported as a seed.
fn looks_like_seed(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next() == Some('S')
        && letters
            .next()
            .is_some_and(|letter| "OAUNCX".contains(letter))
        && (40..=80).contains(&text.len())
        && !text.contains('.')
}
