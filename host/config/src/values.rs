//! Kinds of values, with their units.

use std::time::Duration;

use bytesize::ByteSize;
use portcullis_catalog::{InvalidPublisher, Publisher};
use portcullis_claims::{KeyKind, PublicKey};
use portcullis_core::{ConnectionType, InvalidConnectionType, Method, PolicyName};
use portcullis_identity::TokenPlace;
use url::Url;

/// A kind of value: its parser, and its description for errors.
pub(super) struct Kind<T> {
    /// Description that fits after "expected".
    pub(super) expected: &'static str,
    /// Parser of the value. Its error is the whole message.
    pub(super) parse: fn(&str) -> Result<T, String>,
}

/// Length of a year as `humantime` counts it: 365.25 days.
const A_YEAR: Duration = Duration::from_hours(8766);

/// A non-empty text.
pub(super) const TEXT: Kind<String> = Kind {
    expected: "a string",
    parse: |text| {
        if text.is_empty() {
            Err("must not be empty".to_owned())
        } else {
            Ok(text.to_owned())
        }
    },
};

/// A name without white space, such as that of an account or a queue group.
pub(super) const WORD: Kind<String> = Kind {
    expected: "a name",
    parse: |text| {
        if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            Err(format!(
                "expected a name without blanks, found `{}`",
                text.escape_debug()
            ))
        } else {
            Ok(text.to_owned())
        }
    },
};

/// The name of an environment variable.
pub(super) const VARIABLE: Kind<String> = Kind {
    expected: "the name of an environment variable",
    parse: |text| {
        let valid = !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && !text.starts_with(|first: char| first.is_ascii_digit());
        // The error does not show the text, which may be a misplaced secret.
        valid.then(|| text.to_owned()).ok_or_else(|| {
            "expected the name of an environment variable: letters, digits and `_`".to_owned()
        })
    },
};

/// A time span, zero included. Spans above a year are mistakes, and clocks cannot add the longest
/// ones.
pub(super) const DURATION: Kind<Duration> = Kind {
    expected: "a duration such as `250ms` or `1h 30m`",
    parse: |text| match humantime::parse_duration(text) {
        Ok(duration) if duration <= A_YEAR => Ok(duration),
        Ok(_) => Err(format!("must be at most `1year`, found `{text}`")),
        Err(_) => Err(format!(
            "expected a duration such as `250ms` or `1h 30m`, found `{}`",
            text.escape_debug()
        )),
    },
};

/// A time span above zero.
pub(super) const SOME_TIME: Kind<Duration> = Kind {
    expected: DURATION.expected,
    parse: |text| at_least(text, Duration::from_nanos(1), "must be more than zero"),
};

/// A time span of at least a second, which JWTs can express.
pub(super) const SECONDS: Kind<Duration> = Kind {
    expected: DURATION.expected,
    parse: |text| at_least(text, Duration::from_secs(1), "must be at least one second"),
};

/// A number of bytes above zero.
pub(super) const SIZE: Kind<u64> = Kind {
    expected: "a size such as `16MiB` or `64KiB`",
    parse: |text| match text.parse::<ByteSize>() {
        Ok(ByteSize(0)) => Err("must be more than zero".to_owned()),
        Ok(ByteSize(bytes)) => Ok(bytes),
        Err(_) => Err(format!(
            "expected a size such as `16MiB` or `64KiB`, found `{}`",
            text.escape_debug()
        )),
    },
};

/// The name of a policy.
pub(super) const POLICY: Kind<PolicyName> = Kind {
    expected: "a policy name",
    parse: |text| {
        text.parse()
            .map_err(|error: portcullis_core::InvalidPolicyName| error.to_string())
    },
};

/// A publisher that signs modules.
pub(super) const PUBLISHER: Kind<Publisher> = Kind {
    expected: "the public nkey of a publisher",
    // The error does not show the text, which may be a misplaced seed.
    parse: |text| {
        text.parse()
            .map_err(|error: InvalidPublisher| error.to_string())
    },
};

