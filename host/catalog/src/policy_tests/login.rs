//! Conversion of a test's login to the request that a policy decides.

use portcullis_core::{
    AuthorizationRequest, BucketName, Certificate, Claims, Client, ClientKind, ClientTls,
    Credentials, FixedKeyValues, Identity, KeyKind, Method, PresentedNkey, PublicKey, Secret,
    Server, Strength, Transport, is_key,
};

use super::problem::{KeyProblem, TestProblem};
use super::{format, possible};

/// The bytes of the user nkey in the requests of all tests, and of the server's nkey where a test
/// names none. They belong to no user and no server.
const NO_KEY: [u8; PublicKey::LEN] = [0; PublicKey::LEN];

/// Returns the request for a login of a test.
pub(crate) fn request(login: format::Login, now: u64) -> Result<AuthorizationRequest, TestProblem> {
    let request = unchecked(login, now)?;
    check(&request)?;
    Ok(request)
}

/// Checks that a client can make this login.
pub(super) fn check(request: &AuthorizationRequest) -> Result<(), TestProblem> {
    possible::check(request).map_err(|problem| TestProblem::Impossible { problem })
}

/// Returns the request for a login, whether a client can make it or not.
pub(super) fn unchecked(
    login: format::Login,
    now: u64,
) -> Result<AuthorizationRequest, TestProblem> {
    let secret = |text: Option<String>| text.map(Secret::new);
    let credentials = Credentials {
        username: login.username,
        password: secret(login.password),
        token: secret(login.token),
        jwt: secret(login.jwt),
        nkey: login.nkey.map(PresentedNkey::from),
        signature: None,
    };
    let certificate = login.certificate.map(certificate);
    let identity = match login.identity {
        Some(identity) => identified(identity, certificate)?,
        None => unassisted(&credentials, certificate),
    };
    let nkey = credentials.nkey.as_ref().map(PresentedNkey::as_str);
    let user = nkey.or(credentials.username.as_deref());
    Ok(AuthorizationRequest {
        // A server makes one for each login.
        user_nkey: PublicKey::from_bytes(KeyKind::User, NO_KEY),
        server: server(login.server)?,
        client: client(login.client, user)?,
        credentials,
        identity,
        received_at: now,
    })
}

/// Returns the buckets for a login of a test. Buckets that the test does not name are empty,
/// regardless of the host's own buckets.
pub(crate) fn key_values(login: &mut format::Login) -> Result<FixedKeyValues, TestProblem> {
    let named = |name: &str| {
        let parsed = name.parse::<BucketName>();
        parsed.map_err(TestProblem::Bucket)
    };
    let mut buckets = FixedKeyValues::default().others_are_empty();
    for (name, entries) in std::mem::take(&mut login.key_value) {
        if let Some(key) = entries.keys().find(|key| !is_key(key)) {
            let key = key.escape_debug().to_string();
            return Err(TestProblem::BucketKey { bucket: name, key });
        }
        buckets = buckets.with(&named(&name)?, entries);
    }
    for name in std::mem::take(&mut login.key_value_unavailable) {
        buckets = buckets.without(named(&name)?);
    }
    Ok(buckets)
}

/// Returns the identity that the host finds out without an identity provider and without a
/// signature. It is the identity that the client claims. If the client presents only a verified
/// certificate, it is the identity in the certificate.
fn unassisted(credentials: &Credentials, certificate: Option<Certificate>) -> Identity {
    let mut identity = Identity::claimed(credentials);
    let leaf = certificate.as_ref().filter(|leaf| leaf.verified);
    if let (Method::None, Some(leaf)) = (identity.method, leaf) {
        let subject = Some(&leaf.subject).filter(|subject| !subject.is_empty());
        identity.method = Method::Certificate;
        identity.strength = Strength::Proved;
        identity.principal = leaf.spiffe_id.as_ref().or(subject).cloned();
        identity.issuer = Some(leaf.issuer.clone());
    }
    // A test that does not say when the certificate ends has 0.
    let end = leaf.map(|leaf| leaf.not_after);
    identity.expires_at = end.filter(|end| *end > 0);
    identity.certificate = certificate;
    identity
}

fn identified(
    identity: format::Identity,
    certificate: Option<Certificate>,
) -> Result<Identity, TestProblem> {
    let method = Method::ALL
        .into_iter()
        .find(|method| method.as_str() == identity.method)
        .ok_or(TestProblem::Method)?;
    let nkey = identity.nkey.map(|text| {
        let key = |problem| TestProblem::Key {
            key: "login.identity.nkey",
            problem,
        };
        key_of(&text, KeyKind::User).map_err(key)
    });
    Ok(Identity {
        principal: identity.principal,
        method,
        strength: if identity.proved {
            Strength::Proved
        } else {
            Strength::Claimed
        },
        issuer: identity.issuer,
        expires_at: identity.expires_at,
        claims: Claims::new(identity.claims),
        groups: identity.groups,
        tags: identity.tags,
        role: identity.role,
        nkey: nkey.transpose()?,
        certificate,
    })
}

fn certificate(certificate: format::Certificate) -> Certificate {
    Certificate {
        verified: certificate.verified,
        subject: certificate.subject,
        issuer: certificate.issuer,
        serial: certificate.serial,
        fingerprint: certificate.fingerprint,
        dns_names: certificate.dns_names,
        uri_names: certificate.uri_names,
        email_names: certificate.email_names,
        ip_names: certificate.ip_names,
        spiffe_id: certificate.spiffe_id,
        not_before: certificate.not_before,
        not_after: certificate.not_after,
    }
}

fn client(client: format::Client, user: Option<&str>) -> Result<Client, TestProblem> {
    if client.tls_cipher.is_some() && client.tls_version.is_none() {
        return Err(TestProblem::CipherWithoutVersion);
    }
    let tls = client.tls_version.map(|version| ClientTls {
        version,
        cipher: client.tls_cipher.unwrap_or_default(),
        verified: false,
        chains: Vec::new(),
    });
    Ok(Client {
        host: client.host,
        id: client.id,
        user: client.user.or_else(|| user.map(str::to_owned)),
        name: client.name,
        kind: client.kind.map(ClientKind::from_name),
        transport: client.transport.map(Transport::from),
        mqtt_id: client.mqtt_id,
        lang: client.lang,
        version: client.version,
        tags: client.tags,
        name_tag: client.name_tag,
        nonce: None,
        tls,
        wanted_account: None,
    })
}

fn server(server: format::Server) -> Result<Server, TestProblem> {
    let id = match server.id {
        None => PublicKey::from_bytes(KeyKind::Server, NO_KEY),
        Some(text) => key_of(&text, KeyKind::Server).map_err(|problem| TestProblem::Key {
            key: "login.server.id",
            problem,
        })?,
    };
    Ok(Server {
        id,
        name: server.name,
        host: server.host,
        version: server.version,
        cluster: server.cluster,
        tags: server.tags,
    })
}

fn key_of(text: &str, kind: KeyKind) -> Result<PublicKey, KeyProblem> {
    let key: PublicKey = text.parse()?;
    if key.kind() == kind {
        Ok(key)
    } else {
        Err(KeyProblem::Kind {
            key,
            expected: kind,
        })
    }
}
