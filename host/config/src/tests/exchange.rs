//! The table `[exchange]`.

use portcullis_connect::CertificateFiles;
use portcullis_exchange::{ExchangeOptions, ProofRoute};

use super::*;

#[test]
fn without_an_address_there_is_no_exchange() {
    let exchange = config_with("log", "").exchange;
    assert_eq!(exchange, Exchange::default());
    assert_eq!(exchange.listen, None);
}

/// Returns a configuration in operator mode with these lines in `[exchange]`.
fn text(lines: &str) -> String {
    let account = "AAKAXGEL7OBR5OLFRCQWBIHDCL2OJPBGALVRZ6Z2ZXNQNYCGQMTYIJUN";
    format!(
        "{}\n[operator]\naccount = \"{account}\"\n[operator.accounts.APP]\nkey = \"{account}\"\nseed-file = \"a\"",
        text_with("exchange", lines)
    )
}

#[test]
fn what_is_set_is_what_the_exchange_gets() {
    let text = text(
        "listen = \"0.0.0.0:9443\"\ntls-cert-file = \"tls/a.pem\"\ntls-key-file = \"/a.key\"\n\
         max-lifetime = \"5m\"\nrequire-proof = [\"/core/tokens\", \"/v1/tokens\"]\n\
         admin-scope = \"nats:admin\"\nallowed-origins = [\"https://app.example.com\", \"http://localhost:3000\"]\ntoken-cookie = \"id_token\"\n\
         deadline = \"1s\"\nrequest-timeout = \"2s\"\nidle-timeout = \"3s\"\nmax-in-flight = 4\n\
         max-connections = 5\nmax-connections-per-address = 2\nmax-connection-age = \"4m\"\nmax-body = \"6KiB\"\nnonce-lifetime = \"7s\"\nmax-used-nonces = 200000",
    );
    let exchange = parse(&text).unwrap().value.exchange;
    let expected = Exchange {
        listen: Some(([0, 0, 0, 0], 9443).into()),
        certificate: Some(CertificateFiles {
            certificate: "dir/tls/a.pem".into(),
            key: "/a.key".into(),
        }),
        options: ExchangeOptions {
            max_lifetime: Duration::from_mins(5),
            require_proof: BTreeSet::from([ProofRoute::Own, ProofRoute::Core]),
            admin_scope: "nats:admin".to_owned(),
            allowed_origins: ["https://app.example.com", "http://localhost:3000"]
                .map(str::to_owned)
                .into(),
            token_cookie: Some("id_token".to_owned()),
            deadline: Duration::from_secs(1),
            request_timeout: Duration::from_secs(2),
            idle_timeout: Duration::from_secs(3),
            max_connection_age: Duration::from_mins(4),
            max_in_flight: 4,
            max_connections: 5,
            max_connections_per_address: 2,
            max_body: 6 << 10,
            nonce_lifetime: Duration::from_secs(7),
            max_used_nonces: 200_000,
        },
    };
    assert_eq!(exchange, expected);
}

#[rstest]
#[case("listen = \"9443\"", "listen: ")]
#[case("tls-cert-file = \"a\"", "needs `tls-key-file` next to it")]
#[case("max-lifetime = \"0s\"", "at least one second")]
#[case("max-lifetime = \"1500ms\"", "whole seconds")]
#[case("nonce-lifetime = \"1500ms\"", "whole seconds")]
#[case(
    "require-proof = [\"/v2/tokens\"]",
    "one of `/v1/tokens`, `/core/tokens`, "
)]
#[case("allowed-origins = [\"*\"]", "an origin such as")]
#[case("allowed-origins = [\"https://app.example.com/\"]", "without a path")]
#[case("allowed-origins = [\"null\"]", "an origin such as")]
#[case("token-cookie = \"a\"", "`token-cookie` needs `allowed-origins`")]
#[case("token-cookie = \"a b\"", "the name of a cookie")]
#[case("max-body = \"2MiB\"", "1MiB")]
#[case("nonce-lifetime = \"1h\"", "10m")]
#[case("admin-scope = \"a b\"", "admin-scope: ")]
#[case("max-used-nonces = 2000000", "1048576")]
#[case(
    "deadline = \"10s\"",
    "`request-timeout` must be longer than `deadline`"
)]
#[case(
    "request-timeout = \"5s\"",
    "`request-timeout` must be longer than `deadline`"
)]
#[case("listen = \"127.0.0.1:1\"", "needs [operator]")]
fn what_is_wrong_is_named(#[case] lines: &str, #[case] expected: &str) {
    let problem = problem_with("exchange", lines);
    assert!(problem.contains(expected), "{problem}");
}

#[test]
fn tokens_in_the_clear_are_doubtful() {
    let warnings = |address: &str| {
        let checked = parse(&text(&format!("listen = \"{address}\""))).unwrap();
        lines(&checked.warnings)
    };
    assert_eq!(warnings("127.0.0.1:9443"), [""; 0]);
    assert_eq!(warnings("[::1]:9443"), [""; 0]);
    let warned = warnings("0.0.0.0:9443");
    assert!(
        warned[0].contains("reads bearer tokens in the clear"),
        "{warned:?}"
    );
}
