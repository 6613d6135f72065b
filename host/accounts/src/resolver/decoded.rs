//! JWTs in a form for humans.

use chrono::DateTime;
use data_encoding::BASE64URL_NOPAD;
use portcullis_claims::ActivationClaims;
use serde::Serialize;
use serde_json::ser::PrettyFormatter;
use serde_json::{Serializer, Value};

/// Returns the header and the claims of a JWT as JSON with dates, and its signature. Tokens of
/// imports are decoded too. `None` if the text is no JWT.
///
/// The text is for humans and is not JSON, because dates stand next to the times.
pub(super) fn decoded(token: &str) -> Option<String> {
    let mut chunks = token.trim().split('.');
    let header = json(chunks.next()?)?;
    let mut claims = json(chunks.next()?)?;
    let signature = chunks.next()?;
    let imports = claims.pointer_mut("/nats/imports");
    for import in imports.and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(token) = import.get_mut("token") {
            decode_activation(token);
        }
    }
    let (header, claims) = (pretty(&header)?, pretty(&claims)?);
    let claims: Vec<_> = claims.lines().map(dated).collect();
    let claims = claims.join("\n");
    Some(format!("{header}\n\r\n{claims}\n\r\n{signature}"))
}

fn json(chunk: &str) -> Option<Value> {
    let text = BASE64URL_NOPAD.decode(chunk.as_bytes()).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Replaces the token of an import by its claims, or by the reason why it has none.
fn decode_activation(token: &mut Value) {
    let Some(text) = token.as_str() else { return };
    let claims = ActivationClaims::decode(text);
    *token = match claims.map(|claims| serde_json::to_value(&claims)) {
        Ok(Ok(claims)) => claims,
        Ok(Err(error)) => Value::String(format!("<bad token - {error}>")),
        Err(error) => Value::String(format!("<bad token - {error}>")),
    };
}

fn pretty(value: &Value) -> Option<String> {
    let mut text = Vec::new();
    let formatter = PrettyFormatter::with_indent(b"    ");
    let mut serializer = Serializer::with_formatter(&mut text, formatter);
    value.serialize(&mut serializer).ok()?;
    String::from_utf8(text).ok()
}

/// Adds the date to a line of JSON with a time of issue or an expiry.
fn dated(line: &str) -> String {
    let field = line.trim_start();
    let time = ["\"iat\": ", "\"exp\": "]
        .iter()
        .find_map(|name| field.strip_prefix(name));
    let (text, comma) = match line.strip_suffix(',') {
        Some(text) => (text, ","),
        None => (line, ""),
    };
    let time = time.and_then(|time| time.trim_end_matches(',').parse().ok());
    match time.and_then(|time| DateTime::from_timestamp(time, 0)) {
        Some(at) => format!("{text} ({}){comma}", at.date_naive()),
        None => line.to_owned(),
    }
}
