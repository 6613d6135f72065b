//! The example of the crate, with real policies.

use portcullis_core::Outcome;
use portcullis_test_policies::{NOW, guest};
use tokio::runtime::Runtime;

use crate::site::Site;

#[path = "../../examples/decide.rs"]
#[expect(dead_code, reason = "the test does not use the example's `main`")]
mod decide;

#[test]
fn policies_decide_without_nats() {
    let runtime = Runtime::new().unwrap();
    let site = Site::new(&[]);
    site.put("p.wasm", &guest("counts"));
    let decision = runtime.block_on(decide::decide(site.path(), "alice", NOW));
    let decision = decision.unwrap();
    assert_eq!(decision.policy.unwrap().name.as_str(), "p");
    let Outcome::Deny(denial) = decision.outcome else {
        panic!("the policy `counts` denies");
    };
    assert_eq!(denial.reason, "decision 1");

    site.put("p.toml", b"[limit]\n");
    let refused = runtime.block_on(decide::decide(site.path(), "alice", NOW));
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("did you mean `limits`?"), "{refused}");
}
