//! Kinds of values that several tables have.

use std::net::SocketAddr;

use portcullis_catalog::Publisher;
use portcullis_claims::{KeyKind, PublicKey};
use portcullis_core::{
    AccountName, ClientKind, ConnectionType, InvalidPublicKey, Method, PolicyName,
};
use portcullis_identity::TokenPlace;
use portcullis_toml::kinds::WORD;
use portcullis_toml::{InvalidValue, Kind};
use url::Url;

/// The name of a policy.
pub(crate) const POLICY: Kind<PolicyName> = Kind {
    expected: "a policy name",
    parse: |text| text.parse().map_err(InvalidValue::rule),
};

/// A publisher that signs modules.
pub(crate) const PUBLISHER: Kind<Publisher> = Kind {
    expected: "the public nkey of a publisher",
    // The error does not show the text, which may be a misplaced seed.
    parse: |text| text.parse().map_err(InvalidValue::rule),
};

/// The address of a listener of the host.
pub(crate) const ADDRESS: Kind<SocketAddr> = Kind {
    expected: "an address such as `127.0.0.1:9222`",
    parse: |text| {
        text.parse().map_err(|_| {
            InvalidValue::unexpected("an address such as `127.0.0.1:9222` or `[::]:9222`", text)
        })
    },
};

/// A type of connection.
pub(crate) const CONNECTION_TYPE: Kind<ConnectionType> = Kind {
    expected: "a type of connection such as `STANDARD` or `MQTT`",
    parse: |text| match text.parse() {
        Ok(kind @ (ConnectionType::MqttWs | ConnectionType::LeafnodeWs)) => {
            Err(InvalidValue::rule(Indistinct(kind.as_str())))
        }
        parsed => parsed.map_err(InvalidValue::rule),
    },
};

/// A kind of connection.
pub(crate) const CLIENT_KIND: Kind<ClientKind> = Kind {
    expected: "a kind of connection such as `Client` or `exchange`",
    parse: |text| {
        let known = [
            ClientKind::Client,
            ClientKind::Leafnode,
            ClientKind::Exchange,
            ClientKind::AccountRequest,
        ];
        let mut kinds = known.into_iter();
        kinds.find(|kind| kind.as_str() == text).ok_or_else(|| {
            let known = "one of `Client`, `Leafnode`, `exchange`, `account-request`";
            InvalidValue::unexpected(known, text)
        })
    },
};

/// A method of authentication.
pub(crate) const METHOD: Kind<Method> = Kind {
    expected: "a method such as `password` or `oidc`",
    parse: |text| {
        let known = Method::ALL
            .into_iter()
            .find(|method| method.as_str() == text);
        known.ok_or_else(|| {
            let known = Method::ALL.map(Method::as_str).join("`, `");
            InvalidValue::unexpected(format!("one of `{known}`"), text)
        })
    },
};

/// The name of an account.
pub(crate) const ACCOUNT: Kind<AccountName> = Kind {
    expected: WORD.expected,
    parse: |text| {
        let name = AccountName::try_from((WORD.parse)(text)?);
        name.map_err(InvalidValue::rule)
    },
};

/// The public key of an account.
pub(crate) const ACCOUNT_KEY: Kind<PublicKey> = Kind {
    expected: "the public key of an account (A…)",
    parse: |text| public_key(text, KeyKind::Account),
};

/// The public key of an operator.
pub(crate) const OPERATOR_KEY: Kind<PublicKey> = Kind {
    expected: "the public key of an operator (O…)",
    parse: |text| public_key(text, KeyKind::Operator),
};

/// The public key of a server.
pub(crate) const SERVER_KEY: Kind<PublicKey> = Kind {
    expected: "the public key of a server (N…)",
    parse: |text| public_key(text, KeyKind::Server),
};

/// The name of a NATS service (ADR-32).
pub(crate) const SERVICE_NAME: Kind<String> = Kind {
    expected: "a service name",
    parse: |text| {
        let known = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if !text.is_empty() && text.chars().all(known) {
            Ok(text.to_owned())
        } else {
            Err(InvalidValue::unexpected(
                "letters, digits, `-` and `_`",
                text,
            ))
        }
    },
};

/// A field that can carry a bearer token.
pub(crate) const TOKEN_PLACE: Kind<TokenPlace> = Kind {
    expected: "one of `password`, `token`, `jwt`",
    parse: |text| {
        let known = TokenPlace::ALL
            .into_iter()
            .find(|place| place.as_str() == text);
        known.ok_or_else(|| InvalidValue::unexpected("one of `password`, `token`, `jwt`", text))
    },
};

/// An HTTP or HTTPS address.
pub(crate) const WEB_ADDRESS: Kind<Url> = Kind {
    expected: "an address such as `https://login.example.com/keys`",
    parse: |text| match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        _ => Err(InvalidValue::unexpected(
            "an address such as `https://login.example.com/keys`",
            text,
        )),
    },
};

/// A connection type that no request tells from another.
#[derive(Debug, thiserror::Error)]
#[error("no request tells `{0}` from the type without `_WS`: name that one")]
struct Indistinct(&'static str);

/// A reason why a text is not the public key of `kind`. The message does not show a text that is
/// not a key, because it may be a misplaced seed.
#[derive(Debug, thiserror::Error)]
enum InvalidKey {
    #[error("expected the public key of {kind} ({}…): {error}", kind.letter())]
    Text {
        kind: KeyKind,
        #[source]
        error: InvalidPublicKey,
    },
    #[error("expected the public key of {kind} ({}…), found `{key}`", kind.letter())]
    OtherKind { kind: KeyKind, key: PublicKey },
}

fn public_key(text: &str, kind: KeyKind) -> Result<PublicKey, InvalidValue> {
    let key = text.parse::<PublicKey>();
    let key = key.map_err(|error| InvalidValue::rule(InvalidKey::Text { kind, error }))?;
    if key.kind() == kind {
        Ok(key)
    } else {
        Err(InvalidValue::rule(InvalidKey::OtherKind { kind, key }))
    }
}
