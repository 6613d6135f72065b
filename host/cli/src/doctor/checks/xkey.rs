//! Comparison of the host's xkey with one that servers were told.

use crate::doctor::evidence::{OwnXkey, Settings};
use crate::doctor::finding::{Code, Finding};

/// The place of an xkey of servers, in words.
pub(super) struct XkeyPlace<'a> {
    /// The place.
    pub(super) name: &'a str,
    /// The place as an owner, such as `the server's`.
    pub(super) owner: &'a str,
    /// The block that has the xkey.
    pub(super) block: &'a str,
}

impl XkeyPlace<'_> {
    /// Compares the key of this place with the host's.
    pub(super) fn compare(&self, settings: &Settings, there: Option<&String>) -> Option<Finding> {
        let name = self.name;
        let (code, cause) = match (&settings.xkey, there) {
            (OwnXkey::Unknown, _) | (OwnXkey::Absent, None) => return None,
            (OwnXkey::Key(own), Some(there)) if own == there => return None,
            (_, Some(there)) if settings.other_xkeys.contains(there) => return None,
            (OwnXkey::Absent, Some(_)) => (
                Code::CalloutXkeyMissingHere,
                format!("{name} has an `xkey`, and the host has none"),
            ),
            (OwnXkey::Key(_), None) => (
                Code::CalloutXkeyMissingThere,
                format!("the host has an xkey, and {name} has none"),
            ),
            (OwnXkey::Key(_), Some(_)) => (
                Code::CalloutXkeyDiffers,
                format!("{name} names another xkey than the host's"),
            ),
        };
        let remedy = format!(
            "make `xkey` in {} the public key of `xkey-seed-file`, or remove both",
            self.block
        );
        let mut finding = Finding::new(code, cause, remedy);
        if let Some(there) = there {
            finding = finding.because(format!("{} `xkey` is `{there}`", self.owner));
        }
        if let OwnXkey::Key(own) = &settings.xkey {
            finding = finding.because(format!("the host's is `{own}`"));
        }
        Some(finding)
    }
}
