//! Table `[nats]`.

use portcullis_connect::{CertificateFiles, ConnectionOptions, Retries, TlsOptions};
use rstest::rstest;

use super::*;

#[test]
fn retries_are_counted_from_minus_one_which_is_for_ever() {
    for (number, retries) in [
        (-1, Retries::Forever),
        (0, Retries::Times(0)),
        (10, Retries::Times(10)),
    ] {
        let config = config_with("nats", &format!("connect-retries = {number}"));
        assert_eq!(config.nats.connect_retries, retries);
    }
}

#[test]
fn connections_have_the_defaults_of_the_library() {
    let nats = config_with("log", "").nats;
    let (ours, library) = (
        ConnectionOptions::from(&nats),
        ConnectionOptions::new("portcullis", Vec::new()),
    );
    assert_eq!(ours.servers, ["nats://127.0.0.1:4222"]);
    assert_eq!(ours.name, library.name);
    assert_eq!(ours.connect_timeout, library.connect_timeout);
    assert_eq!(ours.reconnect_wait, library.reconnect_wait);
    assert_eq!(ours.reconnect_jitter, library.reconnect_jitter);
    assert_eq!(ours.ping_interval, library.ping_interval);
    assert_eq!(ours.retries, library.retries);
    assert_eq!(ours.retry_delay, library.retry_delay);
    assert_eq!(ours.tls, library.tls);
    assert_eq!(nats.connections.get(), 2);
    assert_eq!(nats.max_disconnected, None);
}

#[test]
fn what_is_set_is_what_the_connection_gets() {
    let nats = config_with(
        "nats",
        "servers = [\"a\", \"tls://b\"]\nname = \"c\"\nconnections = 3\nconnect-timeout = \"2s\"\n\
         reconnect-wait = \"3s\"\nreconnect-jitter = \"0s\"\nping-interval = \"6s\"\nretry-delay = \"4s\"\nmax-disconnected = \"5s\"\n\
         tls-ca-file = \"ca\"\ntls-cert-file = \"cert\"\ntls-key-file = \"key\"\ntls-first = true",
    )
    .nats;
    let options = ConnectionOptions::from(&nats);
    assert_eq!(options.servers, ["nats://a", "tls://b"]);
    assert_eq!(options.name, "c");
    assert_eq!(options.connect_timeout, Duration::from_secs(2));
    assert_eq!(options.reconnect_wait, Duration::from_secs(3));
    assert_eq!(options.reconnect_jitter, Duration::ZERO);
    assert_eq!(options.ping_interval, Duration::from_secs(6));
    assert_eq!(options.retry_delay, Duration::from_secs(4));
    assert_eq!(
        options.tls,
        TlsOptions {
            ca_file: Some("dir/ca".into()),
            certificate: Some(CertificateFiles {
                certificate: "dir/cert".into(),
                key: "dir/key".into(),
            }),
            first: true,
            required: false,
        }
    );
    assert_eq!(nats.connections.get(), 3);
    assert_eq!(nats.max_disconnected, Some(Duration::from_secs(5)));
}

#[rstest]
#[case("localhost:4222", "nats://localhost:4222")]
#[case("127.0.0.1", "nats://127.0.0.1")]
#[case("[::1]:4222", "nats://[::1]:4222")]
#[case("tls://nats.example.com", "tls://nats.example.com")]
fn server_addresses_need_no_scheme(#[case] text: &str, #[case] address: &str) {
    assert_eq!(text.parse::<ServerAddress>().unwrap().as_str(), address);
}
