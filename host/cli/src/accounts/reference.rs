//! The form of credentials files that every client reads.
//!
//! Clients look for blocks with the regular expression of the Go library nkeys: a line of dashes,
//! one line of content, a line of dashes. The first block is the JWT, the second the seed. Some
//! clients accept more.

/// Returns why some clients do not find the JWT or the seed in a file that has both.
pub(super) fn flaws(text: &str, jwt: &str, seed: &str) -> Vec<String> {
    let blocks = blocks(text);
    let expected = [("user JWT", jwt, 0), ("user seed", seed, 1)];
    let missing = expected
        .iter()
        .filter(|(_, part, index)| blocks.get(*index) != Some(part));
    let missing: Vec<_> = missing
        .map(|(name, part, _)| {
            format!("many clients do not find the {name}: {}", cause(text, part))
        })
        .collect();
    if missing.is_empty() {
        return missing;
    }
    let way_out = "write the file again with `--rewrite FILE`".to_owned();
    missing.into_iter().chain([way_out]).collect()
}

/// Returns the contents of the blocks that the reference finds.
fn blocks(text: &str) -> Vec<&str> {
    let mut lines = text.split_inclusive('\n').peekable();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if !is_mark(line) {
            continue;
        }
        let Some(content) = lines.next_if(|line| is_content(line)) else {
            continue;
        };
        // The line that ends a block does not begin the next one.
        if lines
            .next_if(|line| line.starts_with("---") && is_mark(line))
            .is_some()
        {
            found.push(content.trim_end());
        }
    }
    found
}

/// Returns the reason why the block of `part` does not count.
fn cause(text: &str, part: &str) -> &'static str {
    let Some(at) = text.lines().position(|line| line.contains(part)) else {
        return "it is wrapped, or the file is in base64";
    };
    let line = |index: usize| text.split_inclusive('\n').nth(index).unwrap_or_default();
    let before = at.checked_sub(1).map(line).unwrap_or_default();
    let after = line(at.saturating_add(1));
    if before.trim().is_empty() || after.trim().is_empty() {
        "its block has a blank line in front of it or after it, or has no marks of dashes"
    } else if !is_content(line(at)) {
        "its line has blanks or other characters"
    } else if !after.ends_with('\n') {
        "the file ends without a line end"
    } else if !is_mark(before) || !is_mark(after) {
        "it does not stand between lines such as `-----BEGIN …-----`"
    } else {
        "the blocks are in another order, or others stand in front of them"
    }
}

/// Returns whether a line has two groups of three dashes, ends with the second, and has a line end.
fn is_mark(line: &str) -> bool {
    let Some(line) = line.strip_suffix('\n') else {
        return false;
    };
    let line = line.strip_suffix('\r').unwrap_or(line);
    line.strip_suffix("---")
        .is_some_and(|rest| rest.contains("---"))
}

fn is_content(line: &str) -> bool {
    let line = line.trim_end_matches(['\r', '\n']);
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.=".contains(&byte);
    !line.is_empty() && line.bytes().all(is_word)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const JWT: &str = "eyJ0.eyJq.c2ln";
    const SEED: &str = "SUAAAAAAAA";
    const FILE: &str = "-----BEGIN NATS USER JWT-----\neyJ0.eyJq.c2ln\n------END NATS USER JWT------\n\n\
        words\n\n-----BEGIN USER NKEY SEED-----\nSUAAAAAAAA\n------END USER NKEY SEED------\n\n***\n";

    #[rstest]
    #[case::as_written(FILE.to_owned())]
    #[case::crlf(FILE.replace('\n', "\r\n"))]
    #[case::mark_of_order(format!("\u{feff}{FILE}"))]
    #[case::preamble(format!("# a comment\n{FILE}"))]
    #[case::symmetric(FILE.replace("------END", "-----END"))]
    #[case::without_blank_lines(FILE.replace("\n\n", "\n"))]
    fn every_client_reads_these(#[case] text: String) {
        assert_eq!(flaws(&text, JWT, SEED), Vec::<String>::new());
    }

    #[rstest]
    #[case::no_line_end(FILE.trim_end_matches("\n\n***\n"), &["user seed: the file ends without a line end"])]
    #[case::blank_line(&FILE.replace("c2ln\n", "c2ln\n\n"), &["user JWT: its block has a blank line", "user seed: the blocks are"])]
    #[case::blanks(&FILE.replace("c2ln\n", "c2ln \n"), &["user JWT: its line has blanks", "user seed: the blocks are"])]
    #[case::two_dashes(&FILE.replace("-----BEGIN USER", "--BEGIN USER").replace("SEED-----\n", "SEED--\n"), &["user seed: it does not stand between"])]
    #[case::base64("ZXlK", &["user JWT: it is wrapped", "user seed: it is wrapped"])]
    fn others_are_named_with_the_cause(#[case] text: &str, #[case] expected: &[&str]) {
        let found = flaws(text, JWT, SEED);
        assert_eq!(found.len(), expected.len() + 1, "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{found}");
        }
    }
}
