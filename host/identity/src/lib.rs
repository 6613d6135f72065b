//! Proves what a client presented
