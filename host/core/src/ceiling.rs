//! Stub.
#![allow(missing_docs)]
use crate::{Permissions, ResponsePermission, SubjectPermission};
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ceiling {
    pub publish: SubjectPermission,
    pub subscribe: SubjectPermission,
    pub responses: Option<ResponsePermission>,
    pub on_excess: OnExcess,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExcess {
    Clip,
    Refuse,
}
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stub")]
pub struct CeilingExceeded;
impl Ceiling {
    pub fn apply(&self, permissions: &Permissions) -> Result<Permissions, CeilingExceeded> {
        Ok(permissions.clone())
    }
}
