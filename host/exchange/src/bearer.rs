//! The bearer token in the head of a request.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use portcullis_core::Secret;

use crate::problem::{Problem, Refusal};

/// Returns the bearer token (RFC 6750, section 2.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Result<Secret, Refusal> {
    let refused = |reason, error: &str| Err(Refusal::new(Problem::Unauthorized, reason, error));
    let mut found = headers.get_all(AUTHORIZATION).iter();
    let header = match (found.next(), found.next()) {
        (None, _) => return refused("no-token", "there is no header `Authorization`"),
        (Some(header), None) => header,
        (Some(_), Some(_)) => {
            return refused("authorization", "there are several headers `Authorization`");
        }
    };
    let Ok(header) = header.to_str() else {
        return refused("authorization", "the header `Authorization` is not ascii");
    };
    match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            let token = token.trim();
            if token.is_empty() || token.contains(char::is_whitespace) {
                return refused("authorization", "the header `Authorization` holds no token");
            }
            Ok(Secret::new(token))
        }
        _ => refused(
            "authorization",
            "the scheme of the header `Authorization` is not `Bearer`",
        ),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn read(headers: &[&str]) -> Result<String, &'static str> {
        let mut map = HeaderMap::new();
        for header in headers {
            map.append(AUTHORIZATION, HeaderValue::from_str(header).unwrap());
        }
        match bearer(&map) {
            Ok(token) => Ok(token.expose().to_owned()),
            Err(refusal) => Err(refusal.reason),
        }
    }

    #[test]
    fn one_header_holds_one_token() {
        for header in ["Bearer a.b.c", "bearer  a.b.c ", "BEARER a.b.c"] {
            assert_eq!(read(&[header]).as_deref(), Ok("a.b.c"), "{header}");
        }
        assert_eq!(read(&[]), Err("no-token"));
        for headers in [
            &["Basic YTpi"][..],
            &["Bearer"],
            &["Bearer  "],
            &["Bearer a b"],
            &["Bearer é"],
            &["Bearer a", "Bearer a"],
        ] {
            assert_eq!(read(headers), Err("authorization"), "{headers:?}");
        }
    }
}
