//! Logins of every kind, with third-party clients. Each row verifies the host's log line of the
//! decision and the client's permissions. Each row also has a refused login, whose client must
//! learn no more than its transport says.

mod certificate;
mod leafnode;
mod mqtt;
mod operator;
mod tcp;
mod visit;
mod websocket;

use crate::suite::{Row, Suite, row};

/// The suite of logins.
pub(crate) static SUITE: Suite = Suite {
    name: "identity",
    head: "login",
    rows: &ROWS,
    acts: &[],
};

/// The rows by transport. Rows in operator mode, whose JWTs matter, come last.
static ROWS: [Row; 21] = [
    row!(
        1,
        "password",
        "password, over TCP",
        (2, 10, 0),
        tcp::password
    ),
    row!(2, "token", "token, over TCP", (2, 10, 0), tcp::token),
    row!(3, "nkey", "nkey, over TCP", (2, 10, 0), tcp::nkey),
    row!(
        4,
        "certificate",
        "certificate, over TLS",
        (2, 10, 0),
        certificate::over_tls
    ),
    row!(
        5,
        "certificate_and_password",
        "password beside a certificate, over TLS",
        (2, 10, 0),
        certificate::beside_password
    ),
    row!(
        6,
        "websocket_password",
        "password, over WebSocket",
        (2, 10, 0),
        websocket::password
    ),
    row!(
        7,
        "websocket_password_cookies",
        "password in cookies, over WebSocket",
        (2, 11, 0),
        websocket::password_cookies
    ),
    row!(
        8,
        "websocket_token_cookie",
        "token in a cookie, over WebSocket",
        (2, 11, 0),
        websocket::token_cookie
    ),
    row!(
        9,
        "websocket_certificate",
        "certificate, over WebSocket",
        (2, 10, 0),
        certificate::over_websocket
    ),
    row!(
        10,
        "mqtt_password",
        "password, over MQTT",
        (2, 10, 0),
        mqtt::password
    ),
    row!(
        11,
        "mqtt_jwt",
        "user JWT as the password, over MQTT",
        (2, 10, 0),
        mqtt::user_jwt
    ),
    row!(
        12,
        "mqtt_certificate",
        "certificate, over MQTT",
        (2, 10, 0),
        certificate::over_mqtt
    ),
    row!(
        13,
        "leafnode_password",
        "password, of a leafnode",
        (2, 10, 26),
        leafnode::password
    ),
    row!(
        14,
        "leafnode_certificate",
        "certificate, of a leafnode",
        (2, 10, 0),
        leafnode::certificate
    ),
    row!(
        15,
        "operator_credentials",
        "credentials, operator mode",
        (2, 10, 0),
        operator::credentials
    ),
    row!(
        16,
        "operator_token",
        "token behind a sentinel, operator mode",
        (2, 10, 0),
        operator::token
    ),
    row!(
        17,
        "operator_websocket",
        "user JWT in a cookie, over WebSocket, operator mode",
        (2, 10, 0),
        operator::jwt_cookie
    ),
    row!(
        18,
        "operator_websocket_token",
        "token behind it, over WebSocket, operator mode",
        (2, 10, 0),
        operator::token_behind_cookie
    ),
    row!(
        19,
        "operator_mqtt",
        "user JWT as the password, over MQTT, operator mode",
        (2, 10, 0),
        operator::mqtt
    ),
    row!(
        20,
        "operator_leafnode",
        "credentials, of a leafnode, operator mode",
        (2, 10, 26),
        leafnode::credentials
    ),
    row!(
        21,
        "leafnode_websocket",
        "password, of a leafnode over WebSocket",
        (2, 10, 26),
        leafnode::over_websocket
    ),
];
