//! Requests of a child for compiled code in the host's cache.

use std::io;

use portcullis_engine::{CodeName, CodeStore};

use super::output::{Output, send};
use crate::prover::message::{self, Frame, Kind};

/// The host's cache of compiled code, reached over the pipes.
pub(super) struct HostStore(pub(super) Output);

impl CodeStore for HostStore {
    fn get(&self, name: &CodeName) -> Option<Vec<u8>> {
        // The lock is held until the answer arrives, because answers have no names.
        let mut from = io::stdin().lock();
        send(&self.0, |to| {
            message::write(to, Kind::Wanted, &name.to_bytes())
        })
        .ok()?;
        let answer = Frame::read(&mut from).ok()?;
        (answer.kind == Kind::Found).then_some(answer.bytes)
    }

    fn put(&self, name: &CodeName, code: &[u8]) {
        let named = [&name.to_bytes(), code].concat();
        // The host works without the cached code.
        let _ = send(&self.0, |to| message::write(to, Kind::Compiled, &named));
    }
}
