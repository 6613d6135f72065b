//! Table `[exchange]`: the token exchange over HTTP.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use portcullis_connect::CertificateFiles;
use portcullis_core::with_causes;
use portcullis_exchange::{ExchangeOptions, ProofRoute};
use portcullis_toml::kinds::{SIZE, SOME_SECONDS, SOME_TIME, WORD, seconds_up_to};
use portcullis_toml::{InvalidValue, Kind, Problem, Section};
use url::Url;

use crate::nats::read_certificate;
use crate::values::ADDRESS;

/// The table `[exchange]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exchange {
    /// Address of the listener. `None`, the default, disables the exchange.
    pub listen: Option<SocketAddr>,
    /// Certificate of the listener and its key. `None` for plain HTTP.
    pub certificate: Option<CertificateFiles>,
    /// Options of the exchange itself.
    pub options: ExchangeOptions,
}

/// Maximum of `max-in-flight` and of the numbers of connections.
const MAX_COUNT: usize = 65_536;

/// Maximum of `max-used-nonces`: about 64 MiB.
const MAX_USED_NONCES: usize = 1 << 20;

/// Maximum of `max-body`, in bytes. A request has a few hundred.
const MAX_BODY: u64 = 1 << 20;

const ROUTE: Kind<ProofRoute> = Kind {
    expected: "a route such as `/v1/tokens`",
    parse: |text| {
        let mut routes = ProofRoute::ALL.into_iter();
        routes.find(|route| route.as_str() == text).ok_or_else(|| {
            let known = ProofRoute::ALL.map(ProofRoute::as_str).join("`, `");
            InvalidValue::unexpected(format!("one of `{known}`"), text)
        })
    },
};

/// The origin of web pages, as browsers send it.
const ORIGIN: Kind<String> = Kind {
    expected: "an origin such as `https://app.example.com`",
    parse: |text| match text.parse::<Url>() {
        Ok(url) if url.has_host() && url.origin().ascii_serialization() == text => {
            Ok(text.to_owned())
        }
        _ => Err(InvalidValue::unexpected(
            "an origin such as `https://app.example.com`, without a path",
            text,
        )),
    },
};

/// The name of a cookie (RFC 6265, section 4.1.1).
const COOKIE_NAME: Kind<String> = Kind {
    expected: "the name of a cookie such as `id_token`",
    parse: |text| {
        let is_allowed =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if !text.is_empty() && text.bytes().all(is_allowed) {
            Ok(text.to_owned())
        } else {
            let expected = "the name of a cookie such as `id_token`";
            Err(InvalidValue::unexpected(expected, text))
        }
    },
};

const BODY: Kind<u64> = Kind {
    expected: SIZE.expected,
    parse: |text| match (SIZE.parse)(text) {
        Ok(size) if size > MAX_BODY => Err(InvalidValue::above("1MiB", text)),
        size => size,
    },
};

/// A lifetime of a nonce. Used nonces are remembered for so long.
const NONCE_LIFETIME: Kind<Duration> = Kind {
    expected: SOME_SECONDS.expected,
    parse: |text| {
        seconds_up_to(text, Duration::from_mins(10), "10m")?;
        (SOME_SECONDS.parse)(text)
    },
};

