//! The listener of the HTTP front doors: HTTP/1.1 with or without TLS, with limits on everything
//! that clients decide.
//!
//! A front door gives the listener its router, its limits and an [`Observer`]. The listener
//! accepts connections, and counts them together and by client address. It limits the time of a
//! handshake, of a request's head and of reading an answer. It closes old connections between two
//! requests, and finishes the requests in progress when the front door stops.
//!
//! - [`HttpListener`], [`ListenerOptions`] and [`CannotListen`]: the listener and its limits.
//! - [`Observer`] and [`Closed`]: what the listener tells the front door.
//! - [`Addresses`]: a limit on what each client address has at the same time.
//! - [`Peer`]: the client of a connection, which the listener adds to each request.
//! - [`ServerTls`]: TLS with a certificate that is read again.
//! - [`MetricsText`]: metrics in the formats of Prometheus.
//! - [`Refreshed`]: a value that is read again, such as a token in a file.

#![cfg_attr(
    test,
    allow(clippy::disallowed_methods, reason = "a test waits in real time")
)]

mod addresses;
mod closed;
mod connection;
mod listener;
mod metrics;
mod options;
mod peer;
mod refreshed;
#[cfg(test)]
mod tests;
mod tls;

pub use addresses::{AddressPlace, Addresses};
pub use closed::Closed;
pub use listener::{CannotListen, HttpListener, Observer};
pub use metrics::MetricsText;
pub use options::ListenerOptions;
pub use peer::Peer;
pub use refreshed::{NotRead, Refreshed};
pub use tls::{ServerTls, TlsError};
