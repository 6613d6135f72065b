//! A typed line of filters, in the language of the command line.

use clap::Parser;
use portcullis_records::RecordFilter;

use super::super::filter::FilterArguments;

/// The filters on a line.
#[derive(Debug, Parser)]
#[command(
    no_binary_name = true,
    disable_help_flag = true,
    args_override_self = true
)]
struct FilterLine {
    #[command(flatten)]
    filter: FilterArguments,
}

/// Parses the filters of `line`, such as `--user bob --refused`. An empty line has none.
///
/// # Errors
///
/// Fails with one line that says what is wrong.
pub(super) fn parse(line: &str) -> Result<RecordFilter, String> {
    let words = words(line)?;
    match FilterLine::try_parse_from(words) {
        Ok(line) => Ok(line.filter.filter()),
        Err(error) => Err(first_line(&error.render().to_string())),
    }
}

/// Returns the words of a line. Quotes keep the spaces of a word.
fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for letter in line.chars() {
        match (quote, letter) {
            (Some(end), _) if letter == end => quote = None,
            (None, '"' | '\'') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, _) if letter.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    if let Some(quote) = quote {
        return Err(format!("the quote `{quote}` has no end"));
    }
    words.extend(word);
    Ok(words)
}

/// Returns what an error of the command line says first.
fn first_line(error: &str) -> String {
    let lines = error.lines().map(str::trim);
    let mut lines = lines.take_while(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let rest: Vec<_> = lines.collect();
    let first = first.strip_prefix("error: ").unwrap_or(first);
    let text = format!("{first} {}", rest.join(" "));
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::record;
    use super::*;

    #[test]
    fn a_line_has_the_filters_of_list() {
        let mut of_bob = record(1);
        of_bob.login.identity.principal = Some("bob of sales".to_owned());
        for (line, fits) in [
            ("", true),
            ("--refused", true),
            ("--user 'bob of sales' --class=policy-denied", true),
            ("--user \"bob of sales\" --address 10.0.0.0/8", false),
            ("--user bob", false),
            ("--outcome admitted --outcome denied", true),
            ("--until 2020-01-01T00:00:00Z", false),
        ] {
            let filter = parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(filter.fits(&of_bob), fits, "{line}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_line_fits_one_line() {
        for (line, part) in [
            ("--user 'bob", "the quote `'` has no end"),
            ("--usr bob", "unexpected argument '--usr' found"),
            ("bob", "unexpected argument 'bob' found"),
            ("--class nonsense", "policy-denied"),
            ("--since yesterday", "yesterday"),
            ("--refused --outcome denied", "cannot be used with"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(error.contains(part), "{line}: {error}");
            assert!(
                !error.contains('\n') && !error.starts_with("error"),
                "{error}"
            );
        }
    }
}
