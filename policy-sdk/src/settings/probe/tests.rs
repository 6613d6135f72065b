use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::issuers::Issuers;
use crate::profile::Profile;
use crate::settings::{parse, schema};
use crate::{KeyDoc, Method, NoSettings, SettingsDoc};

fn schema_of<S: serde::de::DeserializeOwned>() -> Value {
    serde_json::from_str(&schema::<S>(&SettingsDoc::default())).unwrap()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(dead_code, reason = "only parsed")]
struct Settings {
    account: String,
    #[serde(default)]
    user_names: Vec<String>,
    #[serde(default)]
    is_open: bool,
    count: u16,
    offset: Option<i64>,
    share: f64,
    #[serde(deserialize_with = "crate::duration::required")]
    grace: Duration,
    unknown: Unknown,
    #[serde(default)]
    shapes: Vec<Shape>,
    #[serde(default)]
    users: BTreeMap<String, User>,
    #[serde(default)]
    methods: Option<Vec<Method>>,
    #[serde(default)]
    issuers: Issuers,
    #[serde(default)]
    data: Value,
    boxed: Box<User>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Unknown {
    Deny,
    Abstain,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "only parsed")]
enum Shape {
    Point,
    Circle(f64),
    Rectangle { width: u8, height: Option<u8> },
    Line(u8, u8),
}

#[derive(Deserialize)]
#[serde(expecting = "a table with `hash`")]
#[expect(dead_code, reason = "only parsed")]
struct User {
    hash: Hash,
    profile: Option<String>,
}

#[derive(Deserialize)]
#[serde(transparent)]
#[expect(dead_code, reason = "only parsed")]
struct Hash(String);

#[test]
fn a_schema_has_the_keys_and_types_that_the_settings_are_read_with() {
    let user = json!({
        "type": "object",
        "properties": { "hash": { "type": "string" }, "profile": { "type": "string" } },
        "required": ["hash"],
        "description": "a table with `hash`",
    });
    let number = |most: u32| json!({ "type": "integer", "minimum": 0, "maximum": most });
    let variant = |name: &str, content: Value| {
        json!({
            "type": "object",
            "properties": { name: content },
            "required": [name],
            "additionalProperties": false,
        })
    };
    let rectangle = json!({
        "type": "object",
        "properties": { "width": number(255), "height": number(255) },
        "required": ["width"],
    });
    let line = json!({
        "type": "array",
        "items": number(255),
    });
    let expected = json!({
        "type": "object",
        "properties": {
            "account": { "type": "string" },
            "user-names": { "type": "array", "items": { "type": "string" } },
            "is-open": { "type": "boolean" },
            "count": number(65535),
            "offset": { "type": "integer" },
            "share": { "type": "number" },
            "grace": {
                "type": "string",
                "description": "a duration like \"30s\", \"15m\", \"1h30m\" or \"2d\"",
            },
            "unknown": { "enum": ["deny", "abstain"] },
            "shapes": {
                "type": "array",
                "items": { "anyOf": [
                    { "enum": ["point"] },
                    variant("circle", json!({ "type": "number" })),
                    variant("rectangle", rectangle),
                    variant("line", line),
                ] },
            },
            "users": { "type": "object", "additionalProperties": user },
            "methods": { "type": "array", "items": { "type": "string" } },
            "issuers": {
                "description":
                    "a list of issuers, or a table like { \"https://id.example\" = \"name\" }",
            },
            "data": {},
            "boxed": user,
        },
        "required": ["account", "count", "share", "grace", "unknown", "boxed"],
        "additionalProperties": false,
    });
    assert_eq!(schema_of::<Settings>(), expected);
}

#[test]
fn no_settings_have_no_keys() {
    let expected = json!({ "type": "object", "properties": {}, "additionalProperties": false });
    assert_eq!(schema_of::<NoSettings>(), expected);
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only parsed")]
struct Checked {
    first: String,
    second: Even,
    third: String,
}

#[derive(Deserialize)]
#[serde(try_from = "u8")]
#[expect(dead_code, reason = "only parsed")]
struct Even(u8);

impl TryFrom<u8> for Even {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        let is_even = number.is_multiple_of(2);
        is_even.then_some(Self(number)).ok_or("not an even number")
    }
}

