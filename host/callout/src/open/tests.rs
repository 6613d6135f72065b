//! Tests of the verification of requests.

use nats_token::KeyPair;
use portcullis_claims::{CurveKey, IssuerKey};

use super::*;
use crate::fixtures::{NOW, now, options, request_token};
use crate::options::ServiceOptions;
use crate::trust::ServerList;

/// A server with an xkey.
struct Server {
    pair: KeyPair,
    xkey: CurveKey,
}

impl Server {
    fn new() -> Self {
        Self {
            pair: KeyPair::new_server(),
            xkey: curve(),
        }
    }

    /// Returns a request to a service that answers for `subject`, with this signed xkey.
    fn token(&self, subject: &str, xkey: Option<&str>) -> String {
        self.token_with(subject, |request| {
            request.server_id.xkey = xkey.unwrap_or_default().to_owned();
        })
    }

    fn token_with(
        &self,
        subject: &str,
        change: impl FnOnce(&mut nats_token::AuthorizationRequest),
    ) -> String {
        request_token(&self.pair, subject, change)
    }

    fn sealed(&self, token: &str, to: &CurveKey) -> Bytes {
        let to = to.public_key().parse().unwrap();
        self.xkey.seal(token.as_bytes(), &to).unwrap().into()
    }

    fn headers(&self) -> HeaderMap {
        header(self.xkey.public_key())
    }
}

fn curve() -> CurveKey {
    CurveKey::from_seed(CurveKey::generate_seed().unwrap().expose()).unwrap()
}

fn header(xkey: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(XKEY_HEADER, xkey);
    headers
}

fn kind(
    payload: impl Into<Bytes>,
    headers: Option<&HeaderMap>,
    options: &ServiceOptions,
) -> Result<(), &'static str> {
    let (payload, seen) = (payload.into(), SeenRequests::default());
    let (keys, rules) = (&options.keys, &options.open);
    match open(&payload, headers, now(), keys, rules, &seen) {
        Ok(_) => Ok(()),
        Err(refused) => Err(refused.error.kind()),
    }
}

/// Opens a request that is not encrypted, at the time `now`.
fn open_plain(
    token: impl Into<Bytes>,
    now: u64,
    options: &ServiceOptions,
    seen: &SeenRequests,
) -> Result<Opened, Refused> {
    let (keys, rules) = (&options.keys, &options.open);
    open(&token.into(), None, now, keys, rules, seen)
}

#[test]
fn a_server_that_expects_another_issuer_is_recognised() {
    let (options, server) = (options(), Server::new());
    let ours = options.keys.main().request_subject();
    let other = KeyPair::new_account().public_key();
    let token = server.token(&other, None);
    let refused = open_plain(token, now(), &options, &SeenRequests::default()).unwrap_err();
    let (error, asked) = (refused.error, refused.request.unwrap().server);
    assert_eq!(asked.id.as_str(), server.pair.public_key());
    assert_eq!(error.kind(), "issuer");
    let text = error.to_string();
    assert!(text.contains(&other) && text.contains(ours), "{text}");
    assert_eq!(kind(server.token(ours, None), None, &options), Ok(()));
}

#[test]
fn garbage_is_refused() {
    for garbage in [&b""[..], b"\xff\xfe", b"a.b.c", b"xkv1"] {
        let opened = open_plain(garbage, NOW, &options(), &SeenRequests::default());
        assert!(opened.is_err(), "{opened:?}");
    }
}

#[test]
fn expectations_about_encryption_have_to_agree() {
    let (mut options, server) = (options(), Server::new());
    let subject = options.keys.main().request_subject().to_owned();
    let signed = server.token(&subject, Some(server.xkey.public_key()));
    let plain = server.token(&subject, None);
    let ours = curve();
    let sealed = server.sealed(&signed, &ours);
    let headers = server.headers();
    assert_eq!(
        kind(sealed.clone(), Some(&headers), &options),
        Err("encrypted")
    );
    options.keys.xkeys = Xkeys::new(Some(ours), []);
    assert_eq!(kind(plain, None, &options), Err("not-encrypted"));
    assert_eq!(kind(sealed, Some(&headers), &options), Ok(()));
}

