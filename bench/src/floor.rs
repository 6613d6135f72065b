//! The cryptography that no login can do without: one request to verify, a user JWT and a response to sign, each with
//! Ed25519 and as long as NATS makes them. What a decision costs is told beside it.

/// The seed of the key that signs and whose signatures are verified. Any will do.
pub const SEED: [u8; 32] = [7; 32];

/// What is signed and verified.
#[derive(Clone, Debug)]
pub struct Messages {
    /// A server's authorization request.
    pub request: Vec<u8>,
    /// The user JWT.
    pub user: Vec<u8>,
    /// The response that it travels in.
    pub response: Vec<u8>,
}

impl Default for Messages {
    fn default() -> Self {
        let of = |length| vec![b'a'; length];
        Self {
            request: of(1100),
            user: of(900),
            response: of(1500),
        }
    }
}
