//! The pages, and what stands on them.

use super::metrics;
use super::vitals::Vitals;

const TEXT: &str = "text/plain; charset=utf-8";

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    status: &'static str,
    media_type: &'static str,
    content: String,
}

impl Page {
    /// The page at `path`.
    pub(super) fn at(method: &str, path: &str, vitals: &Vitals) -> Self {
        if !matches!(method, "GET" | "HEAD") {
            return Self::text("405 Method Not Allowed", "GET or HEAD\n");
        }
        match path {
            // That this runs is all there is to say.
            "/healthz" => Self::text("200 OK", "alive\n"),
            "/readyz" => Self::readiness(vitals),
            "/metrics" => Self::numbers(vitals),
            _ => Self::text(
                "404 Not Found",
                "there are /healthz, /readyz and /metrics\n",
            ),
        }
    }

    /// For those who send too much.
    pub(super) fn too_large() -> Self {
        Self::text("431 Request Header Fields Too Large", "too large\n")
    }

    /// For those who send something else than HTTP.
    pub(super) fn malformed() -> Self {
        Self::text("400 Bad Request", "not an HTTP request\n")
    }

    /// As it is sent.
    pub(super) fn render(&self, with_content: bool) -> Vec<u8> {
        let Self {
            status,
            media_type,
            content,
        } = self;
        let mut text = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\
             Cache-Control: no-store\r\nConnection: close\r\n",
            content.len()
        );
        if status.starts_with("405") {
            text.push_str("Allow: GET, HEAD\r\n");
        }
        text.push_str("\r\n");
        if with_content {
            text.push_str(content);
        }
        text.into_bytes()
    }

    fn readiness(vitals: &Vitals) -> Self {
        let reasons = vitals.unready();
        if reasons.is_empty() {
            return Self::text("200 OK", "ready\n");
        }
        let reasons: Vec<_> = reasons.iter().map(ToString::to_string).collect();
        let lines = format!("{}\n", reasons.join("\n"));
        Self::text("503 Service Unavailable", lines)
    }

    fn numbers(vitals: &Vitals) -> Self {
        match metrics::render(vitals.samples()) {
            Ok(content) => Self {
                status: "200 OK",
                media_type: metrics::MEDIA_TYPE,
                content,
            },
            Err(error) => {
                tracing::error!(%error, "metrics not rendered");
                Self::text(
                    "500 Internal Server Error",
                    "the metrics cannot be rendered\n",
                )
            }
        }
    }

    fn text(status: &'static str, content: impl Into<String>) -> Self {
        Self {
            status,
            media_type: TEXT,
            content: content.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(page: &Page, with_content: bool) -> String {
        String::from_utf8(page.render(with_content)).unwrap()
    }

    #[test]
    fn an_answer_says_how_long_it_is_and_that_it_is_the_last() {
        let page = Page::text("200 OK", "alive\n");
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 6\r\n\
                    Cache-Control: no-store\r\nConnection: close\r\n\r\n";
        assert_eq!(rendered(&page, true), format!("{head}alive\n"));
        assert_eq!(rendered(&page, false), head);
    }

    #[test]
    fn a_method_that_is_not_allowed_is_answered_with_those_that_are() {
        let page = Page::text("405 Method Not Allowed", "");
        assert!(rendered(&page, true).contains("\r\nAllow: GET, HEAD\r\n"));
    }
}
