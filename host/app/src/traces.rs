//! Traces of logins. Without the feature `otel` they do not exist, and the configuration refuses
//! their table.

#[cfg(not(feature = "otel"))]
mod off;
#[cfg(feature = "otel")]
mod on;

#[cfg(not(feature = "otel"))]
pub(crate) use off::Traces;
#[cfg(feature = "otel")]
pub(crate) use on::Traces;
