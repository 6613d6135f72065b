//! The words of errors about settings: kinds of values as TOML has them, and the nearest name.
//!
//! The host has the same words for its own files, in `host/toml/src/words.rs`: change both. A test
//! of `host/catalog` compares them.

/// Returns the expected value in the words of TOML, where serde names a type of Rust.
pub(super) fn expected(text: String) -> String {
    let words = match text.as_str() {
        "a sequence" | "an empty array" => "a list",
        "a map" => "a table",
        "a boolean" => "`true` or `false`",
        "a character" => "one character",
        "path string" => "a path",
        "unit" => "no value",
        "f32" | "f64" => "a number",
        "i64" | "i128" => "a whole number",
        "u64" | "u128" => "a whole number that is not negative",
        _ => return of_type(&text).unwrap_or(text),
    };
    words.to_owned()
}

/// Returns the smallest and the largest number of a type of Rust. `None` for other types, and for
/// those that hold every number of a file.
pub(super) fn range(number: &str) -> Option<(&'static str, &'static str)> {
    Some(match number {
        "i8" => ("-128", "127"),
        "i16" => ("-32768", "32767"),
        "i32" => ("-2147483648", "2147483647"),
        "u8" => ("0", "255"),
        "u16" => ("0", "65535"),
        "u32" => ("0", "4294967295"),
        _ => return None,
    })
}

/// Returns whether serde describes a value by the name of a type of Rust alone.
pub(super) fn is_named_after_a_type(text: &str) -> bool {
    const STARTS: [&str; 7] = [
        "struct ",
        "enum ",
        "internally tagged enum ",
        "adjacently tagged enum ",
        "tuple ",
        "unit ",
        "variant ",
    ];
    STARTS.iter().any(|start| text.starts_with(start))
}

/// Returns the words for a type with a range, a name or a size. `None` for every other text.
fn of_type(text: &str) -> Option<String> {
    if let Some((least, most)) = range(text) {
        return Some(format!("a whole number from {least} to {most}"));
    }
    let (kind, rest) = text.split_once(' ')?;
    match (kind, rest.split_once(' ')) {
        ("tuple", _) | ("an", Some(("array", _))) | ("a", Some(("tuple", _))) => {
            // serde writes `tuple struct Pair with 2 elements` and `an array of length 2`.
            let size = rest.split(' ').find(|word| word.parse::<usize>().is_ok());
            Some(match size {
                Some("1") => "a list of one value".to_owned(),
                Some(size) => format!("a list of {size} values"),
                None => "a list".to_owned(),
            })
        }
        ("struct", _) | ("internally" | "adjacently", Some(("tagged", _))) => {
            Some("a table".to_owned())
        }
        ("a", Some(("nonzero", number))) => {
            Some(format!("{}, except 0", expected(number.to_owned())))
        }
        _ => None,
    }
}

/// Returns the message of a type's own `Deserialize` without the names of types of Rust.
pub(super) fn message(text: String) -> String {
    // An untagged enum does not say why it refused each of its forms.
    if text.starts_with("data did not match any variant of untagged enum") {
        return "the value has none of the forms that the policy reads".to_owned();
    }
    text
}

/// Returns the name among `known` that a misspelt name most resembles: at most one letter in three
/// differs. `None` if no name is alike.
// Each type that reads settings names its keys, so an inlined copy for each would enlarge a policy.
#[inline(never)]
pub(super) fn nearest(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let letters: Vec<_> = name.to_ascii_lowercase().chars().map(dashed).collect();
    // A long name is no misspelling, and comparing it would take time.
    if letters.len() > 64 {
        return None;
    }
    let mut best = letters.len().div_euclid(3).saturating_add(1);
    let mut found = None;
    for other in known {
        let distance = distance(&letters, other);
        if distance < best {
            best = distance;
            found = Some(*other);
        }
    }
    found
}

fn dashed(letter: char) -> char {
    if letter == '_' { '-' } else { letter }
}

/// Returns the number of letters to insert, remove or replace (Levenshtein).
fn distance(letters: &[char], other: &str) -> usize {
    let mut row: Vec<usize> = (0..=letters.len()).collect();
    for (index, other) in other.chars().enumerate() {
        // The distances of the prefix of `other` that ends here.
        let mut left = index.saturating_add(1);
        let mut next = vec![left];
        for ((letter, diagonal), above) in letters.iter().zip(&row).zip(row.iter().skip(1)) {
            let replaced = diagonal.saturating_add(usize::from(*letter != other));
            left = replaced.min(above.min(&left).saturating_add(1));
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested() {
        let known = ["account", "publish", "expires-in", "dns", "deny"];
        for (name, expected) in [
            ("acount", Some("account")),
            ("Publish", Some("publish")),
            ("pubilsh", Some("publish")),
            ("expires_in", Some("expires-in")),
            ("expires", None),
            ("dnss", Some("dns")),
            ("x", None),
            ("", None),
            ("no-such-key", None),
        ] {
            assert_eq!(nearest(name, &known), expected, "{name}");
        }
        assert_eq!(nearest(&"account".repeat(1000), &known), None);
        assert_eq!(nearest("a", &[]), None);
    }

    #[test]
    fn the_distance_counts_letters() {
        let letters = |text: &str| text.chars().collect::<Vec<_>>();
        for (one, other, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("ä", "a", 1),
        ] {
            assert_eq!(distance(&letters(one), other), expected, "{one} {other}");
        }
    }
}
