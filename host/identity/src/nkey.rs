//! Proof of an nkey.

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD};
use portcullis_claims::{KeyKind, PublicKey, VerifyingKey as _};
use portcullis_core::{AuthorizationRequest, PresentedNkey};

use crate::user_jwt::PresentedJwt;

/// Returns the user nkey whose private key signed the server's nonce.
///
/// Tries the presented nkey first, then the subject of the user JWT. That JWT has to be valid
/// itself; its issuer does not matter.
pub(crate) fn proved(request: &AuthorizationRequest, jwt: &PresentedJwt<'_>) -> Option<PublicKey> {
    let nonce = request.client.nonce.as_deref()?;
    let signature = decoded(request.credentials.signature.as_ref()?.expose())?;
    let presented = request.credentials.nkey.as_ref();
    let presented = presented.and_then(PresentedNkey::key).cloned();
    let subject = || -> Option<PublicKey> { jwt.subject()?.parse().ok() };
    let mut keys = presented
        .into_iter()
        .chain(std::iter::once_with(subject).flatten());
    keys.find(|key| key.kind() == KeyKind::User && key.verifies(nonce.as_bytes(), &signature))
}

/// Decodes a signature. Clients write base64 for URLs, older ones standard base64, padded or not.
fn decoded(signature: &str) -> Option<Vec<u8>> {
    let bytes = signature.trim_end_matches('=').as_bytes();
    BASE64URL_NOPAD
        .decode(bytes)
        .or_else(|_| BASE64_NOPAD.decode(bytes))
        .ok()
}

#[cfg(test)]
mod tests {
    use data_encoding::{BASE64, BASE64URL};
    use nkeys::KeyPair;
    use portcullis_claims::{IssuerKey, UserClaims};
    use portcullis_core::{Client, Credentials, Identity, Permit, Secret, Server};

    use super::*;

    fn proved(request: &AuthorizationRequest) -> Option<String> {
        let proved = super::proved(request, &PresentedJwt::of(&request.credentials));
        proved.map(|key| key.to_string())
    }

    const NONCE: &str = "PXoWU7zWAMt75FY";

    fn request(credentials: Credentials) -> AuthorizationRequest {
        AuthorizationRequest {
            user_nkey: PublicKey::from_bytes(KeyKind::User, [0; PublicKey::LEN]),
            server: Server::new(PublicKey::from_bytes(KeyKind::Server, [0; PublicKey::LEN])),
            client: Client {
                nonce: Some(NONCE.to_owned()),
                ..Client::default()
            },
            credentials,
            identity: Identity::default(),
            received_at: 100,
        }
    }

    fn signed(pair: &KeyPair) -> Vec<u8> {
        pair.sign(NONCE.as_bytes()).unwrap()
    }

    fn with_nkey(nkey: &str, signature: &str) -> Option<String> {
        proved(&request(Credentials {
            nkey: Some(nkey.to_owned().into()),
            signature: Some(Secret::new(signature)),
            ..Credentials::default()
        }))
    }

    #[test]
    fn a_signature_over_the_nonce_proves_the_nkey() {
        let pair = KeyPair::new_user();
        let (key, signature) = (pair.public_key(), signed(&pair));
        for text in [
            BASE64URL_NOPAD.encode(&signature),
            BASE64URL.encode(&signature),
            BASE64.encode(&signature),
            BASE64_NOPAD.encode(&signature),
        ] {
            assert_eq!(with_nkey(&key, &text), Some(key.clone()), "{text}");
        }
    }

    #[test]
    fn what_proves_nothing_proves_no_nkey() {
        let (pair, other) = (KeyPair::new_user(), KeyPair::new_user());
        let account = KeyPair::new_account();
        let encoded = |pair| BASE64URL_NOPAD.encode(&signed(pair));
        assert_eq!(with_nkey(&pair.public_key(), &encoded(&other)), None);
        assert_eq!(with_nkey(&account.public_key(), &encoded(&account)), None);
        assert_eq!(with_nkey(&pair.public_key(), "no base64!"), None);
        assert_eq!(with_nkey("UNKEY", &encoded(&pair)), None);

        let mut unsigned = request(Credentials {
            nkey: Some(pair.public_key().into()),
            ..Credentials::default()
        });
        assert_eq!(proved(&unsigned), None, "no signature");
        unsigned.credentials.signature = Some(Secret::new(encoded(&pair)));
        unsigned.client.nonce = Some("another".to_owned());
        assert_eq!(proved(&unsigned), None, "another nonce");
        unsigned.client.nonce = None;
        assert_eq!(proved(&unsigned), None, "no nonce");
    }

    #[test]
    fn the_subject_of_a_user_jwt_is_proved_as_an_nkey_is() {
        let (pair, other) = (KeyPair::new_user(), KeyPair::new_user());
        let seed = IssuerKey::generate_seed().unwrap();
        let issuer = IssuerKey::from_seed(seed.expose()).unwrap();
        let permit = Permit::builder("APP", 100).finish().unwrap();
        let jwt = UserClaims::from_permit(&pair.public_key(), &permit, 100)
            .sign(&issuer)
            .unwrap();
        let proved_by = |signer: &KeyPair| {
            proved(&request(Credentials {
                jwt: Some(Secret::new(jwt.clone())),
                signature: Some(Secret::new(BASE64URL_NOPAD.encode(&signed(signer)))),
                ..Credentials::default()
            }))
        };
        assert_eq!(proved_by(&pair), Some(pair.public_key()));
        assert_eq!(proved_by(&other), None);
    }
}
