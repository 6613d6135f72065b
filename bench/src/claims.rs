//! The claims of the token in every comparison, so that every engine decides the same login.

/// The members of a JSON object, without its braces, so that a caller can add members.
pub const CLAIMS: &str = r#"
    "iss": "https://login.example.com/realms/orders",
    "sub": "7a1f0d1e-5d53-4f0c-9d1b-6a0e2f5a3c11",
    "aud": "nats",
    "azp": "orders-frontend",
    "jti": "0f9f0bd4-6f44-4b50-a9fb-6bb5e2a6f2b3",
    "typ": "Bearer",
    "name": "Alice Example",
    "email": "alice@example.com",
    "preferred_username": "alice",
    "scope": "openid profile email",
    "org_unit": "fulfilment"
"#;

/// The groups that the host finds in the claims.
pub const GROUPS: [&str; 8] = [
    "staff", "orders", "returns", "billing", "oncall", "reports", "beta", "berlin",
];
