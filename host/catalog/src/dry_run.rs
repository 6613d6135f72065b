//! Decisions about logins that the host makes up to test itself.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use portcullis_core::{AuthorizationRequest, Decision};

use crate::snapshot::Snapshot;

impl Snapshot {
    /// Decides like [`decide`](Self::decide), without a trace: fresh instances, whose log lines are
    /// dropped, and no counts. Its secrets match no slow hash, and none is computed: each policy of
    /// a chain may need one, and the login is not of a client that waits for them. Blocks.
    pub(crate) fn dry_run(
        &self,
        request: &Arc<AuthorizationRequest>,
        deadline: Instant,
    ) -> Decision {
        let mut progress = self.start();
        let comparisons = Arc::clone(&progress.comparisons);
        let asked = self.ask(&mut progress, request, deadline, |loaded, _, _| {
            let recorded = loaded
                .policy
                .evaluate(Arc::clone(request), deadline)
                .with_comparisons(&comparisons)
                .without_slow_hashes()
                .run_recorded();
            Ok::<_, Infallible>(recorded.verdict)
        });
        let Ok((outcome, policy)) = asked;
        progress.into_decision(outcome, policy)
    }
}
