//! End-to-end tests with a real nats-server of the oldest and the newest release, a real
//! `portcullis`, real policies and third-party clients. `cargo xtask test` provides all of them and
//! runs the tests.

mod accounts;
mod assertions;
mod callout101;
mod chain;
mod code_cache;
mod command_line;
mod connection;
mod decide;
mod digest;
mod embedded;
mod exchange;
mod files;
mod foreign;
mod hashes;
mod health;
mod inbox;
mod insider;
mod intents;
mod invalid_requests;
mod key_value;
mod late;
mod log;
mod login;
mod metrics;
mod oidc;
mod operator;
mod participation;
mod permissions;
mod proving;
mod reach;
mod reconnect;
mod refusals;
mod reload;
mod resolver;
mod secrets;
mod server_rules;
mod service;
mod support;
mod system;
mod tails;
mod tls;
mod topologies;
mod user_jwt;
mod versions;
