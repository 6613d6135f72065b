//! Reading of answers: most have the envelope `{server, data | error}`, and some have none.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{Refusal, ReplyError};
use crate::server::ServerInfo;

/// Names under which an envelope holds its data. STATSZ has a name of its own.
const DATA: [&str; 2] = ["data", "statsz"];

/// Reads an answer. The server is the default if the answer names none.
pub(crate) fn read<T: DeserializeOwned>(payload: &[u8]) -> (ServerInfo, Result<T, ReplyError>) {
    match serde_json::from_slice(payload) {
        Ok(Value::Object(fields)) => read_object(fields),
        Ok(other) => (ServerInfo::default(), parse(other)),
        Err(error) => (ServerInfo::default(), Err(ReplyError::Malformed(error))),
    }
}

fn read_object<T: DeserializeOwned>(
    mut fields: Map<String, Value>,
) -> (ServerInfo, Result<T, ReplyError>) {
    let Some(server) = fields.remove("server") else {
        return read_bare(fields);
    };
    let server = match parse(server) {
        Ok(server) => server,
        Err(error) => return (ServerInfo::default(), Err(error)),
    };
    if let Some(error) = fields.remove("error").filter(|error| !error.is_null()) {
        let refusal: Result<Refusal, _> = parse(error);
        return (server, refusal.and_then(|refusal| Err(refusal.into())));
    }
    let data = DATA.iter().find_map(|name| fields.remove(*name));
    // The answer to an order, such as KICK, has no data: `null` is the unit type.
    (server, parse(data.unwrap_or_default()))
}

/// Reads an answer without an envelope, such as that of IDZ, which is the server's name.
fn read_bare<T: DeserializeOwned>(
    fields: Map<String, Value>,
) -> (ServerInfo, Result<T, ReplyError>) {
    let text = |name| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    let server = ServerInfo {
        name: text("name").to_owned(),
        host: text("host").to_owned(),
        id: text("id").to_owned(),
        ..ServerInfo::default()
    };
    (server, parse(Value::Object(fields)))
}

fn parse<T: DeserializeOwned>(value: Value) -> Result<T, ReplyError> {
    serde_json::from_value(value).map_err(ReplyError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: &str = r#""server":{"name":"a","host":"h","id":"N1","ver":"2.10.26"}"#;

    fn read_text<T: DeserializeOwned>(fields: &str) -> (ServerInfo, Result<T, ReplyError>) {
        read(format!("{{{SERVER}{fields}}}").as_bytes())
    }

    #[test]
    fn data_stands_under_two_names() {
        for name in DATA {
            let (server, data) = read_text::<u8>(&format!(r#","{name}":7"#));
            assert_eq!(server.name, "a");
            assert_eq!(server.version, "2.10.26");
            assert_eq!(data.unwrap(), 7);
        }
    }

    #[test]
    fn an_error_has_its_code_and_description() {
        let (server, data) =
            read_text::<u8>(r#","error":{"code":500,"description":"no such client id"}"#);
        assert_eq!(server.id, "N1");
        let Err(ReplyError::Refused(refusal)) = data else {
            panic!("{data:?}");
        };
        assert_eq!(refusal.code, 500);
        assert_eq!(refusal.description, "no such client id");
    }

    #[test]
    fn an_answer_to_an_order_has_no_data() {
        assert!(read_text::<()>("").1.is_ok());
        let without_data = read_text::<u8>("").1;
        assert!(matches!(without_data, Err(ReplyError::Malformed(_))));
    }

    #[test]
    fn an_answer_may_lack_the_envelope() {
        let (server, data) = read::<Value>(br#"{"name":"a","host":"h","id":"N1"}"#);
        assert_eq!(server.name, "a");
        assert_eq!(server.id, "N1");
        assert_eq!(data.unwrap()["host"], "h");
    }

    #[test]
    fn what_is_not_json_is_malformed() {
        for payload in [b"".as_slice(), b"-ERR", b"[", b"{\"server\":7}"] {
            let (_, data) = read::<Value>(payload);
            assert!(matches!(data, Err(ReplyError::Malformed(_))), "{payload:?}");
        }
    }
}
