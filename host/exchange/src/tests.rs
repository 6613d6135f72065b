//! The exchange over HTTP, with real tokens and without NATS.

mod limits;
mod refusals;
mod support;
mod tls;
mod tokens;
