//! The NATS auth callout service: receive, open, identify, decide, seal, reply
