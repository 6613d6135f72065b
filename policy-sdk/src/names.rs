//! Words of the contract as enums. Each enum has `Other` for words that this version does not know.

use std::fmt;

use serde::{Deserialize, Deserializer};

macro_rules! words {
    (
        $(#[$meta:meta])*
        $name:ident, read by $read:expr, as in $first:literal
        { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }
    ) => {
        $(#[$meta])*
        ///
        /// Values are made [from](From) texts, and settings may hold them.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$doc])* $variant,)*
            /// A word that this version of the SDK does not know.
            Other(String),
        }

        impl $name {
            /// Returns the word of the contract for this value.
            ///
            /// ```
            #[doc = concat!("use portcullis_sdk::", stringify!($name), ";")]
            ///
            #[doc = concat!("let value = ", stringify!($name), "::from(\"", $first, "\");")]
            #[doc = concat!("assert_eq!(value.as_str(), \"", $first, "\");")]
            #[doc = concat!("let unknown = ", stringify!($name), "::from(\"pigeon\");")]
            #[doc = concat!("assert_eq!(unknown, ", stringify!($name), "::Other(\"pigeon\".to_owned()));")]
            /// ```
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Other(word) => word,
                }
            }

            #[cfg(test)]
            const WORDS: &[&str] = &[$($word),*];

            fn known(word: &str) -> Option<Self> {
                match &*($read)(word) {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                Self::known(word).unwrap_or_else(|| Self::Other(word.to_owned()))
            }
        }

        impl From<&String> for $name {
            fn from(word: &String) -> Self {
                Self::from(word.as_str())
            }
        }

        impl From<String> for $name {
            fn from(word: String) -> Self {
                Self::known(&word).unwrap_or(Self::Other(word))
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                match value {
                    $name::Other(word) => word,
                    known => known.as_str().to_owned(),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(Self::from)
            }
        }
    };
}

words! {
    /// The method by which a client authenticates: the strongest of what it presented.
    ///
    /// A password or a token takes precedence over a user JWT: in operator mode that JWT is the
    /// sentinel, which every client has.
    Method, read by exactly, as in "password" {
        /// User name and password, or either of them.
        Password = "password",
        /// A bare token (`auth_token`).
        Token = "token",
        /// An nkey with a signature.
        Nkey = "nkey",
        /// A user JWT.
        Jwt = "jwt",
        /// A token of an identity provider (`OpenID` Connect, OAuth 2, Kubernetes) that the host
        /// verified, presented in any field.
        Oidc = "oidc",
        /// A TLS certificate alone, which the server verified.
        Certificate = "certificate",
        /// No credentials.
        None = "none",
    }
}

words! {
    /// The kind of a connection.
    ClientKind, read by exactly, as in "Client" {
        /// A client.
        Client = "Client",
        /// A leafnode.
        Leafnode = "Leafnode",
        /// A request to the host's token exchange, over HTTP. The permit becomes a user JWT for
        /// NATS connections that the host does not see: their address and type are not known.
        Exchange = "exchange",
        /// The request of an account that signed its own JWT to be signed by the operator. The
        /// connection name is the name that the account asks for, and the principal is its public
        /// key. A permit for it names that account, and limits it with
        /// [`Permit::limit_account`](crate::Permit::limit_account).
        AccountRequest = "account-request",
    }
}

words! {
    /// A limit of an account that the host signs on request.
    AccountLimit, read by exactly, as in "connections" {
        /// The maximum number of connections, from 1.
        Connections = "connections",
        /// The maximum number of leafnode connections.
        Leafnodes = "leafnodes",
        /// The maximum number of subscriptions, from 1.
        Subscriptions = "subscriptions",
        /// The maximum size of a message in bytes, from 1.
        Payload = "payload",
        /// The maximum number of imports.
        Imports = "imports",
        /// The maximum number of exports.
        Exports = "exports",
        /// The maximum memory storage of `JetStream`, in bytes.
        JetStreamMemory = "jetstream-memory",
        /// The maximum disk storage of `JetStream`, in bytes.
        JetStreamDisk = "jetstream-disk",
        /// The maximum number of streams, from 1.
        JetStreamStreams = "jetstream-streams",
        /// The maximum number of consumers, from 1.
        JetStreamConsumers = "jetstream-consumers",
    }
}

words! {
    /// The protocol of a client.
    Transport, read by exactly, as in "nats" {
        /// NATS over TCP, or in the process of the server.
        Nats = "nats",
        /// NATS over WebSocket.
        WebSocket = "websocket",
        /// MQTT, also over WebSocket.
        Mqtt = "mqtt",
    }
}

words! {
    /// The way in which a connection reaches its server.
    ///
    /// The server does not say whether MQTT or a leafnode runs over WebSocket. A login is therefore
    /// never of the types [`LeafnodeWs`](Self::LeafnodeWs) and [`MqttWs`](Self::MqttWs). Texts are
    /// read in upper and lower case, as servers do.
    ConnectionType, read by str::to_ascii_uppercase, as in "STANDARD" {
        /// A client over TCP.
        Standard = "STANDARD",
        /// A client over WebSocket.
        WebSocket = "WEBSOCKET",
        /// A leafnode.
        Leafnode = "LEAFNODE",
        /// A leafnode over WebSocket.
        LeafnodeWs = "LEAFNODE_WS",
        /// A client over MQTT.
        Mqtt = "MQTT",
        /// A client over MQTT over WebSocket.
        MqttWs = "MQTT_WS",
        /// A client in the process of the server.
        InProcess = "IN_PROCESS",
    }
}

const fn exactly(word: &str) -> &str {
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_types_are_read_in_upper_and_lower_case() {
        for word in ["MQTT_WS", "mqtt_ws", "Mqtt_Ws"] {
            let value = ConnectionType::from(word);
            assert_eq!(value, ConnectionType::MqttWs);
            assert_eq!(value.to_string(), "MQTT_WS");
        }
        let unknown = ConnectionType::from("Pigeon".to_owned());
        assert_eq!(unknown.as_str(), "Pigeon");
    }

    #[test]
    fn the_words_are_those_of_the_hosts_rules() {
        use portcullis_permit_rules::{AccountLimit as HostLimit, ConnectionType as HostType};

        assert_eq!(ConnectionType::WORDS, HostType::ALL.map(HostType::as_str));
        assert_eq!(AccountLimit::WORDS, HostLimit::ALL.map(HostLimit::as_str));
    }

    #[test]
    fn every_word_is_read_as_itself() {
        fn check<T: for<'a> From<&'a str> + fmt::Display>(words: &[&str]) {
            for word in words {
                assert_eq!(T::from(word).to_string(), *word);
            }
        }
        check::<Method>(Method::WORDS);
        check::<ClientKind>(ClientKind::WORDS);
        check::<Transport>(Transport::WORDS);
    }

    #[test]
    fn other_words_are_read_as_the_host_writes_them() {
        let method: Method = serde_json::from_str("\"oidc\"").unwrap();
        assert_eq!(method, Method::Oidc);
        assert_eq!(Method::from("OIDC"), Method::Other("OIDC".to_owned()));
    }
}