impl Exchange {
    pub(crate) fn read(mut section: Section<'_>, operator_mode: bool) -> Option<Self> {
        let defaults = ExchangeOptions::default();
        let listen = match section.setting("listen") {
            None => Some(None),
            Some(setting) => setting.parse(&ADDRESS).map(Some),
        };
        let certificate = read_certificate(&mut section);
        let max_lifetime = section.value("max-lifetime", &SOME_SECONDS, defaults.max_lifetime);
        let require_proof = match section.setting("require-proof") {
            None => Some(defaults.require_proof),
            Some(setting) => setting.list(&ROUTE).map(BTreeSet::from_iter),
        };
        let admin_scope = section.value("admin-scope", &WORD, defaults.admin_scope);
        let allowed_origins = section.list("allowed-origins", &ORIGIN);
        let token_cookie = match section.setting("token-cookie") {
            None => Some(None),
            Some(setting) => setting.parse(&COOKIE_NAME).map(Some),
        };
        let deadline = section.value("deadline", &SOME_TIME, defaults.deadline);
        let request_timeout =
            section.value("request-timeout", &SOME_TIME, defaults.request_timeout);
        let idle_timeout = section.value("idle-timeout", &SOME_TIME, defaults.idle_timeout);
        let max_connection_age = section.value(
            "max-connection-age",
            &SOME_TIME,
            defaults.max_connection_age,
        );
        let mut count = |key, max, default| match section.setting(key) {
            None => Some(default),
            Some(setting) => setting.count(max),
        };
        let max_in_flight = count("max-in-flight", MAX_COUNT, defaults.max_in_flight);
        let max_connections = count("max-connections", MAX_COUNT, defaults.max_connections);
        let of_address = defaults.max_connections_per_address;
        let max_connections_per_address =
            count("max-connections-per-address", MAX_COUNT, of_address);
        let used_nonces = defaults.max_used_nonces;
        let max_used_nonces = count("max-used-nonces", MAX_USED_NONCES, used_nonces);
        let max_body = match section.setting("max-body") {
            None => Some(defaults.max_body),
            Some(setting) => {
                let size = setting.parse(&BODY);
                size.and_then(|size| usize::try_from(size).ok())
            }
        };
        let nonce_lifetime =
            section.value("nonce-lifetime", &NONCE_LIFETIME, defaults.nonce_lifetime);
        if let (Some(Some(listen)), Some(certificate)) = (&listen, &certificate) {
            check_listener(&section, *listen, certificate.is_some(), operator_mode);
        }
        if let (Some(Some(_)), Some([])) = (&token_cookie, allowed_origins.as_deref()) {
            section
                .report("`token-cookie` needs `allowed-origins`, from whose pages cookies count");
        }
        if let (Some(deadline), Some(request_timeout)) = (deadline, request_timeout) {
            check_times(&section, deadline, request_timeout);
        }
        section.finish();
        Some(Self {
            listen: listen?,
            certificate: certificate?,
            options: ExchangeOptions {
                max_lifetime: max_lifetime?,
                require_proof: require_proof?,
                admin_scope: admin_scope?,
                allowed_origins: allowed_origins?,
                token_cookie: token_cookie?,
                deadline: deadline?,
                request_timeout: request_timeout?,
                idle_timeout: idle_timeout?,
                max_connection_age: max_connection_age?,
                max_in_flight: max_in_flight?,
                max_connections: max_connections?,
                max_connections_per_address: max_connections_per_address?,
                max_body: max_body?,
                nonce_lifetime: nonce_lifetime?,
                max_used_nonces: max_used_nonces?,
            },
        })
    }
}

/// Reports a listener whose user JWTs no server takes, or that reads tokens in the clear.
fn check_listener(
    section: &Section<'_>,
    listen: SocketAddr,
    has_certificate: bool,
    operator_mode: bool,
) {
    if !operator_mode {
        section.report(
            "needs [operator]: servers accept user JWTs from clients in operator mode only",
        );
    }
    if !has_certificate && !listen.ip().is_loopback() {
        section.warn(
            "reads bearer tokens in the clear: set `tls-cert-file` and `tls-key-file`, or listen on \
             a loopback address behind a proxy with TLS",
        );
    }
}

/// Reports a `request-timeout` that would hide the decisions that take long from their callers.
fn check_times(section: &Section<'_>, deadline: Duration, request_timeout: Duration) {
    if request_timeout <= deadline {
        section.report(
            "`request-timeout` must be longer than `deadline`: a caller would get no answer to a decision that takes \
             all of its time",
        );
    }
}

/// Returns the problems of the files that the table in the configuration `file` names.
pub(crate) fn check(file: &Path, exchange: &Exchange) -> Option<Problem> {
    let certificate = exchange.certificate.as_ref()?;
    let error = certificate.read().err()?;
    let key = "exchange.tls-cert-file";
    Some(Problem::error(file, with_causes(&error)).at_key(key))
}
