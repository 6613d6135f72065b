//! The most that a login may get, whatever a policy says.

use std::time::Duration;

use crate::{
    DenyFilter, OpenTail, PermissionSubject, Permissions, Permit, ResponsePermission,
    SubjectPermission, WorkBudget, WorkExceeded,
};

mod side;

use side::Side;

/// The most that a login may get, in an account or from a policy.
///
/// Its lists read as those of a [`Permit`]: deny wins, and nothing allowed means nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ceiling {
    /// What may be published.
    pub publish: SubjectPermission,
    /// What may be subscribed to. A subject without a queue group stands for every queue group.
    pub subscribe: SubjectPermission,
    /// How many replies, and for how long; no replies if none.
    pub responses: Option<ResponsePermission>,
    /// What becomes of a permit that goes beyond.
    pub on_excess: OnExcess,
}

/// What becomes of a permit that goes beyond its ceiling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnExcess {
    /// It is cut down to what both allow.
    #[default]
    Clip,
    /// The login is denied.
    Refuse,
}

/// What keeps a permit from being put under a ceiling.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CeilingExceeded {
    /// No subject of the ceiling covers this one.
    #[error(
        "the permit's {side}-allow `{subject}` is covered by no subject of the ceiling's {side}-allow"
    )]
    NotCovered {
        /// `publish` or `subscribe`.
        side: &'static str,
        /// The permit's subject.
        subject: PermissionSubject,
    },
    /// The ceiling denies a part of what the permit allows, and the permit does not.
    #[error(
        "the permit's {side}-allow `{subject}` reaches into `{denied}`, which the ceiling's {side}-deny takes out; deny it in the permit too"
    )]
    Denied {
        /// `publish` or `subscribe`.
        side: &'static str,
        /// The permit's subject.
        subject: PermissionSubject,
        /// The ceiling's.
        denied: PermissionSubject,
    },
    /// Replies beyond the ceiling's.
    #[error("the permit's responses ({asked}) go beyond the ceiling's ({most})")]
    Responses {
        /// What the permit allows.
        asked: String,
        /// What the ceiling allows.
        most: String,
    },
    /// Both sides name queue groups where one of them also allows the plain subject: to a server the one with the
    /// queue group takes precedence, and there is no list that says what both allow.
    #[error(
        "the permit's subscribe-allow `{subject}` and the ceiling's `{ceiling}` name queue groups on subjects that `{plain}` allows without one; no list of subjects says what both allow, so keep them apart"
    )]
    MixedQueues {
        /// The permit's subject.
        subject: PermissionSubject,
        /// The ceiling's.
        ceiling: PermissionSubject,
        /// The one without a queue group, of either.
        plain: PermissionSubject,
    },
    /// A `*` at the end that clients can make a `>` of, and the ceiling does not allow that.
    #[error("the permit goes beyond what the ceiling allows below `{subject}`: {0}", subject = .0.subject)]
    OpenTail(OpenTail),
    /// More comparing than a login may cost.
    #[error(transparent)]
    TooMuchWork(#[from] WorkExceeded),
    /// More subjects than a permit can carry.
    #[error("what permit and ceiling have in common takes more than {limit} subjects to say")]
    TooMany {
        /// How many are possible.
        limit: usize,
    },
    /// A longer subject than a permit can carry.
    #[error(
        "what the permit's `{subject}` and the ceiling's `{ceiling}` have in common takes more than {limit} bytes to say",
        limit = PermissionSubject::MAX_LEN
    )]
    TooLong {
        /// The permit's subject.
        subject: PermissionSubject,
        /// The ceiling's.
        ceiling: PermissionSubject,
    },
}

impl Ceiling {
    /// What both the ceiling and `permissions` allow, closed; with [`OnExcess::Refuse`], `permissions` themselves, closed,
    /// if they stay below the ceiling.
    ///
    /// A clipped permit matches exactly what a server with either set of permissions would let through. Refusing is
    /// stricter than it could be where a subject is covered by several of the ceiling only together.
    ///
    /// A `*` at the end of a subscribe permission counts as one token where [`SubjectPermission::tails`] can hold servers
    /// to it. Whoever issues the permissions adds those denies. Where it cannot, the ceiling has to allow everything below.
    ///
    /// # Errors
    ///
    /// With [`OnExcess::Refuse`], the first subject that goes beyond. With both, what cannot be said in the form of a permit,
    /// and more comparing than `work` pays for: these are denials too.
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
        for open in permissions.subscribe.tails(filter, work)?.open {
            if !subscribe.allows_open_ended(&open.subject, work)? {
                return Err(CeilingExceeded::OpenTail(open));
            }
        }
        Ok(permissions)
    }

    /// What a login with all that the ceiling allows may do.
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
        let shown =
            |responses: ResponsePermission| format!("{} within {:?}", responses.max, responses.ttl);
        Err(CeilingExceeded::Responses {
            asked: shown(asked),
            most: most.map_or_else(|| "none".to_owned(), shown),
        })
    }
}

impl ResponsePermission {
    /// With the server's defaults in the place of zeroes.
    fn effective(self) -> Self {
        const DEFAULT_TTL: Duration = Duration::from_mins(2);
        Self {
            max: self.max.max(1),
            ttl: if self.ttl.is_zero() {
                DEFAULT_TTL
            } else {
                self.ttl
            },
        }
    }
}

#[cfg(test)]
mod tests;
