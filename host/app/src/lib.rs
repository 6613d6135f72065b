//! A NATS auth callout service whose decisions come from WebAssembly policies
