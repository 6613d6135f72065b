use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::*;

fn read<T: DeserializeOwned>(json: &str) -> Result<T, String> {
    let node: Node = serde_json::from_str(json).unwrap();
    T::deserialize(node).map_err(|error| format!("{}: {error}", error.path()))
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Shape {
    Point,
    Circle(f64),
    Rectangle { width: i8, height: Option<u8> },
    Line(u8, u8),
}

#[test]
fn every_shape_of_data_is_read_as_serde_json_reads_it() {
    for json in [
        r#""point""#,
        r#"{"circle":1.5}"#,
        r#"{"circle":2}"#,
        r#"{"rectangle":{"width":-1,"height":null}}"#,
        r#"{"rectangle":{"width":1,"unknown":[{}]}}"#,
        r#"{"line":[1,2]}"#,
    ] {
        let expected: Shape = serde_json::from_str(json).unwrap();
        assert_eq!(read(json), Ok(expected), "{json}");
    }
    let nested = r#"{"a":[[1,true,"x"],[null,2.5]],"b":{}}"#;
    let expected: serde_json::Value = serde_json::from_str(nested).unwrap();
    assert_eq!(read(nested), Ok(expected));
    assert_eq!(
        read(r#"{"7":"x"}"#),
        Ok(BTreeMap::from([("7".to_owned(), 'x')]))
    );
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Name(String);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Side {
    Left,
}

#[test]
fn keys_may_be_of_any_type_that_a_text_is_read_into() {
    let names = BTreeMap::from([(Name("a".to_owned()), 1)]);
    assert_eq!(read(r#"{"a":1}"#), Ok(names));

    assert_eq!(read(r#"{"left":1}"#), Ok(BTreeMap::from([(Side::Left, 1)])));
    assert_eq!(
        read::<BTreeMap<Side, u8>>(r#"{"right":1}"#),
        Err("right: expected one of `left`".to_owned())
    );
    assert_eq!(
        read(r#"{"a":1}"#),
        Ok(BTreeMap::from([(Some("a".to_owned()), 1)]))
    );
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only parsed")]
struct Pair(u8, u8);

#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
enum Tagged {
    One,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "only parsed")]
enum Either {
    Number(u8),
    Text(String),
}

#[test]
fn a_value_of_another_kind_is_refused() {
    let cases = [
        (
            read::<String>("7").err(),
            "expected a string, found a whole number",
        ),
        (
            read::<u8>("true").err(),
            "expected a whole number from 0 to 255, found `true`",
        ),
        (
            read::<u8>("1.5").err(),
            "expected a whole number from 0 to 255, found a number with a fraction",
        ),
        (
            read::<std::num::NonZeroU16>("0").err(),
            "expected a whole number from 0 to 65535, except 0, found `0`",
        ),
        (
            read::<char>(r#""ab""#).err(),
            "expected one character, found a string",
        ),
        (
            read::<(u8, u8)>("[1]").err(),
            "expected a list of 2 values, found a list of 1",
        ),
        (
            read::<[u8; 1]>("[]").err(),
            "expected a list of one value, found a list of 0",
        ),
        (
            read::<Pair>("7").err(),
            "expected a list, found a whole number",
        ),
        (
            read::<Either>("true").err(),
            "the value has none of the forms that the policy reads",
        ),
        (
            read::<Tagged>("7").err(),
            "expected a table, found a whole number",
        ),
        (
            read::<bool>("null").err(),
            "expected `true` or `false`, found no value",
        ),
        (
            read::<()>("1").err(),
            "expected no value, found a whole number",
        ),
        (
            read::<Vec<u8>>("{}").err(),
            "expected a list, found a table",
        ),
        (
            read::<BTreeMap<String, u8>>("[]").err(),
            "expected a table, found a list",
        ),
    ];
    for (error, expected) in cases {
        assert_eq!(error, Some(format!(": {expected}")));
    }
}

#[test]
fn a_string_in_the_wrong_place_is_not_shown() {
    let error = read::<BTreeMap<String, u8>>(r#"{"alice":"hunter2"}"#).unwrap_err();
    assert_eq!(
        error,
        "alice: expected a whole number from 0 to 255, found a string"
    );
}

#[test]
fn a_number_in_the_wrong_place_is_not_shown() {
    // A password without quotation marks.
    let error = read::<BTreeMap<String, String>>(r#"{"alice":31415926}"#).unwrap_err();
    assert_eq!(error, "alice: expected a string, found a whole number");
}

#[test]
fn errors_name_the_path() {
    let cases = [
        (
            r#"{"rectangle":{"width":300}}"#,
            "rectangle.width: expected a whole number from -128 to 127, found `300`",
        ),
        (
            r#"{"line":[1,"2"]}"#,
            "line[1]: expected a whole number from 0 to 255, found a string",
        ),
        (
            r#"{"line":[1,2,3]}"#,
            "line: expected a shorter list, found a list of 3",
        ),
        (
            r#"{"line":[1]}"#,
            "line: expected a list of 2 values, found a list of 1",
        ),
        (
            r#"{"point":1,"line":[1,2]}"#,
            ": expected one of `point`, `circle`, `rectangle`, `line`",
        ),
        (
            r#"{"rectangle":[1,2]}"#,
            "rectangle: expected a table, found a list",
        ),
        (
            r#""line""#,
            ": expected a table with this key and its content, found a string",
        ),
        (r#"{"point":1}"#, ": expected the name alone, found a table"),
        (
            r#""square""#,
            ": expected one of `point`, `circle`, `rectangle`, `line`",
        ),
        (
            "7",
            ": expected one of `point`, `circle`, `rectangle`, `line`",
        ),
        (
            r#""recangle""#,
            ": expected one of `point`, `circle`, `rectangle`, `line`; did you mean `rectangle`?",
        ),
    ];
    for (json, expected) in cases {
        assert_eq!(read::<Shape>(json), Err(expected.to_owned()), "{json}");
    }
}

#[test]
fn a_value_that_is_not_read_has_the_whole_path() {
    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only parsed")]
    struct Shapes {
        shapes: Vec<Shape>,
        one: Box<Shape>,
    }
    let json = r#"{
        "shapes": [{ "rectangle": { "width": 1, "depth": 2 } }, "point"],
        "one": { "rectangle": { "width": 1, "hight": 2 } },
        "two": 2
    }"#;
    read::<Shapes>(json).unwrap();
    let expected = ["shapes[0].rectangle.depth", "one.rectangle.hight", "two"];
    assert_eq!(place::take_ignored(), expected);
}
