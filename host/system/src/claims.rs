//! Account JWTs that the servers of a system in operator mode store.

use std::collections::BTreeMap;
use std::fmt;

use portcullis_connect::Nats;
use portcullis_core::AccountName;
use serde::{Deserialize, Serialize};

use crate::client::SystemClient;
use crate::error::SystemError;
use crate::gathering::{Gathered, Gathering, Reply};
use crate::server::ServerFilter;
use crate::services::ConnzRequest;

/// Maximum memory of one pack, in bytes.
const MAX_PACK: usize = 256 << 20;
/// Memory of an account in a pack beyond its text, in bytes.
const OVERHEAD: usize = 192;

/// Subjects of the requests about account JWTs.
pub mod claim_subjects {
    use portcullis_core::AccountName;

    use crate::error::SystemError;
    use crate::subject;

    /// Subject that stores an account JWT at servers whose resolver is of type `full` or `cache`.
    pub const UPDATE: &str = "$SYS.REQ.CLAIMS.UPDATE";
    /// Subject that lists the accounts whose JWTs servers store.
    pub const LIST: &str = "$SYS.REQ.CLAIMS.LIST";
    /// Subject that deletes accounts.
    pub const DELETE: &str = "$SYS.REQ.CLAIMS.DELETE";
    /// Subject on which one of the servers sends the account JWTs that it stores.
    pub const PACK: &str = "$SYS.REQ.CLAIMS.PACK";

    /// Returns the subject that updates the JWT of one account, at servers with any resolver.
    ///
    /// # Errors
    ///
    /// Fails if the account's name cannot be part of a subject.
    pub fn update(account: &AccountName) -> Result<String, SystemError> {
        subject::of_account(account, "CLAIMS.UPDATE")
    }

    /// Returns the subject on which servers with a resolver of type `full` answer with the JWT of
    /// `account`.
    ///
    /// # Errors
    ///
    /// Fails if the account's name cannot be part of a subject.
    pub fn look_up(account: &AccountName) -> Result<String, SystemError> {
        subject::of_account(account, "CLAIMS.LOOKUP")
    }
}

/// The answer of a server that has updated or deleted account JWTs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct ClaimStatus {
    /// The account. Empty in the answer to a deletion.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub account: String,
    /// Code of the answer: 200.
    pub code: u16,
    /// The server's words, such as `jwt updated` or `jwt update skipped`.
    pub message: String,
}

/// The account JWTs of one server. `Debug` shows the accounts only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AccountJwts {
    /// The JWTs by the public nkeys of their accounts.
    pub jwts: BTreeMap<String, String>,
    /// Whether the server has sent all that it stores. `false` if the time was over before, or if
    /// that is more than 256 MiB.
    pub complete: bool,
}

impl ClaimStatus {
    /// Returns whether the server has the JWT now. A server that does not store JWTs skips that of
    /// an account that it does not use, and looks it up at need.
    pub fn is_applied(&self) -> bool {
        self.message != "jwt update skipped"
    }
}

impl<N: Nats> SystemClient<N> {
    /// Has the servers store an account JWT (`CLAIMS.UPDATE`). Servers whose resolver is of type
    /// `full` or `cache` answer, and apply the JWT to connected clients.
    ///
    /// A server accepts a JWT that is older than the one that it stores.
    ///
    /// # Errors
    ///
    /// Fails if no server receives the request. The error of one server is in its reply.
    pub async fn update_claims(
        &self,
        jwt: &str,
        gathering: Gathering,
    ) -> Result<Gathered<ClaimStatus>, SystemError> {
        let subject = claim_subjects::UPDATE.to_owned();
        self.gather(subject, jwt.into(), gathering).await
    }

    /// Has the servers update the JWT of `account` (`ACCOUNT.<account>.CLAIMS.UPDATE`). Servers
    /// with any resolver answer. One with a memory or URL resolver applies the JWT if the account
    /// is in use (`jwt updated`), and else answers `jwt update skipped`.
    ///
    /// # Errors
    ///
    /// Fails if no server receives the request. The error of one server is in its reply.
    pub async fn update_account(
        &self,
        account: &AccountName,
        jwt: &str,
        gathering: Gathering,
    ) -> Result<Gathered<ClaimStatus>, SystemError> {
        let subject = claim_subjects::update(account)?;
        self.gather(subject, jwt.into(), gathering).await
    }

    /// Has the servers update the JWT of `account` as [`update_account`](Self::update_account)
    /// does, and returns as soon as the answers are `enough`.
    ///
    /// # Errors
    ///
    /// Fails if no server receives the request. The error of one server is in its reply.
    pub async fn update_account_until(
        &self,
        account: &AccountName,
        jwt: &str,
        gathering: Gathering,
        enough: impl Fn(&[Reply<ClaimStatus>]) -> bool,
    ) -> Result<Gathered<ClaimStatus>, SystemError> {
        let subject = claim_subjects::update(account)?;
        self.gather_until(subject, jwt.into(), gathering, enough)
            .await
    }

