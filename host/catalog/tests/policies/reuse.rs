//! The settings of a policy whose instances decide several times.

use std::num::NonZeroU32;

use portcullis_catalog::{MaxLimits, PolicyGrants};
use portcullis_test_policies::guest;

use crate::site::{Site, denial};

#[test]
fn a_policy_opts_in_by_its_settings_file() {
    let mut site = Site::new(&[]);
    let max_limits = MaxLimits {
        decisions_per_instance: NonZeroU32::new(2).unwrap(),
        ..MaxLimits::default()
    };
    let granted = PolicyGrants {
        max_limits: Some(max_limits),
        ..PolicyGrants::default()
    };
    site.grant("p", granted);
    site.put("p.wasm", &guest("counts"));
    let (catalog, _) = site.open();
    for _ in 0..2 {
        assert_eq!(denial(&catalog).1, "decision 1", "nobody reuses by default");
    }
    site.put("p.toml", b"[instances]\ndecisions = 2\n");
    catalog.reload().unwrap();
    let said = [(); 3].map(|()| denial(&catalog).1);
    assert_eq!(said, ["decision 1", "decision 2", "decision 1"]);
    site.put("p.toml", b"[instances]\ndecisions = 0\n");
    let report = catalog.reload().unwrap();
    let error = &report.rejections().next().unwrap().error;
    assert!(
        error.contains("instances.decisions: must be between 1 and 1000000"),
        "{error}"
    );
    site.put("p.toml", b"[instances]\ndecisions = 3\n");
    let report = catalog.reload().unwrap();
    let error = &report.rejections().next().unwrap().error;
    let expected = "instances.decisions: 3 is more than the 2 that portcullis.toml allows: lower it, or raise \
                    `decisions-per-instance` there, under [policies.max-limits] for all policies or under \
                    [policies.grants.p.max-limits] for this one";
    assert_eq!(error, expected);
}
