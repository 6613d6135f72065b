//! The harness around a real nats-server, and every test that needs more than one crate
