//! What our engine is compared with, served to the program that compares: see `portcullis_bench::elsewhere`.
//!
//! The engines decide one toy case in process: is the user in a group that may connect, and has its token not ended? Cedar
//! answers allow or deny, regorus answers with the permissions too. Nothing is isolated, and nothing is signed.

mod cedar;
mod rego;
mod signatures;

use anyhow::Result;
use mimalloc::MiMalloc;
use portcullis_bench::elsewhere;

/// As in the host.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> Result<()> {
    let mut works = Vec::from(signatures::works()?);
    works.extend(cedar::works()?);
    works.extend(rego::works()?);
    elsewhere::serve(&mut works)
}
