//! The rows of nats-server's tests of auth callout in which the service must act. The numbers are
//! those of `docs/reference/conformance.md`.

mod bounds;
mod config;
mod events;
mod leafnode;
mod mqtt;
mod operator;
mod refusals;
mod transport;

use crate::suite::{Row, Suite, row};

/// The suite of nats-server's own tests.
pub(crate) static SUITE: Suite = Suite {
    name: "callout",
    head: "nats-server's test",
    rows: &ROWS,
    acts: &[],
};

/// All rows, in the reference's order. Titles are nats-server's names, without `TestAuthCallout`.
static ROWS: [Row; 38] = [
    row!(4, "basics", "Basics", (2, 10, 0), config::basics),
    row!(
        6,
        "mqtt_jwt",
        "MQTTJwtPassedInConnectOptions",
        (2, 12, 7),
        mqtt::user_jwt
    ),
    row!(
        7,
        "mqtt_opaque",
        "NonOperatorMQTTOpaquePassword",
        (2, 12, 7),
        mqtt::opaque_password
    ),
    row!(
        8,
        "multi_accounts",
        "MultiAccounts",
        (2, 10, 0),
        config::multi_accounts
    ),
    row!(
        11,
        "allowed_accounts",
        "AllowedAccounts",
        (2, 11, 0),
        config::allowed_accounts
    ),
    row!(
        12,
        "ping_first_denied",
        "NoAuthUserPreConnectInvokesCallout",
        (2, 12, 14),
        transport::ping_first_denied
    ),
    row!(
        13,
        "ping_first_expires",
        "NoAuthUserPreConnectHonorsExpiration",
        (2, 12, 14),
        transport::ping_first_expires
    ),
    row!(
        14,
        "client_certificates",
        "ClientTLSCerts",
        (2, 10, 0),
        transport::client_certificates
    ),
    row!(
        16,
        "nkey_clients",
        "VerifiedUserCalloutsWithSig",
        (2, 10, 0),
        transport::nkey_clients
    ),
    row!(
        18,
        "operator_basics",
        "OperatorModeBasics",
        (2, 10, 0),
        operator::basics
    ),
    row!(
        20,
        "connection_types",
        "AllowedConnectionTypes",
        (2, 10, 0),
        bounds::connection_types
    ),
    row!(22, "sources", "Src", (2, 10, 0), bounds::sources),
    row!(
        23,
        "scoped_assigned",
        "ScopedUserAssignedAccount",
        (2, 10, 10),
        operator::scoped_assigned
    ),
    row!(
        24,
        "scoped_any",
        "ScopedUserAllAccount",
        (2, 10, 10),
        operator::scoped_any
    ),
    row!(
        26,
        "encryption",
        "ServerConfigEncryption",
        (2, 10, 0),
        transport::encryption
    ),
    row!(
        28,
        "operator_encryption",
        "OperatorModeEncryption",
        (2, 10, 0),
        operator::encryption
    ),
    row!(
        29,
        "server_tags",
        "ServerTags",
        (2, 10, 0),
        config::server_tags
    ),
    row!(
        30,
        "cluster_and_version",
        "ServerClusterAndVersion",
        (2, 10, 0),
        config::cluster_and_version
    ),
    row!(
        31,
        "error_response",
        "ErrorResponse",
        (2, 10, 0),
        refusals::error_response
    ),
    row!(
        32,
        "auth_user_fails",
        "AuthUserFailDoesNotInvokeCallout",
        (2, 10, 0),
        refusals::auth_user_fails
    ),
    row!(
        39,
        "auth_error_events",
        "AuthErrEvents",
        (2, 10, 0),
        events::auth_errors
    ),
    row!(
        40,
        "connect_events",
        "ConnectEvents",
        (2, 10, 0),
        events::connects
    ),
    row!(
        41,
        "tags_and_name",
        "UserTagsAndName",
        (2, 10, 0),
        bounds::tags_and_name
    ),
    row!(
        42,
        "bad_server",
        "BadServer",
        (2, 10, 0),
        refusals::bad_server
    ),
    row!(43, "bad_user", "BadUser", (2, 10, 0), refusals::bad_user),
    row!(
        44,
        "expired_user",
        "ExpiredUser",
        (2, 10, 0),
        refusals::expired_user
    ),
    row!(
        45,
        "expired_response",
        "ExpiredResponse",
        (2, 10, 0),
        refusals::expired_response
    ),
    row!(
        46,
        "any_account",
        "Operator_AnyAccount",
        (2, 10, 0),
        operator::any_account
    ),
    row!(
        47,
        "websocket_certificates",
        "WSClientTLSCerts",
        (2, 10, 0),
        transport::websocket_certificates
    ),
    row!(
        48,
        "client_error",
        "ClientAuthErrorConf",
        (2, 10, 10),
        refusals::client_error
    ),
    row!(
        49,
        "operator_client_error",
        "ClientAuthErrorOperatorMode",
        (2, 10, 10),
        operator::client_error
    ),
    row!(
        50,
        "revocation",
        "OperatorModeUserRevocation",
        (2, 10, 17),
        operator::revocation
    ),
    row!(
        51,
        "leafnodes_operator",
        "LeafNodeAndOperatorMode",
        (2, 10, 26),
        leafnode::operator_mode
    ),
    row!(
        52,
        "leafnodes_config",
        "LeafNodeAndConfigMode",
        (2, 10, 26),
        leafnode::config_mode
    ),
    row!(
        54,
        "proxy_required",
        "ProxyRequiredInUserNotInAuthJWT",
        (2, 12, 0),
        config::proxy_required
    ),
    row!(
        61,
        "mqtt_default_sentinel",
        "OperatorModeMQTTOpaquePasswordUsesDefaultSentinel",
        (2, 12, 7),
        mqtt::default_sentinel
    ),
    row!(
        63,
        "denied_subjects",
        "UserDeniedAuthCalloutSubjects",
        (2, 10, 0),
        bounds::denied_subjects
    ),
    row!(66, "limits", "UserLimits", (2, 10, 0), bounds::limits),
];
