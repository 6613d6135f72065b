//! The thread of a decision: inline for quick policies, and a thread of the blocking pool for slow
//! ones.

use std::sync::Arc;
use std::time::Instant;

use portcullis_catalog::{Catalog, CatalogOptions, MaxLimits};
use portcullis_core::{AuthorizationRequest, Authorizer as _, Decision, DenialClass, Outcome};
use portcullis_engine::Limits;
use portcullis_test_policies::{PATIENCE, guest, request};
use tokio::runtime::Builder;

use crate::site::{Site, open};

async fn authorize(catalog: Catalog, request: Arc<AuthorizationRequest>) -> Decision {
    catalog.authorize(request, Instant::now() + PATIENCE).await
}

fn class(decision: &Decision) -> Option<DenialClass> {
    match &decision.outcome {
        Outcome::Permit(_) => None,
        Outcome::Deny(denial) => Some(denial.class),
    }
}

#[test]
fn a_policy_that_takes_long_does_not_keep_the_thread_that_all_share() {
    let site = Site::new(&[]);
    site.put("a.wasm", &guest("abstains"));
    site.put("b.wasm", &guest("fails_for"));
    site.put(
        "b.toml",
        b"[settings]\nusername = \"alice\"\nhow = \"spins\"\n[limits]\ndeadline = \"3s\"\n",
    );
    let max_limits = MaxLimits {
        limits: Limits::MAX,
        ..MaxLimits::default()
    };
    let (catalog, report) = open(CatalogOptions {
        max_limits,
        ..site.options()
    });
    assert_eq!(report.rejections().count(), 0, "{report:?}");
    let request = request();
    let runtime = Builder::new_multi_thread().worker_threads(1).build();
    runtime.unwrap().block_on(async {
        let slow = tokio::spawn(authorize(catalog, request));
        // This task runs after the decision's first poll, on the same thread.
        tokio::spawn(async {}).await.unwrap();
        assert!(!slow.is_finished());
        let decision = slow.await.unwrap();
        assert_eq!(class(&decision), Some(DenialClass::PolicyDeadline));
        let abstained = decision.abstained.iter().map(ToString::to_string);
        assert_eq!(abstained.collect::<Vec<_>>(), ["a"]);
        assert_eq!(decision.policy.unwrap().name.to_string(), "b");
    });
}

#[test]
fn a_runtime_with_one_thread_is_not_kept_at_all() {
    let site = Site::new(&[]);
    site.put("a.wasm", &guest("counts"));
    let (catalog, _) = site.open();
    let request = request();
    let runtime = Builder::new_current_thread().build().unwrap();
    let decision = runtime.block_on(authorize(catalog, request));
    assert_eq!(class(&decision), Some(DenialClass::PolicyDenied));
}
