//! Fuzzes templates: for any template and values, no value widens a subject, and every value can be
//! read back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_sdk::Request;
use portcullis_sdk::template::{NameTemplate, Template, Unfilled, Values};

/// The names of the places in the templates.
const PLACES: [&str; 2] = ["p", "q"];
/// A mark for a place. Accepted templates do not contain it, because it is a control character.
const HERE: char = '\u{1}';

fuzz_target!(|data: &[u8]| {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let mut lines = text.split('\n');
    let template = lines.next().unwrap_or_default();
    let mut values = [Vec::new(), Vec::new()];
    for (index, line) in lines.enumerate() {
        values[index % 2].push(line);
    }
    let request = Request::builder().build();
    let mut filled = Values::new(&request);
    for (place, values) in PLACES.iter().zip(&values) {
        for value in values {
            filled = filled.with(*place, *value);
        }
    }
    subjects(template, &values, &filled);
    names(template, &values, &filled);
});

fn subjects(text: &str, values: &[Vec<&str>; 2], filled: &Values<'_>) {
    let template = match Template::subscribe(text, &PLACES) {
        Ok(template) => template,
        // An escaped character has at most ten bytes, and a message shows the text twice.
        Err(error) => return assert!(error.to_string().len() < 20 * text.len() + 400),
    };
    assert_eq!(template.as_str(), text);
    let publish = Template::publish(text, &PLACES);
    assert_eq!(publish.is_ok(), !marked(text).0.contains(' '));
    let (shape, places) = marked(text);
    let subjects = match template.subjects(filled) {
        Ok(subjects) => subjects,
        Err(unfilled) => return unfilled_for_a_reason(&unfilled, text, &places, values),
    };
    let mut expected = 1;
    for (place, values) in PLACES.iter().zip(values) {
        if places.contains(place) {
            expected *= distinct(values).len();
        }
    }
    assert_eq!(subjects.len(), expected);
    assert!(expected <= Template::MAX_SUBJECTS);
    for (index, subject) in subjects.iter().enumerate() {
        assert!(!subjects[..index].contains(subject));
        follows_the_template(subject, &shape, &places, values);
    }
}

/// Returns the template with a mark for every place, and the names of the places.
fn marked(template: &str) -> (String, Vec<&str>) {
    let (mut shape, mut places, mut rest) = (String::new(), Vec::new(), template);
    while let Some((text, behind)) = rest.split_once("{{") {
        let (place, behind) = behind.split_once("}}").unwrap();
        shape.push_str(text);
        shape.push(HERE);
        places.push(place.trim_matches(' '));
        rest = behind;
    }
    shape.push_str(rest);
    (shape, places)
}

fn distinct<'values>(values: &[&'values str]) -> Vec<&'values str> {
    let mut distinct = Vec::new();
    for value in values {
        if !value.is_empty() && !distinct.contains(value) {
            distinct.push(*value);
        }
    }
    distinct
}

fn unfilled_for_a_reason(
    unfilled: &Unfilled,
    text: &str,
    places: &[&str],
    values: &[Vec<&str>; 2],
) {
    assert!(unfilled.to_string().len() < 2 * text.len() + 200);
    let has_value = |place: &str| {
        let index = PLACES.iter().position(|known| *known == place);
        index.is_some_and(|index| values[index].iter().any(|value| !value.is_empty()))
    };
    let all: usize = values.iter().flatten().map(|value| 3 * value.len()).sum();
    match unfilled {
        Unfilled::Missing(place) => assert!(places.contains(&place.as_str()) && !has_value(place)),
        Unfilled::TooMany { .. } => {
            let most = values.iter().map(|values| values.len().max(1));
            assert!(most.product::<usize>() > Template::MAX_SUBJECTS);
        }
        Unfilled::TooLong { .. } => assert!(text.len() + all * places.len() > 1024),
        other => panic!("{other}"),
    }
}

/// Asserts that the subject has the tokens of the template, and that each place's value can be read
/// back.
fn follows_the_template(subject: &str, shape: &str, places: &[&str], values: &[Vec<&str>; 2]) {
    assert!(!subject.is_empty() && subject.len() <= 1024);
    let mut places = places.iter();
    let mut read = Vec::new();
    let halves: Vec<_> = subject.split(' ').collect();
    let shapes: Vec<_> = shape.split(' ').collect();
    assert_eq!(halves.len(), shapes.len());
    for (half, shape) in halves.iter().zip(shapes) {
        let tokens: Vec<_> = half.split('.').collect();
        let shapes: Vec<_> = shape.split('.').collect();
        assert_eq!(tokens.len(), shapes.len());
        for (token, shape) in tokens.iter().zip(shapes) {
            assert!(!token.is_empty() && !token.contains(char::is_whitespace));
            let Some((before, behind)) = shape.split_once(HERE) else {
                assert_eq!(*token, shape);
                continue;
            };
            assert!(!behind.contains(HERE));
            assert!(!token.contains(['*', '>']));
            let value = token.strip_prefix(before).unwrap();
            let value = unescaped(value.strip_suffix(behind).unwrap());
            let place = places.next().unwrap();
            let index = PLACES.iter().position(|known| known == place).unwrap();
            assert!(!value.is_empty() && values[index].contains(&value.as_str()));
            read.push((place, value));
        }
    }
    // A place has the same value everywhere.
    for (place, value) in &read {
        assert!(
            read.iter()
                .all(|(other, same)| other != place || same == value)
        );
    }
}

/// Returns the value with this escaped form. Panics if the text is not in that form.
fn unescaped(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, tail)) = rest.split_first() {
        let stands = first.is_ascii_alphanumeric() || b"-_@+=:/".contains(first);
        if stands {
            bytes.push(*first);
            rest = tail;
        } else {
            assert_eq!(*first, b'%');
            let digits = str::from_utf8(&tail[..2]).unwrap();
            assert!(!digits.contains(|digit: char| digit.is_ascii_lowercase()));
            let byte = u8::from_str_radix(digits, 16).unwrap();
            assert!(!byte.is_ascii_alphanumeric() && !b"-_@+=:/".contains(&byte));
            bytes.push(byte);
            rest = &tail[2..];
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// Asserts that an account is the template with the one value in its place, and that the value fits
/// into a name.
fn names(text: &str, values: &[Vec<&str>; 2], filled: &Values<'_>) {
    let Ok(template) = NameTemplate::account(text, &PLACES) else {
        return;
    };
    let (shape, places) = marked(text);
    assert!(places.len() <= 1);
    let Ok(name) = template.name(filled) else {
        return assert!(!places.is_empty());
    };
    assert!(!name.is_empty() && name.len() <= 256);
    assert!(!name.contains(|letter: char| letter.is_whitespace() || letter.is_control()));
    let Some(place) = places.first() else {
        return assert_eq!(name, text);
    };
    let index = PLACES.iter().position(|known| known == place).unwrap();
    let mut given = values[index].iter().filter(|value| !value.is_empty());
    let value = given.next().unwrap();
    assert!(given.next().is_none());
    assert!(
        value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_@+=:/.".contains(&byte))
    );
    assert_eq!(name, shape.replace(HERE, value));
}
