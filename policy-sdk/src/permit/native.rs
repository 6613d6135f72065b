//! The host's rules for a permit, applied in the tests of a policy.

use std::time::Duration;

use portcullis_permit_rules::{Draft, Part, PermitBuilder, Whole};

use super::Permit;

pub(super) type Receiver = PermitBuilder<Checked>;

/// The time of the login, in seconds since the Unix epoch. In `configure`, where policies check
/// their settings, no login exists and the host uses the same time.
const RECEIVED_AT: u64 = 0;

impl Permit {
    /// Returns the problems that the host has with the permit.
    pub(super) fn native_problems(&self) -> Vec<String> {
        let checked = Checked {
            account: self.account.clone(),
            ..Checked::default()
        };
        let mut builder = PermitBuilder::new(checked, RECEIVED_AT);
        self.send_to(&mut builder);
        let problems = builder.problems();
        problems.iter().map(ToString::to_string).collect()
    }
}

/// The parts of a permit that the rules compare with each other.
#[derive(Debug, Default)]
pub(super) struct Checked {
    account: String,
    role: Option<String>,
    user_name: Option<String>,
    tags: Vec<String>,
    has_times: bool,
    has_times_location: bool,
    expires_at: Option<u64>,
}

impl Draft for Checked {
    type Permit = ();

    fn add(&mut self, part: Part<'_>) {
        match part {
            Part::Role(role) => self.role = Some(role.to_owned()),
            Part::UserName(name) => self.user_name = Some(name.to_owned()),
            Part::Tag(tag) => self.tags.push(tag.to_owned()),
            Part::Time(_) => self.has_times = true,
            Part::TimesLocation(_) => self.has_times_location = true,
            Part::ExpiresAt(time) => {
                self.expires_at = Some(self.expires_at.map_or(time, |known| known.min(time)));
            }
            _ => (),
        }
    }

    fn whole(&self) -> Whole<'_> {
        Whole {
            account: &self.account,
            role: self.role.as_deref(),
            user_name: self.user_name.as_deref(),
            tags: &self.tags,
            has_times: self.has_times,
            has_times_location: self.has_times_location,
            expires_at: self.expires_at,
        }
    }

    fn finish(self) {}
}

/// Returns a time span in the unit of the builder.
pub(super) const fn time_span(span: Duration) -> Duration {
    span
}