/// A type of connection.
pub(super) const CONNECTION_TYPE: Kind<ConnectionType> = Kind {
    expected: "a type of connection such as `STANDARD` or `MQTT`",
    parse: |text| match text.parse() {
        Ok(ConnectionType::MqttWs | ConnectionType::LeafnodeWs) => Err(format!(
            "no request tells `{text}` from the type without `_WS`: name that one"
        )),
        parsed => parsed.map_err(|error: InvalidConnectionType| error.to_string()),
    },
};

/// A method of authentication.
pub(super) const METHOD: Kind<Method> = Kind {
    expected: "a method such as `password` or `oidc`",
    parse: |text| {
        let known = Method::ALL
            .into_iter()
            .find(|method| method.as_str() == text);
        known.ok_or_else(|| {
            let known = Method::ALL.map(Method::as_str).join("`, `");
            format!("expected one of `{known}`, found `{}`", text.escape_debug())
        })
    },
};

/// The public key of an account.
pub(super) const ACCOUNT_KEY: Kind<PublicKey> = Kind {
    expected: "the public key of an account (A…)",
    parse: |text| public_key(text, KeyKind::Account),
};

/// The public key of an operator.
pub(super) const OPERATOR_KEY: Kind<PublicKey> = Kind {
    expected: "the public key of an operator (O…)",
    parse: |text| public_key(text, KeyKind::Operator),
};

/// The public key of a server, as text.
pub(super) const SERVER_KEY: Kind<String> = Kind {
    expected: "the public key of a server (N…)",
    parse: |text| public_key(text, KeyKind::Server).map(|key| key.as_str().to_owned()),
};

/// The name of a NATS service (ADR-32).
pub(super) const SERVICE_NAME: Kind<String> = Kind {
    expected: "a service name",
    parse: |text| {
        let known = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if !text.is_empty() && text.chars().all(known) {
            Ok(text.to_owned())
        } else {
            Err(format!(
                "expected letters, digits, `-` and `_`, found `{}`",
                text.escape_debug()
            ))
        }
    },
};

/// A field that can carry a bearer token.
pub(super) const TOKEN_PLACE: Kind<TokenPlace> = Kind {
    expected: "one of `password`, `token`, `jwt`",
    parse: |text| {
        let known = TokenPlace::ALL
            .into_iter()
            .find(|place| place.as_str() == text);
        known.ok_or_else(|| {
            format!(
                "expected one of `password`, `token`, `jwt`, found `{}`",
                text.escape_debug()
            )
        })
    },
};

/// An HTTP or HTTPS address.
pub(super) const WEB_ADDRESS: Kind<Url> = Kind {
    expected: "an address such as `https://login.example.com/keys`",
    parse: |text| match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        _ => Err(format!(
            "expected an address such as `https://login.example.com/keys`, found `{}`",
            text.escape_debug()
        )),
    },
};

/// Parses a public key. The error does not show a text that is not one, because it may be a
/// misplaced seed.
fn public_key(text: &str, kind: KeyKind) -> Result<PublicKey, String> {
    let expected = format!("expected the public key of {kind} ({}…)", kind.letter());
    let key: PublicKey = text
        .parse()
        .map_err(|error| format!("{expected}: {error}"))?;
    if key.kind() == kind {
        Ok(key)
    } else {
        Err(format!("{expected}, found `{key}`"))
    }
}

/// Parses a time span of at least a second and at most `most`, which is `shown` in errors.
pub(super) fn seconds_up_to(text: &str, most: Duration, shown: &str) -> Result<Duration, String> {
    match (SECONDS.parse)(text) {
        Ok(span) if span > most => Err(format!("must be at most `{shown}`, found `{text}`")),
        span => span,
    }
}

fn at_least(text: &str, least: Duration, otherwise: &str) -> Result<Duration, String> {
    let duration = (DURATION.parse)(text)?;
    if duration < least {
        Err(format!("{otherwise}, found `{text}`"))
    } else {
        Ok(duration)
    }
}
