//! The difference of two texts, in the unified form.

use std::fmt::Write as _;

/// Maximum number of unchanged lines before and after the changed ones.
const CONTEXT: usize = 3;

/// Words that a line with a secret has, in lower case.
const SECRET_WORDS: [&str; 5] = ["pass", "token", "seed", "secret", "$2"];

/// Returns whether a line may hold a secret, so that it must not be shown.
pub(super) fn is_secret(line: &str) -> bool {
    let lower = line.to_lowercase();
    SECRET_WORDS.iter().any(|word| lower.contains(word))
}

/// Returns the one hunk with all changed lines. Unchanged lines around it are left out from the
/// first that may hold a secret.
pub(super) fn hunk(before: &str, after: &str) -> String {
    let (old, new): (Vec<_>, Vec<_>) = (before.lines().collect(), after.lines().collect());
    let same = |pair: &(&&str, &&str)| pair.0 == pair.1;
    let head = old.iter().zip(&new).take_while(same).count();
    let shorter = old.len().min(new.len()).saturating_sub(head);
    let tail = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take(shorter)
        .take_while(same)
        .count();
    let open = |line: &&&str| !is_secret(line);
    let leading = old.iter().take(head).rev().take(CONTEXT);
    let leading = leading.take_while(open).count();
    let trailing = old.iter().rev().take(tail).rev().take(CONTEXT);
    let trailing = trailing.take_while(open).count();
    let start = head.saturating_sub(leading);
    let count = |lines: usize| {
        lines
            .saturating_sub(tail)
            .saturating_sub(start)
            .saturating_add(trailing)
    };
    let mut text = format!(
        "@@ -{0},{1} +{0},{2} @@\n",
        start.saturating_add(1),
        count(old.len()),
        count(new.len())
    );
    let mut add = |mark: char, lines: &mut dyn Iterator<Item = &&str>| {
        for line in lines {
            // Writing to a text does not fail.
            let _ = writeln!(text, "{mark}{line}");
        }
    };
    let changed = |lines: usize| lines.saturating_sub(tail).saturating_sub(head);
    add(' ', &mut old.iter().skip(start).take(leading));
    add('-', &mut old.iter().skip(head).take(changed(old.len())));
    add('+', &mut new.iter().skip(head).take(changed(new.len())));
    add(
        ' ',
        &mut old
            .iter()
            .skip(old.len().saturating_sub(tail))
            .take(trailing),
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hunk_has_the_changed_lines_and_three_around_them() {
        let before = "a\nb\nc\nd\ne\nf\ng\nh\ni\n";
        let after = before.replace("e\n", "E\nE2\n");
        assert_eq!(
            hunk(before, &after),
            "@@ -2,7 +2,8 @@\n b\n c\n d\n-e\n+E\n+E2\n f\n g\n h\n"
        );
        assert_eq!(hunk("a\n", "a\nb\n"), "@@ -1,1 +1,2 @@\n a\n+b\n");
        assert_eq!(hunk("b\n", "a\nb\n"), "@@ -1,1 +1,2 @@\n+a\n b\n");
    }

    #[test]
    fn lines_with_secrets_are_not_shown() {
        let before = "a\npassword: hunter2\nb\nc\nd\ntoken: t0k3n\n";
        let shown = hunk(before, &before.replace("c\n", "C\n"));
        assert_eq!(shown, "@@ -3,3 +3,3 @@\n b\n-c\n+C\n d\n");
    }
}
