//! Loading: from the files in the directory to the policies in service.

mod asserting;
mod entry;
mod job;
mod keeping;
mod passes;
mod state;

pub(crate) use entry::Pass;
pub(crate) use job::Job;
pub(crate) use state::Loader;