#[test]
fn a_key_after_one_with_a_check_of_its_own_is_not_said_to_be_required() {
    let schema = schema_of::<Checked>();
    assert_eq!(schema["required"], json!(["first", "second"]));
    let third = &schema["properties"]["third"];
    assert_eq!(*third, json!({ "type": "string" }));
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only parsed")]
struct Tree {
    name: String,
    #[serde(default)]
    branches: Vec<Self>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only parsed")]
struct Lists(Vec<Self>);

#[test]
fn a_recursive_type_has_a_finite_schema() {
    let expected = json!({
        "type": "object",
        "properties": {
            "name": { "type": "string" },
            "branches": { "type": "array", "items": {} },
        },
        "required": ["name"],
    });
    assert_eq!(schema_of::<Tree>(), expected);
    assert_eq!(schema_of::<Lists>()["type"], "array");
}

#[derive(Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "only parsed")]
enum Untagged {
    Name(String),
    Names(Vec<String>),
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
enum Tagged {
    #[expect(dead_code, reason = "only the shape counts")]
    One { a: u8 },
}

#[test]
fn a_type_that_decides_by_what_it_finds_takes_any_value() {
    assert_eq!(schema_of::<Untagged>(), json!({}));
    assert_eq!(schema_of::<Tagged>(), json!({}));
}

#[test]
fn the_keys_of_a_profile_are_those_that_its_errors_name() {
    let schema = schema_of::<Profile>();
    let error = parse::<Profile>(r#"{ "no-such-key": 1 }"#).unwrap_err();
    let error = error.to_string();
    let read: Vec<_> = error.split('`').skip(3).step_by(2).collect();
    let keys = schema["properties"].as_object().unwrap();
    let mut sorted = read.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, keys.keys().map(String::as_str).collect::<Vec<_>>());
    let streams = &schema["properties"]["intents"]["properties"]["streams"];
    let consume = &streams["additionalProperties"]["properties"]["consume"];
    assert_eq!(
        *consume,
        json!({ "type": "array", "items": { "type": "string" } })
    );
}

#[test]
fn a_schema_leaves_no_warnings_behind() {
    schema::<Tree>(&SettingsDoc::default());
    parse::<Tree>(r#"{ "name": "oak" }"#).unwrap();
    assert_eq!(crate::testing::take_log(), []);
}

#[test]
fn a_schema_has_the_descriptions_and_defaults_of_the_policy() {
    const KEYS: &[KeyDoc] = &[
        KeyDoc::new("account", "the account"),
        KeyDoc::new("grace", "time for farewells"),
        KeyDoc::new("unknown", "verdict on others").or(r#""deny""#),
        KeyDoc::new("shapes[].circle", "the radius"),
        KeyDoc::new("users.NAME.hash", "the hash"),
        KeyDoc::new("boxed", "another user"),
        KeyDoc::new("boxed.profile", "its profile").or("null"),
    ];
    let schema: Value = serde_json::from_str(&schema::<Settings>(&SettingsDoc::new(KEYS))).unwrap();
    let properties = &schema["properties"];
    let described = |value: &Value| value["description"].as_str().unwrap_or("none").to_owned();
    assert_eq!(described(&properties["account"]), "the account");
    assert_eq!(
        described(&properties["grace"]),
        "time for farewells; a duration like \"30s\", \"15m\", \"1h30m\" or \"2d\""
    );
    assert_eq!(properties["unknown"]["default"], "deny");
    let circle = &properties["shapes"]["items"]["anyOf"][1]["properties"]["circle"];
    assert_eq!(described(circle), "the radius");
    let user = &properties["users"]["additionalProperties"];
    assert_eq!(described(user), "a table with `hash`");
    assert_eq!(described(&user["properties"]["hash"]), "the hash");
    assert_eq!(described(&user["properties"]["profile"]), "none");
    assert_eq!(described(&properties["boxed"]), "another user");
    let profile = &properties["boxed"]["properties"]["profile"];
    assert_eq!(profile["default"], Value::Null);
}
