//! The facts about this host that requests, replies and servers show.

use std::sync::Arc;

use super::mismatches::Mismatches;
use super::options::ParticipationOptions;
use super::state::Participation;
use crate::confirmations::Confirmations;
use crate::rejections::RecentPermits;

/// The facts about this host that requests, replies and servers show. The handling of requests
/// records them, and the keeper decides by them.
#[derive(Debug)]
pub(crate) struct Evidence {
    pub(crate) participation: Arc<Participation>,
    pub(crate) mismatches: Mismatches,
    pub(crate) permits: RecentPermits,
    pub(crate) confirmations: Confirmations,
}

impl Evidence {
    pub(crate) fn new(options: &ParticipationOptions) -> Self {
        Self {
            participation: Arc::default(),
            mismatches: Mismatches::new(options.max_mismatches),
            permits: RecentPermits::new(options.max_mismatches),
            confirmations: Confirmations::default(),
        }
    }
}
