//! The features of the account server, of system events and of credentials files, with accounts,
//! resolver, system client and host of this project. Each row is one feature, and its test is the
//! one that `docs/reference/conformance.md` describes.

mod credentials;
mod go;
mod logins;
mod resolver;
#[expect(dead_code, reason = "the example's own `main` is not called")]
#[path = "../../host/system/examples/sessions.rs"]
mod sessions;
mod system;
mod tap;

use crate::suite::{Act, Row, Suite, row};

/// The suite of accounts.
pub(crate) static SUITE: Suite = Suite {
    name: "accounts",
    head: "feature of accounts, system events and credentials",
    rows: &ROWS,
    acts: &ACTS,
};

static ROWS: [Row; 20] = [
    row!(
        1,
        "bootstrap",
        "operator, accounts, users and configuration",
        (2, 10, 0)
    ),
    row!(2, "lookup", "account lookup over HTTP", (2, 10, 0)),
    row!(
        3,
        "routes",
        "routes, queries and caching of the resolver",
        (2, 10, 0)
    ),
    row!(
        4,
        "trust",
        "only versions that the operator signed",
        (2, 10, 0)
    ),
    row!(
        5,
        "notification",
        "servers are told of an update",
        (2, 10, 0)
    ),
    row!(6, "replay", "no earlier version", (2, 10, 0)),
    row!(7, "cache", "account lookup over NATS", (2, 10, 0)),
    row!(8, "activations", "activation tokens", (2, 10, 0)),
    row!(9, "sessions", "table of sessions by events", (2, 10, 0)),
    row!(10, "kick", "kick and lame duck of a session", (2, 10, 0)),
    row!(
        11,
        "services",
        "typed client of the servers' services",
        (2, 10, 0)
    ),
    row!(
        12,
        "health",
        "the host's own health and discovery",
        (2, 10, 0)
    ),
    row!(13, "variants", "variants of credentials files", (2, 10, 0)),
    row!(
        14,
        "replaced",
        "replaced credentials without a restart",
        (2, 10, 0)
    ),
    row!(15, "secrets", "no secret in logs", (2, 10, 0)),
    row!(16, "versions", "JWTs of version 1 and 2", (2, 10, 0)),
    row!(
        17,
        "minted",
        "minted credentials with every client",
        (2, 10, 0)
    ),
    row!(
        18,
        "sentinel",
        "a sentinel and a token, with async-nats",
        (2, 10, 0)
    ),
    row!(
        19,
        "languages",
        "the same with nats-py and nats.js",
        (2, 10, 0)
    ),
    row!(
        20,
        "go",
        "minted credentials and a sentinel, with nats.go",
        (2, 10, 0)
    ),
];

static ACTS: [Act; 2] = [
    Act {
        name: "resolver",
        rows: &[1, 2, 3, 4, 5, 6, 7, 8],
        run: |release, results| Box::pin(resolver::act(release, results)),
    },
    Act {
        name: "logins",
        rows: &[9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20],
        run: |release, results| Box::pin(logins::act(release, results)),
    },
];
