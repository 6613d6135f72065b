//! The words of errors about settings: kinds of values as TOML has them, and the nearest name.

/// Returns the expected value in the words of TOML, where serde names a type of Rust.
pub(super) fn expected(text: String) -> String {
    let words = match text.as_str() {
        "a sequence" => "a list",
        "a map" => "a table",
        "a boolean" => "true or false",
        "unit" => "no value",
        "f32" | "f64" => "a number",
        "i8" | "i16" | "i32" | "i64" | "i128" => "a whole number",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "u128" => "a whole number that is not negative",
        _ if text.starts_with("struct ") => "a table",
        _ if text.starts_with("tuple ") => "a list",
        _ => return text,
    };
    words.to_owned()
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
