//! The program: runs the command line and ends with an exit code.

mod accounts;
mod author;
mod check;
mod cli;
mod control;
mod control_socket;
mod decide;
mod decisions;
mod doctor;
mod exit;
mod failure;
mod file_limit;
mod hash;
mod import;
mod init;
mod inspect;
mod key_value;
mod keys;
mod lock;
mod log_arguments;
mod log_filter;
mod manual;
mod output;
mod own_user;
mod policy;
mod prove;
mod reload;
mod resolver;
mod run;
mod runtime;
mod schema;
mod serve;
mod servers;
mod signals;
mod span;
mod system;
mod telemetry;
mod test_bed;
mod token;

use std::ffi::c_int;
use std::process;

use libmimalloc_sys::mi_option_set_default;
use mimalloc::MiMalloc;

use crate::cli::Cli;

/// Allocator of the program. A login makes some hundreds of small allocations. With the allocator
/// of glibc, they take a tenth more CPU time.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Number of the option `mi_option_purge_delay` in mimalloc.h. The option is in milliseconds.
const PURGE_DELAY: c_int = 15;

fn main() -> process::ExitCode {
    return_memory_soon();
    match Cli::read() {
        Ok(cli) => run::run(cli),
        Err(code) => code.into(),
    }
}

/// Makes the allocator return free memory to the system soon. Compiling a policy briefly takes tens
/// of megabytes, on threads that end afterwards. With mimalloc's default delay, they stay resident
/// until the same pages are used again. `MIMALLOC_PURGE_DELAY` in the environment takes precedence.
#[expect(
    unsafe_code,
    reason = "the allocator's options are set in C; the binding has no safe way"
)]
fn return_memory_soon() {
    // SAFETY: the function takes two numbers. It checks that the first is the number of an option,
    // and stores the second there.
    unsafe { mi_option_set_default(PURGE_DELAY, 1) }
}
