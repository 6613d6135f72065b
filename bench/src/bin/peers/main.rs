//! The peers that our engine is compared with, served to the measuring program: see
//! `portcullis_bench::elsewhere`.
//!
//! The engines decide one simple case in process: the user must be in a group that may connect, and
//! the token must not have expired. Cedar answers allow or deny; regorus also returns the
//! permissions. Nothing is isolated or signed.

mod cedar;
mod rego;
mod signatures;

use anyhow::Result;
use mimalloc::MiMalloc;
use portcullis_bench::elsewhere;

/// The allocator that the host uses.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> Result<()> {
    let mut works = Vec::from(signatures::works()?);
    works.extend(cedar::works()?);
    works.extend(rego::works()?);
    elsewhere::serve(&mut works)
}
