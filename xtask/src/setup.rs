//! Installation of the tools that the verbs need. Every function is idempotent: a second call finds
//! the result of the first.

mod cache;
mod callout_go;
mod cargo_deny;
mod go_client;
mod languages;
mod nats_command;
mod nats_server;
mod node;
mod packaging;
mod provider;
mod python;
mod test_clients;
mod wasm_target;

pub(crate) use callout_go::callout_go;
pub(crate) use cargo_deny::cargo_deny;
pub(crate) use go_client::go_client;
pub(crate) use languages::other_languages;
pub(crate) use nats_command::nats_command;
pub(crate) use nats_server::{any_nats_server, named_server, nats_servers};
pub(crate) use node::{Node, node};
pub(crate) use packaging::packaging_checkers;
pub(crate) use provider::provider;
pub(crate) use python::PYTHON;
pub(crate) use test_clients::test_clients;
pub(crate) use wasm_target::wasm_target;
