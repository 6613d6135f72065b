//! The push of an account to the servers, until the server of a login has it.

use std::fmt::Debug;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use portcullis_connect::Nats;
use portcullis_core::{AccountName, with_causes};
use portcullis_system::{ClaimStatus, Gathering, Reply, ReplyError, SystemClient, SystemError};

use super::NotMade;
use crate::account_jwts::AccountJwt;

/// Time before the login's deadline at which the wait ends, so that the denial can say which
/// servers answered.
const MARGIN: Duration = Duration::from_millis(50);

/// A way to push accounts to servers.
pub(crate) trait Push: Debug + Send + Sync {
    /// Sends the JWT of an account to the servers, and returns the ids of those that have it. Ends
    /// as soon as `server` has it; without one, as soon as any server has it. Waits for less than
    /// the time `left`.
    fn push<'a>(
        &'a self,
        account: &'a AccountJwt,
        server: Option<&'a str>,
        left: Duration,
    ) -> BoxFuture<'a, Result<Vec<String>, NotMade>>;
}

impl<N: Nats> Push for SystemClient<N> {
    fn push<'a>(
        &'a self,
        account: &'a AccountJwt,
        server: Option<&'a str>,
        left: Duration,
    ) -> BoxFuture<'a, Result<Vec<String>, NotMade>> {
        push(self, account, server, left).boxed()
    }
}

async fn push<N: Nats>(
    client: &SystemClient<N>,
    account: &AccountJwt,
    server: Option<&str>,
    left: Duration,
) -> Result<Vec<String>, NotMade> {
    let gathering = Gathering {
        servers: None,
        quiet: None,
        total: left.saturating_sub(MARGIN),
    };
    let name = AccountName::from(&account.account);
    let is_enough = |replies: &[Reply<ClaimStatus>]| has_it(replies, server).is_some();
    let pushed = client.update_account_until(&name, &account.token, gathering, is_enough);
    let gathered = match pushed.await {
        Ok(gathered) => gathered,
        Err(SystemError::NoResponders { .. }) => return Err(NotMade::NotConfirmed(Vec::new())),
        Err(error) => return Err(NotMade::Push(Box::new(error))),
    };
    match has_it(&gathered.replies, server) {
        None => {
            let answers = gathered.replies.iter();
            Err(NotMade::NotConfirmed(answers.map(described).collect()))
        }
        Some(Err(refused)) => Err(refused),
        Some(Ok(())) => {
            let having = gathered.replies.into_iter().filter(is_stored);
            let having = having.map(|reply| reply.server.id);
            Ok(having.chain(server.map(str::to_owned)).collect())
        }
    }
}

/// Returns whether `server` has the account, after these answers. `None` if that is not known yet.
///
/// A server that stores no JWTs skips a new account. It looks the account up when a login needs it,
/// so one of the others has to store it: a server with the full resolver, or `portcullis resolver`.
fn has_it(replies: &[Reply<ClaimStatus>], server: Option<&str>) -> Option<Result<(), NotMade>> {
    let is_anywhere = replies.iter().any(is_stored);
    let Some(server) = server else {
        return is_anywhere.then_some(Ok(()));
    };
    let reply = replies.iter().find(|reply| reply.server.id == server)?;
    match &reply.result {
        Ok(status) if status.is_applied() || is_anywhere => Some(Ok(())),
        Ok(_) => None,
        Err(error) => Some(Err(NotMade::Refused {
            server: reply.server.name.clone(),
            reason: in_words(error),
        })),
    }
}

fn is_stored(reply: &Reply<ClaimStatus>) -> bool {
    reply.result.as_ref().is_ok_and(ClaimStatus::is_applied)
}

fn described(reply: &Reply<ClaimStatus>) -> String {
    let answer = match &reply.result {
        Ok(status) => status.message.clone(),
        Err(error) => in_words(error),
    };
    format!("`{}`: {answer}", reply.server.name)
}

fn in_words(error: &ReplyError) -> String {
    match error {
        ReplyError::Refused(refusal) => refusal.description.clone(),
        error => with_causes(error),
    }
}
