//! No value widens a subject, and no two values give the same subject.

use proptest::prelude::*;

use super::*;

/// The names of the places in the templates below.
const PLACES: [&str; 3] = ["p", "q", "r"];

/// A token of a template, with the widest pattern that its filled form may match.
#[derive(Clone, Debug)]
enum Token {
    Text(String),
    Place(&'static str, String, String),
    Any,
}

/// A template, with an optional `>` at the end and an optional queue group.
#[derive(Clone, Debug)]
struct Written {
    tokens: Vec<Token>,
    tail: bool,
    queue: Option<Token>,
}

impl Token {
    fn template(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Place(place, before, behind) => format!("{before}{{{{{place}}}}}{behind}"),
            Self::Any => "*".to_owned(),
        }
    }

    fn widest(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Place(..) | Self::Any => "*".to_owned(),
        }
    }
}

impl Written {
    fn text(&self, token: impl Fn(&Token) -> String) -> String {
        let mut tokens: Vec<_> = self.tokens.iter().map(&token).collect();
        if self.tail {
            tokens.push(">".to_owned());
        }
        let queue = self.queue.iter().map(|queue| format!(" {}", token(queue)));
        tokens.join(".") + &queue.collect::<String>()
    }

    fn places(&self) -> Vec<&'static str> {
        let tokens = self.tokens.iter().chain(&self.queue);
        tokens
            .filter_map(|token| match token {
                Token::Place(place, ..) => Some(*place),
                Token::Text(_) | Token::Any => None,
            })
            .collect()
    }
}

fn around() -> impl Strategy<Value = String> {
    "[a-z%$-]{0,3}"
}

fn token() -> impl Strategy<Value = Token> {
    let place = prop::sample::select(PLACES.to_vec());
    prop_oneof![
        "[a-z$%_-]{1,4}".prop_map(Token::Text),
        (place, around(), around())
            .prop_map(|(place, before, behind)| Token::Place(place, before, behind)),
        Just(Token::Any),
    ]
}

fn written() -> impl Strategy<Value = Written> {
    let tokens = prop::collection::vec(token(), 1..5);
    (tokens, any::<bool>(), prop::option::of(token())).prop_map(|(tokens, tail, queue)| Written {
        tokens,
        tail,
        queue,
    })
}

/// Generates values of characters that have a meaning in subjects.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[.*> $%{}a2E-]{1,6}",
        "\\PC{1,6}",
        any::<String>().prop_filter("an empty value is none", |value| !value.is_empty()),
    ]
}

/// Generates pairs of values that could be confused.
fn pair() -> impl Strategy<Value = (String, String)> {
    value().prop_flat_map(|value| {
        let alike = [
            value.clone(),
            escape(&value),
            value.replace(['.', ' '], "%2E"),
            value.to_lowercase(),
        ];
        let other = prop_oneof![prop::sample::select(alike.to_vec()), self::value()];
        (Just(value), other)
    })
}

fn fill(template: &Template, values: &[Vec<String>]) -> Vec<String> {
    let request = Request::builder().build();
    let mut filled = Values::new(&request);
    for (place, values) in PLACES.iter().zip(values) {
        for value in values {
            filled = filled.with(*place, value);
        }
    }
    template.subjects(&filled).unwrap()
}

/// Returns whether `outer` matches every subject that `inner` matches, by the rules of servers.
fn is_within(inner: &str, outer: &str) -> bool {
    let (mut inner, mut outer) = (inner.split('.'), outer.split('.'));
    loop {
        match (inner.next(), outer.next()) {
            (None, None) | (Some(_), Some(">")) => return true,
            (Some(">") | None, _) | (_, None) => return false,
            (Some(_), Some("*")) => {}
            (Some(one), Some(other)) if one == other => {}
            (Some(_), Some(_)) => return false,
        }
    }
}

fn wildcards(subject: &str) -> usize {
    let tokens = subject.split(['.', ' ']);
    tokens.filter(|token| matches!(*token, "*" | ">")).count()
}

proptest! {
    #[test]
    fn no_value_widens_a_subject(
        written in written(),
        values in prop::collection::vec(prop::collection::vec(value(), 1..4), 3),
    ) {
        let text = written.text(Token::template);
        let template = Template::subscribe(&text, &PLACES).unwrap();
        let widest = written.text(Token::widest);
        for subject in fill(&template, &values) {
            prop_assert_eq!(subscribe_problem(&subject), None);
            prop_assert_eq!(wildcards(&subject), wildcards(&text), "{}", subject);
            let halves: Vec<_> = subject.split(' ').zip(widest.split(' ')).collect();
            prop_assert_eq!(halves.len(), subject.split(' ').count());
            prop_assert_eq!(halves.len(), text.split(' ').count());
            for (inner, outer) in halves {
                prop_assert_eq!(inner.split('.').count(), outer.split('.').count());
                prop_assert!(is_within(inner, outer), "`{}` is not within `{}`", inner, outer);
            }
        }
    }

    #[test]
    fn different_values_make_different_subjects(
        written in written(),
        pairs in prop::collection::vec(pair(), 3),
    ) {
        let (one, other): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let template = Template::subscribe(&written.text(Token::template), &PLACES).unwrap();
        let places = written.places();
        let named = |values: &[String]| -> Vec<String> {
            let named = PLACES.iter().zip(values).filter(|(place, _)| places.contains(place));
            named.map(|(_, value)| value.clone()).collect()
        };
        let subject = |values: &[String]| {
            let values: Vec<_> = values.iter().map(|value| vec![value.clone()]).collect();
            fill(&template, &values)
        };
        prop_assert_eq!(
            named(&one) == named(&other),
            subject(&one) == subject(&other)
        );
    }

    #[test]
    fn an_escaped_value_can_be_read_back(value in value()) {
        let escaped = escape(&value);
        prop_assert!(escaped.bytes().all(|byte| byte == b'%' || escape::stands_as_it_is(byte)));
        let mut bytes = Vec::new();
        let mut rest = escaped.as_bytes();
        while let Some((first, tail)) = rest.split_first() {
            if *first == b'%' {
                let digits = str::from_utf8(&tail[..2]).unwrap();
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
                rest = &tail[2..];
            } else {
                bytes.push(*first);
                rest = tail;
            }
        }
        prop_assert_eq!(bytes, value.as_bytes());
    }

    #[test]
    fn any_text_is_a_template_or_an_error(text in "[a-z.*> {}\\PC]{0,24}") {
        if let Ok(template) = Template::subscribe(&text, &PLACES) {
            let values = vec![vec![">".to_owned(), "*.*".to_owned()]; 3];
            let request = Request::builder().build();
            let _ = template.subjects(&Values::new(&request));
            if !text.contains("claim") && !text.contains("{{") {
                prop_assert_eq!(fill(&template, &values), [text]);
            }
        }
    }
}
