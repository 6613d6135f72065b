//! Tests of the names of connections, and of first connections that fail.

mod logins;
mod renewal;

use std::net::TcpListener;
use std::time::Duration;

use parking_lot::Mutex;
use portcullis_core::{Secret, with_causes};

use super::*;
use crate::authentication::Authentication;
use crate::fake_server::{FakeServer, Rule};
use crate::hooks::{ConnectionHooks, ConnectionTrouble};
use crate::options::{AdditionalOptions, Retries};
use crate::tls::TlsOptions;

/// Returns an address at which no server listens.
fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("nats://{}", listener.local_addr().unwrap())
}

#[derive(Debug, Default)]
struct Heard(Mutex<Vec<String>>);

impl ConnectionHooks for Heard {
    fn error(&self, connection: &str, trouble: &ConnectionTrouble) {
        self.0.lock().push(format!("{connection}: {trouble}"));
    }
}

#[tokio::test]
async fn giving_up_keeps_the_count_and_the_last_cause() {
    let heard = Arc::new(Heard::default());
    let addresses = [nowhere(), nowhere()];
    let options = ConnectionOptions {
        retries: Retries::Times(2),
        retry_delay: Duration::from_millis(1),
        hooks: heard.clone(),
        ..ConnectionOptions::new("orders", addresses.to_vec())
    };
    let error = connect(&options).await.unwrap_err();
    let text = with_causes(&error);
    let last = addresses.each_ref().map(|address| {
        let address = address.strip_prefix("nats://").unwrap();
        format!(
            "gave up connecting to nats at attempt 3: cannot connect to `{address}`: IO error: "
        )
    });
    assert!(last.iter().any(|start| text.starts_with(start)), "{text}");
    let heard = heard.0.lock();
    assert_eq!(heard.len(), 2, "each server's trouble once: {heard:?}");
}

#[tokio::test]
async fn a_server_that_says_nothing_more_is_given_up() {
    let server = FakeServer::start(Rule::Hang).await;
    let options = ConnectionOptions {
        ping_interval: Duration::from_millis(20),
        ..server.options()
    };
    let (connection, first) = tokio::join!(connect(&options), server.accept());
    let connection = connection.unwrap();
    // The first connection stays open at the server, so only its silence shows the loss.
    let _second = server.accept().await;
    // On a busy machine, the second server may be given up too by now.
    assert!(connection.status().counts().disconnects >= 1);
    drop(first);
}

#[tokio::test]
async fn there_is_no_wait_after_the_last_attempt() {
    let options = ConnectionOptions {
        retries: Retries::Times(0),
        retry_delay: Duration::from_hours(1),
        ..ConnectionOptions::new("orders", vec![nowhere()])
    };
    let given_up = tokio::time::timeout(Duration::from_mins(1), connect(&options)).await;
    assert!(matches!(
        given_up.unwrap(),
        Err(ConnectError::MaxRetries { attempts: 1, .. })
    ));
}

#[tokio::test]
async fn what_cannot_get_better_is_not_tried_again() {
    let error = connect(&ConnectionOptions::new("orders", Vec::new()))
        .await
        .unwrap_err();
    assert!(matches!(error, ConnectError::NoServer));
    let servers = vec!["nats://a".to_owned(), "http://me:hunter2@b".to_owned()];
    let error = connect(&ConnectionOptions::new("orders", servers))
        .await
        .unwrap_err();
    assert!(matches!(error, ConnectError::Address { position: 2, .. }));
    assert!(!with_causes(&error).contains("hunter2"), "{error}");
    let options = ConnectionOptions {
        authentication: Authentication::Nkey(Secret::new("SUHUNTER2").into()),
        ..ConnectionOptions::new("orders", vec![nowhere()])
    };
    let error = connect(&options).await.unwrap_err();
    assert!(matches!(error, ConnectError::Authentication(_)));
    assert!(!with_causes(&error).contains("HUNTER2"), "{error}");
    let options = ConnectionOptions {
        tls: TlsOptions {
            ca_file: Some("nowhere/ca.pem".into()),
            ..TlsOptions::default()
        },
        ..ConnectionOptions::new("orders", vec![nowhere()])
    };
    let error = connect(&options).await.unwrap_err();
    let text = with_causes(&error);
    assert!(
        text.starts_with("cannot use tls: cannot read `nowhere/ca.pem`: "),
        "{text}"
    );
}

#[tokio::test]
async fn several_connections_are_numbered() {
    let heard = Arc::new(Heard::default());
    let options = ConnectionOptions {
        retries: Retries::Times(0),
        hooks: heard.clone(),
        ..ConnectionOptions::new("orders", vec![nowhere()])
    };
    for count in [1, 2] {
        let count = NonZeroUsize::new(count).unwrap();
        connect_all(&options, count).await.unwrap_err();
    }
    let heard = heard.0.lock();
    assert!(heard[0].starts_with("orders: "), "{heard:?}");
    // The first connection to fail cancels the other one.
    assert!(heard[1].starts_with("orders-"), "{heard:?}");
}

#[tokio::test]
async fn embedders_have_the_last_word_on_the_clients_options() {
    let seen = Arc::new(Mutex::new(String::new()));
    let see = Arc::clone(&seen);
    let options = ConnectionOptions {
        retries: Retries::Times(0),
        additional: AdditionalOptions::new(move |options| {
            *see.lock() = format!("{options:?}");
            options.name("replaced")
        }),
        ..ConnectionOptions::new("orders", vec![nowhere()])
    };
    connect(&options).await.unwrap_err();
    let seen = seen.lock();
    assert!(seen.contains("orders"), "{seen}");
}
