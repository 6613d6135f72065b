//! The features of Overmind's `connect`, in the crate `portcullis-connect` and in the token
//! exchange. Each row is one feature, and its test is the one that
//! `docs/reference/conformance.md` describes.

mod connections;
mod exchange;
mod expiry;
mod recorder;
mod service;
mod tokens;

pub(crate) use connections::connections;

use crate::suite::{Row, Suite, row};

/// The suite of `connect`.
pub(crate) static SUITE: Suite = Suite {
    name: "connect",
    head: "feature of connect",
    rows: &ROWS,
    acts: &[],
};

static ROWS: [Row; 13] = [
    row!(
        1,
        "servers",
        "list of servers, name, reconnects",
        (2, 10, 0),
        connections::servers
    ),
    row!(
        2,
        "retries",
        "retries of the first connection",
        (2, 10, 0),
        connections::retries
    ),
    row!(
        3,
        "hooks",
        "handlers of events",
        (2, 10, 0),
        connections::hooks
    ),
    row!(
        4,
        "additional",
        "additional options of the client library",
        (2, 10, 0),
        connections::additional
    ),
    row!(
        5,
        "static_login",
        "static user JWT and key",
        (2, 10, 0),
        tokens::static_login
    ),
    row!(
        6,
        "client_credentials",
        "OAuth client credentials",
        (2, 10, 0),
        tokens::client_credentials
    ),
    row!(
        7,
        "user_key",
        "user key that stays in the process",
        (2, 10, 0),
        tokens::user_key
    ),
    row!(
        8,
        "exchange",
        "exchange of a token for a user JWT",
        (2, 10, 0),
        exchange::requests_of_connect
    ),
    row!(
        9,
        "admin",
        "account of an administrator's choice",
        (2, 10, 0),
        exchange::admin
    ),
    row!(
        10,
        "expiry",
        "renewal at and before the end of a user JWT",
        (2, 10, 0),
        expiry::renewal
    ),
    row!(
        11,
        "reuse",
        "one user JWT for several attempts to connect",
        (2, 10, 0),
        tokens::reuse
    ),
    row!(
        12,
        "trace",
        "trace context of an exchange",
        (2, 10, 0),
        exchange::trace
    ),
    row!(
        13,
        "outages",
        "watcher of outages",
        (2, 10, 0),
        connections::outages
    ),
];
