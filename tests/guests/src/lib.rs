//! Guests that misbehave, one per file