#[test]
fn a_box_names_its_sender_three_times_alike() {
    let (mut options, server) = (options(), Server::new());
    let subject = options.keys.main().request_subject().to_owned();
    let ours = curve();
    let xkey = server.xkey.public_key();
    let good = server.sealed(&server.token(&subject, Some(xkey)), &ours);
    let unsigned = server.sealed(&server.token(&subject, None), &ours);
    let elsewhere = server.sealed(&server.token(&subject, Some(xkey)), &curve());
    let (other, headers) = (Server::new(), server.headers());
    let forged = other.sealed(&server.token(&subject, Some(xkey)), &ours);
    options.keys.xkeys = Xkeys::new(Some(ours), []);
    let mut damaged = good.to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    for (payload, headers) in [
        (good.clone(), None),
        (good.clone(), Some(&header("not a key"))),
        (good.clone(), Some(&header(&server.pair.public_key()))),
        (good.clone(), Some(&other.headers())),
        (unsigned, Some(&headers)),
        (elsewhere, Some(&headers)),
        (forged, Some(&other.headers())),
        (damaged.into(), Some(&headers)),
    ] {
        assert_eq!(kind(payload, headers, &options), Err("encryption"));
    }
    assert_eq!(kind(good, Some(&headers), &options), Ok(()));
}

#[test]
fn while_keys_are_replaced_each_server_gets_a_response_by_the_keys_that_it_expects() {
    let issuer = || {
        let seed = IssuerKey::generate_seed().unwrap();
        Arc::new(Issuers::Config(
            IssuerKey::from_seed(seed.expose()).unwrap(),
        ))
    };
    let (mut options, server) = (options(), Server::new());
    let [old, new] = [issuer(), issuer()];
    let [old_xkey, new_xkey] = [curve(), curve()];
    let sealed = |issuer: &Issuers, to: &CurveKey| {
        let token = server.token(issuer.request_subject(), Some(server.xkey.public_key()));
        server.sealed(&token, to)
    };
    let (to_old, to_new) = (sealed(&old, &old_xkey), sealed(&new, &new_xkey));
    // A server of each issuer exists, and one that was told the new xkey only.
    let to_both = sealed(&old, &new_xkey);
    let plain: Bytes = server.token(new.request_subject(), None).into();
    let names = [&old_xkey, &new_xkey].map(|key| key.public_key().to_owned());
    let xkeys = Xkeys::new(None, [old_xkey, new_xkey]);
    options.keys = HostKeys::with_others(Arc::clone(&old), [Arc::clone(&new)], xkeys);
    let headers = server.headers();
    let (keys, rules, seen) = (&options.keys, &options.open, SeenRequests::default());
    for (payload, issuers, xkey) in [
        (&to_old, &old, Some(&names[0])),
        (&to_new, &new, Some(&names[1])),
        (&to_both, &old, Some(&names[1])),
        (&to_old, &old, Some(&names[0])),
        (&plain, &new, None),
    ] {
        let opened = open(payload, Some(&headers), now(), keys, rules, &seen).unwrap();
        let found = (&opened.keys.issuers, &opened.keys.sealing);
        assert_eq!(found.0.request_subject(), issuers.request_subject());
        let own = found.1.as_ref().map(|sealing| sealing.own.public_key());
        assert_eq!(own, xkey.map(String::as_str));
    }
    let used: Vec<_> = keys
        .samples()
        .iter()
        .map(|sample| sample.labels[1].1.clone())
        .collect();
    assert_eq!(used.len(), 4, "each key was used: {used:?}");
    let third = server.token(issuer().request_subject(), None);
    assert_eq!(kind(third, None, &options), Err("issuer"));
    let other = sealed(&old, &curve());
    assert_eq!(kind(other, Some(&headers), &options), Err("encryption"));
}

#[test]
fn only_trusted_servers_are_answered() {
    let (mut options, server) = (options(), Server::new());
    let token = server.token(options.keys.main().request_subject(), None);
    options.open.trusted_servers = TrustedServers::Listed(ServerList::new(
        [server.pair.public_key().parse().unwrap()],
        [],
    ));
    assert_eq!(kind(token.clone(), None, &options), Ok(()));
    options.open.trusted_servers = TrustedServers::Listed(ServerList::new([], ["prod".to_owned()]));
    assert_eq!(kind(token, None, &options), Err("server-not-trusted"));
}

