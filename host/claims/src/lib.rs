//! NATS wire forms: keys, JWTs, authorization request and response