    /// Returns the JWT of `account` from the first server that has it (`CLAIMS.LOOKUP`). `None` if
    /// every answer until the end of `gathering` says that the server has no JWT, or if no server
    /// answers.
    ///
    /// # Errors
    ///
    /// Fails if no server receives the request, because no resolver is of type `full`.
    pub async fn look_up_claims(
        &self,
        account: &AccountName,
        gathering: Gathering,
    ) -> Result<Option<String>, SystemError> {
        let subject = claim_subjects::look_up(account)?;
        let mut answers = self.request(subject, Vec::new(), gathering).await?;
        while let Some(message) = answers.next().await? {
            // A server without the JWT answers with an empty message.
            let jwt = str::from_utf8(&message.payload).unwrap_or_default();
            if !jwt.is_empty() {
                return Ok(Some(jwt.to_owned()));
            }
        }
        Ok(None)
    }

    /// Returns the JWTs of `account` that servers with a resolver of type `full` store
    /// (`CLAIMS.LOOKUP`), one for each of them. The answers do not name their servers.
    ///
    /// The number of servers in `gathering` counts answers without a JWT too.
    ///
    /// # Errors
    ///
    /// Fails if no server receives the request, because no resolver is of type `full`.
    pub async fn look_up_all_claims(
        &self,
        account: &AccountName,
        gathering: Gathering,
    ) -> Result<Vec<String>, SystemError> {
        let subject = claim_subjects::look_up(account)?;
        let mut answers = self.request(subject, Vec::new(), gathering).await?;
        let mut jwts = Vec::new();
        while let Some(message) = answers.next().await? {
            let jwt = str::from_utf8(&message.payload).unwrap_or_default();
            if !jwt.is_empty() {
                jwts.push(jwt.to_owned());
            }
        }
        Ok(jwts)
    }

    /// Has the servers load `account`, unless they have: they look it up in their resolvers, as for
    /// the login of a user. A request for the connections of the account (`CONNZ`) does that, in
    /// all releases from 2.10 on. A server whose resolver does not have the account answers too.
    ///
    /// # Errors
    ///
    /// Fails if no server receives the request.
    pub async fn load_account(
        &self,
        account: &AccountName,
        gathering: Gathering,
    ) -> Result<(), SystemError> {
        let request = ConnzRequest {
            account: Some(account.clone()),
            limit: 1,
            ..ConnzRequest::default()
        };
        let all = ServerFilter::default();
        self.ask_all(&request, &all, gathering).await.map(drop)
    }

    /// Returns the accounts whose JWTs each server stores (`CLAIMS.LIST`).
    ///
    /// # Errors
    ///
    /// Fails if no server receives the request, because no resolver stores JWTs.
    pub async fn list_claims(
        &self,
        gathering: Gathering,
    ) -> Result<Gathered<Vec<String>>, SystemError> {
        let subject = claim_subjects::LIST.to_owned();
        self.gather(subject, Vec::new(), gathering).await
    }

    /// Has the servers delete accounts (`CLAIMS.DELETE`). `request` is a JWT that the operator
    /// signed for itself, whose claim `nats.accounts` lists the accounts.
    ///
    /// # Errors
    ///
    /// Fails if no server receives the request. The error of one server is in its reply. Servers
    /// refuse unless their resolver has `allow_delete`.
    pub async fn delete_claims(
        &self,
        request: &str,
        gathering: Gathering,
    ) -> Result<Gathered<ClaimStatus>, SystemError> {
        let subject = claim_subjects::DELETE.to_owned();
        self.gather(subject, request.into(), gathering).await
    }

    /// Returns all account JWTs that one of the servers stores (`CLAIMS.PACK`).
    ///
    /// `known` is the hash of the JWTs that the caller has, as a resolver of type `full` computes
    /// it. A server with the same JWTs sends none. An empty hash asks for all.
    ///
    /// The quiet time of `gathering` begins with the first message.
    ///
    /// # Errors
    ///
    /// Fails if no server receives the request, because no resolver is of type `full`.
    pub async fn pack_claims(
        &self,
        known: &[u8],
        gathering: Gathering,
    ) -> Result<AccountJwts, SystemError> {
        // The number of messages is not that of servers: an empty message is the last.
        let gathering = Gathering {
            servers: None,
            ..gathering
        };
        let subject = claim_subjects::PACK.to_owned();
        let mut answers = self.request(subject, known.into(), gathering).await?;
        let mut pack = AccountJwts::default();
        let mut size = 0_usize;
        while let Some(message) = answers.next().await? {
            if message.payload.is_empty() {
                pack.complete = true;
                break;
            }
            let text = str::from_utf8(&message.payload).unwrap_or_default();
            let pairs = text.lines().filter_map(|line| line.split_once('|'));
            for (account, jwt) in pairs {
                size = size.saturating_add(account.len() + jwt.len() + OVERHEAD);
                if size > MAX_PACK {
                    return Ok(pack);
                }
                pack.jwts.insert(account.to_owned(), jwt.to_owned());
            }
        }
        Ok(pack)
    }
}

impl fmt::Debug for AccountJwts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AccountJwts")
            .field("accounts", &self.jwts.keys())
            .field("complete", &self.complete)
            .finish()
    }
}