#[test]
fn a_request_is_good_once() {
    let (options, server) = (options(), Server::new());
    let seen = SeenRequests {
        replays: Some(Replays::new(8)),
        ..SeenRequests::default()
    };
    let token: Bytes = server
        .token(options.keys.main().request_subject(), None)
        .into();
    let first = open_plain(token.clone(), now(), &options, &seen);
    assert!(first.is_ok(), "{first:?}");
    let second = open_plain(token, now(), &options, &seen).unwrap_err();
    assert_eq!(second.error.kind(), "replayed");
}

#[test]
fn a_signed_nonce_is_good_once() {
    let (options, server) = (options(), Server::new());
    let seen = SeenRequests {
        replays: Some(Replays::new(8)),
        ..SeenRequests::default()
    };
    let subject = options.keys.main().request_subject();
    let kind = |nonce: &str, signature: &str| {
        let token = server.token_with(subject, |request| {
            request.client_info.nonce = nonce.to_owned();
            request.connect_opts.signed_nonce = signature.to_owned();
        });
        let opened = open_plain(token, now(), &options, &seen);
        opened.err().map(|refused| refused.error.kind())
    };
    assert_eq!(kind("nonce", "signature"), None);
    assert_eq!(kind("nonce", "signature"), Some("replayed"));
    assert_eq!(kind("nonce", "other"), Some("replayed"));
    assert_eq!(kind("other", "signature"), None);
    for _ in 0..2 {
        assert_eq!(kind("", ""), None, "a login without a signature");
    }
}

#[test]
fn a_request_of_another_time_is_refused_and_names_the_difference() {
    let (options, server) = (options(), Server::new());
    let token: Bytes = server
        .token(options.keys.main().request_subject(), None)
        .into();
    let made_at = now();
    let opened_at = |now: u64| {
        let opened = open_plain(token.clone(), now, &options, &SeenRequests::default());
        opened.err().map(|refused| {
            assert!(refused.request.is_some(), "which client and server");
            (refused.error.kind(), refused.error.to_string())
        })
    };
    assert_eq!(opened_at(made_at), None);
    let (kind, text) = opened_at(made_at - 300).unwrap();
    assert_eq!(kind, "clock");
    assert!(
        text.contains("300 s behind") || text.contains("301 s behind"),
        "{text}"
    );
    let (kind, text) = opened_at(made_at + 302).unwrap();
    assert_eq!(kind, "clock");
    assert!(
        text.contains("300 s ago") || text.contains("299 s ago"),
        "{text}"
    );
}

#[test]
fn a_refusal_of_a_decoded_request_names_client_and_server() {
    let (options, server) = (options(), Server::new());
    let ours = options.keys.main().request_subject();
    let id = server.pair.public_key();
    let refused = |change: &dyn Fn(&mut nats_token::AuthorizationRequest)| {
        let token = server.token_with(ours, |request| {
            request.client_info.host = "10.0.0.7".to_owned();
            change(request);
        });
        let opened = open(
            &token.into(),
            None,
            now(),
            &options.keys,
            &options.open,
            &SeenRequests::default(),
        );
        let refused = opened.unwrap_err();
        let request = refused.request.map(|request| *request);
        let named =
            request.map(|request| (request.client.host.unwrap(), request.server.id.to_string()));
        (refused.error.kind(), named)
    };
    let named = |server: &str| Some(("10.0.0.7".to_owned(), server.to_owned()));
    let token_of_1_mb = "t".repeat(1 << 20);
    assert_eq!(
        refused(&|request| request.connect_opts.token = token_of_1_mb.clone()),
        ("malformed", named(&id))
    );
    let other = KeyPair::new_server().public_key();
    assert_eq!(
        refused(&|request| request.server_id.id = other.clone()),
        ("server-id", named(&id)),
        "the server that signed is named, not the one that the request names"
    );
    // The host does not decode what is larger still.
    let token_of_2_mb = "t".repeat(2 << 20);
    assert_eq!(
        refused(&|request| request.connect_opts.token = token_of_2_mb.clone()),
        ("malformed", None)
    );
}

#[test]
fn the_servers_own_patience_is_read_from_the_request() {
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    assert_eq!(patience(Some(100), Some(102)), seconds(2));
    assert_eq!(patience(Some(100), Some(100)), seconds(1));
    assert_eq!(patience(Some(100), None), None);
}
