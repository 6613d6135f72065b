//! Distinguished names in the form of RFC 4514.

use std::fmt::Write as _;

use data_encoding::HEXLOWER;
use x509_parser::asn1_rs::ToDer as _;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// Short names of RFC 4514, and two more that Go uses.
const NAMES: [(&str, &str); 11] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.5", "SERIALNUMBER"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.17", "POSTALCODE"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("0.9.2342.19200300.100.1.1", "UID"),
];

/// Returns the name with the most specific part first, as tools write names. Certificates have the
/// reverse order.
pub(super) fn distinguished_name(name: &X509Name<'_>) -> String {
    let mut parts = Vec::new();
    for part in name.iter_rdn() {
        let attributes: Vec<_> = part.iter().map(attribute).collect();
        parts.push(attributes.join("+"));
    }
    parts.reverse();
    parts.join(",")
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let number = attribute.attr_type().to_id_string();
    let name = NAMES.iter().find(|(known, _)| *known == number);
    if let (Some((_, name)), Ok(text)) = (name, attribute.as_str()) {
        return format!("{name}={}", escaped(text));
    }
    let value = attribute.attr_value();
    // Encoding a value that was parsed from DER does not fail. If it did, its raw content would
    // stand in, so that the rest of the certificate stays usable.
    let der = value.to_der_vec().unwrap_or_else(|_| value.data.to_vec());
    format!("{number}=#{}", HEXLOWER.encode(&der))
}

/// Escapes a value as RFC 4514, 2.4 specifies. Also escapes control characters, so that a name
/// stays on one line.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let last = text.chars().count().saturating_sub(1);
    for (index, character) in text.chars().enumerate() {
        let at_edge =
            (index == 0 && matches!(character, ' ' | '#')) || (index == last && character == ' ');
        if character.is_control() {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                // Writing to a string does not fail.
                let _ = write!(escaped, "\\{byte:02x}");
            }
            continue;
        }
        if at_edge || matches!(character, '"' | '+' | ',' | ';' | '<' | '>' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped() {
        assert_eq!(escaped(" #a "), r"\ #a\ ");
        assert_eq!(escaped("#"), r"\#");
        assert_eq!(escaped(r#"a"b\c<d>;e"#), r#"a\"b\\c\<d\>\;e"#);
        assert_eq!(escaped("a\nb"), r"a\0ab");
        assert_eq!(escaped(" "), r"\ ");
    }
}
