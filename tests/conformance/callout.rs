//! The rows: nats-server's tests of auth callout in which the service has to do something right, numbered as in
//! `docs/reference/conformance.md`.

mod config;
mod events;
mod operator;
mod refusals;
mod transport;

use std::pin::Pin;

use anyhow::Result;
use portcullis_tests::Release;

/// One of nats-server's tests.
pub(crate) struct Row {
    pub(crate) number: u8,
    /// As part of a test's name.
    pub(crate) name: &'static str,
    /// nats-server's name, without `TestAuthCallout`.
    pub(crate) title: &'static str,
    /// The first release that has what is tested.
    pub(crate) first_in: (u16, u16, u16),
    pub(crate) run: Run,
}

/// A row on its way.
type Running = Pin<Box<dyn Future<Output = Result<()>>>>;

/// What to do for a row.
#[derive(Clone, Copy)]
pub(crate) enum Run {
    /// Run it.
    Now(fn(Release) -> Running),
    /// Nothing: it takes MQTT, WebSocket or leafnodes.
    Later,
}

/// A row that is run.
macro_rules! row {
    ($number:literal, $name:literal, $title:literal, $first_in:expr, $run:path) => {
        Row {
            number: $number,
            name: $name,
            title: $title,
            first_in: $first_in,
            run: Run::Now(|release| Box::pin($run(release))),
        }
    };
}

const fn later(number: u8, name: &'static str, title: &'static str) -> Row {
    Row {
        number,
        name,
        title,
        first_in: (2, 10, 0),
        run: Run::Later,
    }
}

/// All of them, in the reference's order.
pub(crate) static ROWS: [Row; 33] = [
    row!(2, "basics", "Basics", (2, 10, 0), config::basics),
    later(4, "mqtt_jwt", "MQTTJwtPassedInConnectOptions"),
    later(5, "mqtt_opaque", "NonOperatorMQTTOpaquePassword"),
    row!(
        6,
        "multi_accounts",
        "MultiAccounts",
        (2, 10, 0),
        config::multi_accounts
    ),
    row!(
        7,
        "allowed_accounts",
        "AllowedAccounts",
        (2, 11, 0),
        config::allowed_accounts
    ),
    row!(
        8,
        "ping_first_denied",
        "NoAuthUserPreConnectInvokesCallout",
        (2, 12, 14),
        transport::ping_first_denied
    ),
    row!(
        9,
        "ping_first_expires",
        "NoAuthUserPreConnectHonorsExpiration",
        (2, 12, 14),
        transport::ping_first_expires
    ),
    row!(
        10,
        "client_certificates",
        "ClientTLSCerts",
        (2, 10, 0),
        transport::client_certificates
    ),
    row!(
        11,
        "nkey_clients",
        "VerifiedUserCalloutsWithSig",
        (2, 10, 0),
        transport::nkey_clients
    ),
    row!(
        13,
        "operator_basics",
        "OperatorModeBasics",
        (2, 10, 0),
        operator::basics
    ),
    row!(
        14,
        "scoped_assigned",
        "ScopedUserAssignedAccount",
        (2, 10, 10),
        operator::scoped_assigned
    ),
    row!(
        15,
        "scoped_any",
        "ScopedUserAllAccount",
        (2, 10, 10),
        operator::scoped_any
    ),
    row!(
        16,
        "encryption",
        "ServerConfigEncryption",
        (2, 10, 0),
        transport::encryption
    ),
    row!(
        17,
        "operator_encryption",
        "OperatorModeEncryption",
        (2, 10, 0),
        operator::encryption
    ),
    row!(
        18,
        "server_tags",
        "ServerTags",
        (2, 10, 0),
        config::server_tags
    ),
    row!(
        19,
        "cluster_and_version",
        "ServerClusterAndVersion",
        (2, 10, 0),
        config::cluster_and_version
    ),
    row!(
        20,
        "error_response",
        "ErrorResponse",
        (2, 10, 0),
        refusals::error_response
    ),
    row!(
        21,
        "auth_user_fails",
        "AuthUserFailDoesNotInvokeCallout",
        (2, 10, 0),
        refusals::auth_user_fails
    ),
    row!(
        22,
        "auth_error_events",
        "AuthErrEvents",
        (2, 10, 0),
        events::auth_errors
    ),
    row!(
        23,
        "connect_events",
        "ConnectEvents",
        (2, 10, 0),
        events::connects
    ),
    row!(
        24,
        "bad_server",
        "BadServer",
        (2, 10, 0),
        refusals::bad_server
    ),
    row!(25, "bad_user", "BadUser", (2, 10, 0), refusals::bad_user),
    row!(
        26,
        "expired_user",
        "ExpiredUser",
        (2, 10, 0),
        refusals::expired_user
    ),
    row!(
        27,
        "expired_response",
        "ExpiredResponse",
        (2, 10, 0),
        refusals::expired_response
    ),
    row!(
        28,
        "any_account",
        "Operator_AnyAccount",
        (2, 10, 0),
        operator::any_account
    ),
    later(29, "websocket_certificates", "WSClientTLSCerts"),
    row!(
        30,
        "client_error",
        "ClientAuthErrorConf",
        (2, 10, 10),
        refusals::client_error
    ),
    row!(
        31,
        "operator_client_error",
        "ClientAuthErrorOperatorMode",
        (2, 10, 10),
        operator::client_error
    ),
    row!(
        32,
        "revocation",
        "OperatorModeUserRevocation",
        (2, 10, 17),
        operator::revocation
    ),
    later(33, "leafnodes_operator", "LeafNodeAndOperatorMode"),
    later(34, "leafnodes_config", "LeafNodeAndConfigMode"),
    row!(
        35,
        "proxy_required",
        "ProxyRequiredInUserNotInAuthJWT",
        (2, 12, 0),
        config::proxy_required
    ),
    later(
        40,
        "mqtt_default_sentinel",
        "OperatorModeMQTTOpaquePasswordUsesDefaultSentinel",
    ),
];
