//! Comparison of certificates with the time.

use std::time::{Duration, UNIX_EPOCH};

use crate::doctor::evidence::{Certificate, Evidence};
use crate::doctor::finding::{Code, Finding};
use crate::doctor::report::Checked;

/// Time before the end of a certificate at which it counts as about to expire, in seconds.
const SOON: i64 = 14 * 24 * 60 * 60;

/// Finds certificates that are not valid now, or not for long.
pub(super) fn validity(evidence: &Evidence) -> Checked {
    if evidence.settings.is_none() {
        return Checked::impossible("the configuration is invalid");
    }
    let mut checked = Checked::default();
    // A host without TLS has none.
    checked.examine(None);
    let now = evidence.now.cast_signed();
    for certificate in &evidence.certificates {
        checked.examine(judge(certificate, now));
    }
    checked
}

fn judge(certificate: &Certificate, now: i64) -> Option<Finding> {
    let (place, subject) = (&certificate.place, &certificate.subject);
    let remedy = "issue a new certificate and replace the file; the host reads its files again for every connection";
    let times = format!(
        "certificate `{subject}` is valid from {} to {}",
        date(certificate.not_before),
        date(certificate.not_after)
    );
    let (code, says) = if certificate.not_after < now {
        (Code::CertificateExpired, "has expired")
    } else if certificate.not_before > now {
        (Code::CertificateExpired, "is not valid yet")
    } else if certificate.not_after.saturating_sub(now) < SOON {
        (Code::CertificateExpiresSoon, "expires soon")
    } else {
        return None;
    };
    let cause = format!("a certificate of {place} {says}");
    Some(Finding::new(code, cause, remedy).because(times))
}

/// Returns a time as text. Times before the Unix epoch become the epoch.
fn date(seconds: i64) -> impl std::fmt::Display {
    let since = Duration::from_secs(seconds.max(0).unsigned_abs());
    humantime::format_rfc3339_seconds(UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH))
}
