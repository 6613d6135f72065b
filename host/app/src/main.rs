//! The program: reads the command line, does what it says, ends with a code that says how it went.

use std::ffi::c_int;

use libmimalloc_sys::mi_option_set_default;
use mimalloc::MiMalloc;
use portcullis::{Cli, ExitCode};

/// A login allocates some hundreds of small things: with the allocator of glibc it takes a tenth more of the processors.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// `mi_option_purge_delay` in mimalloc.h, in milliseconds.
const PURGE_DELAY: c_int = 15;

fn main() -> ExitCode {
    return_memory_soon();
    match Cli::read() {
        Ok(cli) => portcullis::run(cli),
        Err(code) => code,
    }
}

/// Compiling a policy takes tens of megabytes for a moment, on threads that end with it. With the delay that mimalloc has by itself they
/// stay resident until something else happens on the same pages. `MIMALLOC_PURGE_DELAY` in the environment goes first.
#[expect(
    unsafe_code,
    reason = "the allocator's options are set in C; the binding has no safe way"
)]
fn return_memory_soon() {
    // SAFETY: the function takes two numbers and stores the second where the first says, after a look whether there is such an option.
    unsafe { mi_option_set_default(PURGE_DELAY, 1) }
}
