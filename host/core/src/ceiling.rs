//! Upper bounds on the permissions of a login, independent of what its policy permits.

use crate::{DenyFilter, Permissions, Permit, ResponsePermission, SubjectPermission, WorkBudget};

mod exceeded;
mod side;

use side::Side;

pub use exceeded::CeilingExceeded;

/// An upper bound on the permissions of a login, in an account or from a policy.
///
/// The lists of a ceiling have the meaning of those of a [`Permit`]: deny wins, and an empty allow
/// list allows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ceiling {
    /// Subjects that a login may publish to.
    pub publish: SubjectPermission,
    /// Subjects that a login may subscribe to. A subject without a queue group stands for every
    /// queue group.
    pub subscribe: SubjectPermission,
    /// Maximum number of replies and their maximum time span. `None` allows no replies.
    pub responses: Option<ResponsePermission>,
    /// Treatment of a permit that exceeds the ceiling.
    pub on_excess: OnExcess,
}

/// Treatment of a permit that exceeds its ceiling. Default: [`Clip`](Self::Clip).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnExcess {
    /// The host clips the permit to what both permit and ceiling allow.
    #[default]
    Clip,
    /// The host denies the login.
    Refuse,
}

impl Ceiling {
    /// Returns what both the ceiling and `permissions` allow, closed. With [`OnExcess::Refuse`],
    /// returns `permissions` themselves, closed, if they stay within the ceiling.
    ///
    /// A clipped permit matches exactly what a server would allow under both sets of permissions. A
    /// refusal can be stricter than necessary: each subject has to be covered by a single subject
    /// of the ceiling.
    ///
    /// A `*` at the end of a subscribe permission counts as one token if the denies of
    /// [`SubjectPermission::tails`] make servers enforce that. The code that issues the permissions
    /// adds those denies. Otherwise the ceiling has to allow everything below.
    ///
    /// # Errors
    ///
    /// With [`OnExcess::Refuse`], fails at the first subject that exceeds the ceiling. With either
    /// setting, fails if no permit can describe the result, or if the comparison costs more than
    /// `work`. The caller treats every error as a denial.
    pub fn apply(
        &self,
        permissions: &Permissions,
        filter: DenyFilter,
        work: &mut WorkBudget,
    ) -> Result<Permissions, CeilingExceeded> {
        let publish = Side::new("publish", &permissions.publish, &self.publish);
        let subscribe = Side::new("subscribe", &permissions.subscribe, &self.subscribe);
        let permissions = match self.on_excess {
            OnExcess::Clip => Permissions {
                publish: publish.clipped(work)?,
                subscribe: subscribe.clipped(work)?,
                responses: self.clipped_responses(permissions.responses),
            },
            OnExcess::Refuse => {
                publish.check(work)?;
                subscribe.check(work)?;
                self.check_responses(permissions.responses)?;
                permissions.clone()
            }
        }
        .closed();
        if permissions.subject_count() > Permit::MAX_SUBJECTS {
            return Err(CeilingExceeded::TooMany {
                limit: Permit::MAX_SUBJECTS,
            });
        }
        // A clipped permit also denies what the ceiling denies, so the result is what counts here.
        let issued = Side::new("subscribe", &permissions.subscribe, &self.subscribe);
        for open in permissions.subscribe.tails(filter, work)?.open {
            if !issued.allows_open_ended(&open.subject, work)? {
                return Err(CeilingExceeded::OpenTail(open));
            }
        }
        Ok(permissions)
    }

    /// Returns the permissions of a login with all that the ceiling allows.
    pub fn permissions(&self) -> Permissions {
        Permissions {
            publish: self.publish.clone(),
            subscribe: self.subscribe.clone(),
            responses: self.responses,
        }
    }

    fn clipped_responses(&self, asked: Option<ResponsePermission>) -> Option<ResponsePermission> {
        let (asked, most) = (asked?.effective(), self.responses?.effective());
        Some(ResponsePermission {
            max: asked.max.min(most.max),
            ttl: asked.ttl.min(most.ttl),
        })
    }

    fn check_responses(&self, asked: Option<ResponsePermission>) -> Result<(), CeilingExceeded> {
        let Some(asked) = asked.map(ResponsePermission::effective) else {
            return Ok(());
        };
        let most = self.responses.map(ResponsePermission::effective);
        if most.is_some_and(|most| asked.max <= most.max && asked.ttl <= most.ttl) {
            return Ok(());
        }
        Err(CeilingExceeded::Responses {
            asked: asked.to_string(),
            most: most.map_or_else(|| "none".to_owned(), |most| most.to_string()),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests;
