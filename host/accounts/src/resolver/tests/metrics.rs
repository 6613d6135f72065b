//! The metrics of the resolver.

use portcullis_http::HttpListener;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

/// Returns the page `/metrics` of a listener of its own.
async fn page(site: &Site) -> String {
    let listener = HttpListener::bind(([127, 0, 0, 1], 0).into(), None);
    let listener = listener.await.unwrap();
    let mut stream = TcpStream::connect(listener.address()).await.unwrap();
    let resolver = site.resolver.clone();
    tokio::spawn(resolver.serve_metrics(listener, std::future::pending()));
    let request = "GET /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn lookups_and_writes_are_counted_by_outcome() {
    let site = Site::with(with_bearer_token(), None);
    let other = Seed::generate(KeyKind::Account).unwrap().public;
    let tag = format!("\"{}\"", site.stored().claims.id.unwrap());
    let known = Request::get(site.path()).header("if-none-match", tag);
    site.call(known.body(Body::empty()).unwrap()).await;
    for path in [
        site.path(),
        format!("{}?text=true", site.path()),
        format!("/jwt/v1/accounts/{other}"),
        "/jwt/v1/accounts/A".to_owned(),
    ] {
        site.get(&path).await;
    }
    let bearer = format!("Bearer {TOKEN}");
    let write = async |bearer: &str, token: String| {
        let path = site.path();
        site.with_bearer(Method::POST, &path, bearer, token).await;
    };
    let (first, second) = (site.sign(NOW + 1, |_| {}), site.sign(NOW + 2, |_| {}));
    write("", second.clone()).await;
    write(&bearer, second.clone()).await;
    write(&bearer, second).await;
    write(&bearer, first).await;
    write(&bearer, "no jwt".to_owned()).await;
    let page = page(&site).await;
    for line in [
        "portcullis_resolver_lookups_total{outcome=\"found\"} 2\n",
        "portcullis_resolver_lookups_total{outcome=\"not-modified\"} 1\n",
        "portcullis_resolver_lookups_total{outcome=\"unknown\"} 2\n",
        "portcullis_resolver_lookups_total{outcome=\"failed\"} 0\n",
        "portcullis_resolver_writes_total{outcome=\"unauthorized\"} 1\n",
        "portcullis_resolver_writes_total{outcome=\"replaced\"} 1\n",
        "portcullis_resolver_writes_total{outcome=\"unchanged\"} 1\n",
        "portcullis_resolver_writes_total{outcome=\"older\"} 1\n",
        "portcullis_resolver_writes_total{outcome=\"refused\"} 1\n",
        "portcullis_resolver_connections_closed_total{reason=\"idle\"} 0\n",
    ] {
        assert!(page.contains(line), "{line}{page}");
    }
}

#[tokio::test]
async fn strangers_who_look_up_accounts_see_no_metrics() {
    let site = Site::new();
    assert_eq!(site.get("/metrics").await.status, StatusCode::NOT_FOUND);
}
