//! SPIFFE ids.

/// Scheme of every id.
const SCHEME: &str = "spiffe://";
/// Maximum length of an id, in bytes (SPIFFE-ID, 2.3).
const MAX_ID: usize = 2048;
/// Maximum length of a trust domain, in bytes (SPIFFE-ID, 2.1).
const MAX_TRUST_DOMAIN: usize = 255;

/// Returns whether `uri` is a SPIFFE id by the SPIFFE-ID specification: `spiffe://`, a trust domain
/// and a path.
///
/// The trust domain has lower-case letters, digits, dots, dashes and underscores. The parts of the
/// path have letters, digits, dots, dashes and underscores, and none is empty, `.` or `..`. So an
/// id has no port, user, query, fragment or percent-encoding.
///
/// Upper case in scheme or trust domain is rejected, as in the SPIFFE project's own libraries. Ids
/// are not written so, and a policy that compares texts would see two forms of one id as two ids.
pub(crate) fn is_id(uri: &str) -> bool {
    let Some(rest) = uri.strip_prefix(SCHEME) else {
        return false;
    };
    let (domain, path) = match rest.split_once('/') {
        Some((domain, path)) => (domain, Some(path)),
        None => (rest, None),
    };
    uri.len() <= MAX_ID
        && is_trust_domain(domain)
        && path.is_none_or(|path| path.split('/').all(is_part))
}

/// Returns the trust domain of a SPIFFE id, itself as an id: `spiffe://example.org`. `None` for any
/// other text.
pub(crate) fn trust_domain(id: &str) -> Option<&str> {
    if !is_id(id) {
        return None;
    }
    let name = id.get(SCHEME.len()..)?;
    match name.find('/') {
        Some(end) => id.get(..SCHEME.len().saturating_add(end)),
        None => Some(id),
    }
}

fn is_trust_domain(text: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_');
    !text.is_empty() && text.len() <= MAX_TRUST_DOMAIN && text.bytes().all(allowed)
}

fn is_part(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !matches!(text, "" | "." | "..") && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_the_specification_are_ids() {
        let longest = format!("spiffe://td/{}", "a".repeat(MAX_ID - 12));
        let widest = format!("spiffe://{}/w", "d".repeat(MAX_TRUST_DOMAIN));
        for uri in [
            "spiffe://example.org",
            "spiffe://example.org/billing/payments",
            "spiffe://k8s-west.example.com/ns/staging/sa/default",
            "spiffe://10.0.0.1/9eebccd2-12bf-40a6-b262-65fe0487d453",
            "spiffe://a_b/...",
            "spiffe://td/A.b_C-1",
            &longest,
            &widest,
        ] {
            assert!(is_id(uri), "{uri}");
        }
    }

    #[test]
    fn an_id_has_a_trust_domain() {
        let domain = Some("spiffe://example.org");
        assert_eq!(
            trust_domain("spiffe://example.org/billing/payments"),
            domain
        );
        assert_eq!(trust_domain("spiffe://example.org"), domain);
        for other in [
            "spiffe://example.org/",
            "https://example.org",
            "spiffe:///a",
            "",
        ] {
            assert_eq!(trust_domain(other), None, "{other}");
        }
    }

    #[test]
    fn nothing_else_is_an_id() {
        let long = format!("spiffe://td/{}", "a".repeat(MAX_ID - 11));
        let wide = format!("spiffe://{}/w", "d".repeat(MAX_TRUST_DOMAIN + 1));
        for uri in [
            "",
            "spiffe://",
            "spiffe:///path",
            "spiffe:/td/path",
            "SPIFFE://td/path",
            "spiffe://TD/path",
            "https://td/path",
            "spiffe://td/",
            "spiffe://td//path",
            "spiffe://td/path/",
            "spiffe://td/./path",
            "spiffe://td/path/..",
            "spiffe://td:80/path",
            "spiffe://user@td/path",
            "spiffe://td/path?query",
            "spiffe://td/path#fragment",
            "spiffe://td/%61",
            "spiffe://td/p ath",
            "spiffe://td/ä",
            "spiffe://tä/path",
            "spiffe://td/a>",
            "spiffe://td/a*",
            " spiffe://td/path",
            &long,
            &wide,
        ] {
            assert!(!is_id(uri), "{uri}");
        }
    }
}
