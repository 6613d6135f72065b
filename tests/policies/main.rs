//! Policies in the engine and in the catalog, without NATS: guests that behave and guests that do not.

mod catalog;
mod decisions;
mod guests;
mod loading;
mod support;
