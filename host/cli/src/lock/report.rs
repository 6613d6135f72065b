//! What `portcullis lock add` prints.

use std::fmt::Write as _;

use portcullis_authority::{Lock, LockTarget};
use portcullis_toml::text::one_line;
use serde_json::{Value, json};

use super::kick::{Found, Kicked, Looked};
use super::matching::account_of;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{Output, render_json};
use crate::system::{NamedServer, names, to_json};

/// A lock that is in the bucket, and what happened to the connections that were open.
pub(super) struct Added {
    pub(super) target: LockTarget,
    pub(super) lock: Lock,
    pub(super) kicked: Kicked,
}

impl Added {
    /// Returns the output of the command.
    ///
    /// # Errors
    ///
    /// Fails if the report cannot be encoded.
    pub(super) fn output(&self, json: bool) -> Result<Output, Failure> {
        let text = if json {
            render_json(&self.to_json())?
        } else {
            self.to_text()
        };
        Ok(Output {
            text,
            code: self.code(),
        })
    }

    /// Returns the exit code. The lock counts, also if connections could not be closed.
    fn code(&self) -> ExitCode {
        match &self.kicked {
            Kicked::NotWanted | Kicked::NoLogin => ExitCode::Success,
            Kicked::Looked(looked) => match &looked.failure {
                Some(failure) => failure.code(),
                None if looked.silent.is_empty() => ExitCode::Success,
                None => ExitCode::Unreachable,
            },
            Kicked::Failed(failure) => failure.code(),
        }
    }

    fn to_text(&self) -> String {
        let mut text = format!("{}\n", self.target.key());
        if let Kicked::Looked(looked) = &self.kicked {
            for found in &looked.closed {
                let (server, cid) = (one_line(&found.server.name), found.connection.cid);
                let (user, account) = (user_of(found), account_of(&found.connection));
                // Writing to a text does not fail.
                let _ = writeln!(
                    text,
                    "{server}: connection {cid} of `{}` in account `{}` closed",
                    one_line(user),
                    one_line(account)
                );
            }
        }
        for note in self.notes() {
            let _ = writeln!(text, "note: {}", one_line(&note));
        }
        text
    }

    fn to_json(&self) -> Value {
        let kicked = match &self.kicked {
            Kicked::Looked(looked) => looked.closed.iter().map(closed_to_json).collect(),
            _ => Vec::new(),
        };
        let unclear = match &self.kicked {
            Kicked::Looked(looked) => Some(looked.unclear),
            _ => None,
        };
        json!({
            "key": self.target.key(),
            "until": self.lock.until,
            "reason": self.lock.reason,
            "looked_for_connections": unclear.is_some(),
            "kicked": kicked,
            "not_told_apart": unclear,
            "servers": self.servers(),
            "notes": self.notes(),
        })
    }

    /// Returns the servers at which the command looked for connections, and those that are silent.
    fn servers(&self) -> Vec<Value> {
        let Kicked::Looked(looked) = &self.kicked else {
            return Vec::new();
        };
        let with = |server: &NamedServer, has_answered: bool| json!({ "name": server.name, "id": server.id.as_str(), "answered": has_answered });
        let asked = looked.asked.iter().map(|server| with(server, true));
        let silent = looked.silent.iter().map(|server| with(server, false));
        asked.chain(silent).collect()
    }

    /// Returns what an operator has to know about the connections that stay open.
    fn notes(&self) -> Vec<String> {
        match &self.kicked {
            Kicked::NotWanted => vec!["open connections stay open, as `--no-kick` says".to_owned()],
            Kicked::NoLogin => vec![format!(
                "open connections {} stay open: name a user of the system account by `--system-creds`, \
                 `--system-nkey-seed-file`, `--system-user` or the table [system] of the configuration, and add the lock \
                 again",
                self.whose()
            )],
            Kicked::Failed(failure) => vec![format!(
                "the lock is in force, and open connections {} stay open: {failure}",
                self.whose()
            )],
            Kicked::Looked(looked) => self.notes_of(looked),
        }
    }

