//! The bearer token in the head of a request: in the header `Authorization`, or in a cookie.

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, COOKIE, ORIGIN};
use portcullis_core::Secret;

use crate::options::ExchangeOptions;
use crate::problem::{Problem, Refusal};

/// Returns the bearer token of the header `Authorization` or, without this header, of the cookie
/// that the options name.
pub(crate) fn bearer(headers: &HeaderMap, options: &ExchangeOptions) -> Result<Secret, Refusal> {
    match &options.token_cookie {
        Some(name) if !headers.contains_key(AUTHORIZATION) => {
            from_cookie(headers, name, &options.allowed_origins)
        }
        _ => from_header(headers),
    }
}

fn refused<T>(reason: &'static str, error: &str) -> Result<T, Refusal> {
    Err(Refusal::new(Problem::Unauthorized, reason, error))
}

/// Returns the bearer token of the header `Authorization` (RFC 6750, section 2.1).
fn from_header(headers: &HeaderMap) -> Result<Secret, Refusal> {
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

/// Returns the bearer token of the cookie `name`. A browser adds a cookie to the requests of every
/// web page, so the request has to come from one of the `origins`.
fn from_cookie(headers: &HeaderMap, name: &str, origins: &[String]) -> Result<Secret, Refusal> {
    let cookies = headers.get_all(COOKIE).iter();
    let cookies = cookies.filter_map(|header| header.to_str().ok());
    let pairs = cookies.flat_map(|header| header.split(';'));
    let mut found = pairs.filter_map(|pair| {
        let (found, value) = pair.split_once('=')?;
        (found.trim() == name).then(|| value.trim())
    });
    let token = match (found.next(), found.next()) {
        (None, _) => {
            return refused(
                "no-token",
                "there is neither a header `Authorization` nor the cookie",
            );
        }
        (Some(token), None) if !token.is_empty() => token,
        (Some(_), None) => return refused("authorization", "the cookie holds no token"),
        (Some(_), Some(_)) => return refused("authorization", "there are several cookies"),
    };
    let mut sent = headers.get_all(ORIGIN).iter();
    match (sent.next(), sent.next()) {
        (Some(origin), None) if origins.iter().any(|listed| origin == listed.as_str()) => {
            Ok(Secret::new(token))
        }
        _ => {
            let error =
                "the token is in a cookie, and the header `Origin` is not one of `allowed-origins`";
            Err(Refusal::new(Problem::Forbidden, "origin", error))
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn read(headers: &[&str]) -> Result<String, &'static str> {
        let mut map = HeaderMap::new();
        for header in headers {
            map.append(AUTHORIZATION, HeaderValue::from_str(header).unwrap());
        }
        read_all(&map, &ExchangeOptions::default())
    }

    fn read_all(headers: &HeaderMap, options: &ExchangeOptions) -> Result<String, &'static str> {
        match bearer(headers, options) {
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

    #[test]
    fn a_cookie_counts_for_pages_of_listed_origins() {
        let (cookie, origin) = ("token=a.b.c", "https://app.example.com");
        let options = ExchangeOptions {
            token_cookie: Some("token".to_owned()),
            allowed_origins: vec![origin.to_owned()],
            ..ExchangeOptions::default()
        };
        let map = |headers: &[(HeaderName, &str)]| {
            let headers = headers.iter().map(|(name, value)| {
                let value = HeaderValue::from_str(value).unwrap();
                (name.clone(), value)
            });
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(name, value);
            }
            map
        };
        let read = |headers: &[(HeaderName, &str)]| read_all(&map(headers), &options);
        for cookies in [cookie, "a=b; token=a.b.c", "token=a.b.c ;xtoken=d"] {
            let found = read(&[(COOKIE, cookies), (ORIGIN, origin)]);
            assert_eq!(found.as_deref(), Ok("a.b.c"), "{cookies}");
        }
        for (expected, headers) in [
            ("origin", &[(COOKIE, cookie)][..]),
            ("origin", &[(COOKIE, cookie), (ORIGIN, "null")]),
            (
                "origin",
                &[(COOKIE, cookie), (ORIGIN, "https://app.example.com.evil")],
            ),
            (
                "origin",
                &[(COOKIE, cookie), (ORIGIN, origin), (ORIGIN, origin)],
            ),
            ("no-token", &[(COOKIE, "xtoken=a"), (ORIGIN, origin)]),
            ("no-token", &[(ORIGIN, origin)]),
            ("authorization", &[(COOKIE, "token="), (ORIGIN, origin)]),
            (
                "authorization",
                &[(COOKIE, "token=a; token=b"), (ORIGIN, origin)],
            ),
            (
                "authorization",
                &[
                    (COOKIE, cookie),
                    (ORIGIN, origin),
                    (AUTHORIZATION, "Basic a"),
                ],
            ),
        ] {
            assert_eq!(read(headers), Err(expected), "{headers:?}");
        }
        // No page of another origin can send this header.
        let header = map(&[(COOKIE, cookie), (AUTHORIZATION, "Bearer d.e.f")]);
        assert_eq!(read_all(&header, &options).as_deref(), Ok("d.e.f"));
        let header = map(&[(COOKIE, cookie), (ORIGIN, origin)]);
        let without = read_all(&header, &ExchangeOptions::default());
        assert_eq!(without, Err("no-token"), "off by default");
    }
}
