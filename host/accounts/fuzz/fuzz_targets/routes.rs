//! Requests to the resolver over HTTP: the first line is the method's first letter and the path,
//! the second is `If-None-Match`, and the rest is the body (`src/lib.rs`).
#![no_main]

use std::sync::LazyLock;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use libfuzzer_sys::fuzz_target;
use portcullis_accounts::resolver::ResolverOptions;
use portcullis_accounts_fuzz::{Site, body, expand};
use tokio::runtime::{Builder, Runtime};

static SITE: LazyLock<Site> = LazyLock::new(|| {
    Site::new(ResolverOptions {
        max_writes_per_second: u32::MAX,
        ..ResolverOptions::default()
    })
});
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_time().build().unwrap());

fuzz_target!(|data: &[u8]| {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let mut parts = text.splitn(3, '\n');
    let mut next = || parts.next().unwrap_or_default();
    let (line, tag, content) = (next(), next(), next());
    let site = &*SITE;
    let (method, path) = match line.split_at_checked(1) {
        Some(("P", path)) => ("POST", path),
        Some((_, path)) => ("GET", path),
        None => return,
    };
    let request = Request::builder().method(method).uri(expand(path, site));
    let request = request.header("if-none-match", tag);
    let Ok(request) = request.body(Body::from(body(content, site))) else {
        return;
    };
    RUNTIME.block_on(async {
        let service = TowerToHyperService::new(site.resolver.router());
        let answer = service.call(request).await.unwrap();
        assert_ne!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        if let Some(caching) = answer.headers().get("cache-control") {
            assert!(!caching.to_str().unwrap().contains("=-"));
        }
        answer.into_body().collect().await.unwrap();
    });
    site.check_and_reset();
});