    fn notes_of(&self, looked: &Looked) -> Vec<String> {
        let mut notes = Vec::new();
        if looked.closed.is_empty() && looked.failure.is_none() && looked.unclear == 0 {
            let servers = names(&looked.asked);
            notes.push(format!(
                "no open connection {} was found at {servers}",
                self.whose()
            ));
        }
        if looked.unclear > 0 {
            let (number, property) = (looked.unclear, self.property());
            notes.push(format!(
                "open connections left: {number}, of which servers do not show {property}, so that they cannot be told \
                 apart; `portcullis system kick` closes those of a user"
            ));
        }
        if looked.come_back {
            notes.push(
                "connections came back while they were closed: a host may not follow the bucket of locks".to_owned(),
            );
        }
        if !looked.silent.is_empty() {
            notes.push(format!(
                "no answer from {}: open connections {} stay open there; add the lock again once it answers, or end its \
                 process, which closes all of its connections; these servers answered: {}",
                names(&looked.silent),
                self.whose(),
                names(&looked.asked),
            ));
        }
        if let Some(failure) = &looked.failure {
            notes.push(format!("a connection may be open still: {failure}"));
        }
        notes
    }

    /// Returns the object of the lock, as the end of a sentence.
    fn whose(&self) -> String {
        match &self.target {
            LockTarget::User(name) => format!("of user `{name}`"),
            LockTarget::Issuer(name) => format!("of issuer `{name}`"),
            LockTarget::Account(name) => format!("of account `{name}`"),
            LockTarget::Policy(name) => format!("of policy `{name}`"),
            LockTarget::Network(network) => format!("from `{network}`"),
        }
    }

    /// Returns the property of connections that the lock is about.
    const fn property(&self) -> &'static str {
        match &self.target {
            LockTarget::User(_) => "the user",
            LockTarget::Issuer(_) => "the issuer",
            LockTarget::Account(_) => "the account",
            LockTarget::Policy(_) => "the policy",
            LockTarget::Network(_) => "the address",
        }
    }
}

fn closed_to_json(found: &Found) -> Value {
    let connection = &found.connection;
    json!({
        "server": to_json(&found.server),
        "cid": connection.cid,
        "account": account_of(connection),
        "user": user_of(found),
        "name": connection.name,
        "address": format!("{}:{}", connection.ip, connection.port),
    })
}

fn user_of(found: &Found) -> &str {
    found
        .connection
        .authorized_user
        .as_deref()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use portcullis_core::{KeyKind, PublicKey};

    use super::*;

    fn server(name: &str, byte: u8) -> NamedServer {
        let id = PublicKey::from_bytes(KeyKind::Server, [byte; PublicKey::LEN]);
        NamedServer {
            id: id.as_str().parse().unwrap(),
            name: name.to_owned(),
        }
    }

    #[test]
    fn a_server_that_does_not_answer_is_named_with_what_to_do() {
        let looked = Looked {
            asked: vec![server("n1", 1), server("n2", 2)],
            silent: vec![server("n3", 3)],
            ..Looked::default()
        };
        let added = Added {
            target: LockTarget::User("alice".to_owned()),
            lock: Lock {
                until: None,
                reason: "lost laptop".to_owned(),
            },
            kicked: Kicked::Looked(Box::new(looked)),
        };
        assert_eq!(added.code(), ExitCode::Unreachable);
        insta::assert_snapshot!(added.to_text(), @r"
        user.alice
        note: no open connection of user `alice` was found at `n1`, `n2`
        note: no answer from `n3`: open connections of user `alice` stay open there; add the lock again once it answers, or end its process, which closes all of its connections; these servers answered: `n1`, `n2`
        ");
        assert_eq!(added.to_json()["servers"][2]["answered"], false);
    }
}
