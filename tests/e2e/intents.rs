//! Rights in the language of intent, with a real `JetStream` server: each action works with the
//! official clients, the neighbouring ones are refused, and every side door is shut or known.
//!
//! `docs/guide/jetstream.md` describes the side doors by the same ids.

mod account;
mod actions;
mod cases;
mod doors;
mod neighbours;
mod stage;
