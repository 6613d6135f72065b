//! The rows: nats-server's tests of auth callout in which the service has to do something right, numbered as in
//! `docs/reference/conformance.md`.

mod config;
mod events;
mod leafnode;
mod mqtt;
mod operator;
mod refusals;
mod transport;

use crate::suite::{Row, Suite, row};

/// nats-server's own tests.
pub(crate) static SUITE: Suite = Suite {
    name: "callout",
    head: "nats-server's test",
    rows: &ROWS,
};

/// All of them, in the reference's order. Titles are nats-server's names, without `TestAuthCallout`.
static ROWS: [Row; 33] = [
    row!(2, "basics", "Basics", (2, 10, 0), config::basics),
    row!(
        4,
        "mqtt_jwt",
        "MQTTJwtPassedInConnectOptions",
        (2, 12, 7),
        mqtt::user_jwt
    ),
    row!(
        5,
        "mqtt_opaque",
        "NonOperatorMQTTOpaquePassword",
        (2, 12, 7),
        mqtt::opaque_password
    ),
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
    row!(
        29,
        "websocket_certificates",
        "WSClientTLSCerts",
        (2, 10, 0),
        transport::websocket_certificates
    ),
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
    row!(
        33,
        "leafnodes_operator",
        "LeafNodeAndOperatorMode",
        (2, 10, 26),
        leafnode::operator_mode
    ),
    row!(
        34,
        "leafnodes_config",
        "LeafNodeAndConfigMode",
        (2, 10, 26),
        leafnode::config_mode
    ),
    row!(
        35,
        "proxy_required",
        "ProxyRequiredInUserNotInAuthJWT",
        (2, 12, 0),
        config::proxy_required
    ),
    row!(
        40,
        "mqtt_default_sentinel",
        "OperatorModeMQTTOpaquePasswordUsesDefaultSentinel",
        (2, 12, 7),
        mqtt::default_sentinel
    ),
];
