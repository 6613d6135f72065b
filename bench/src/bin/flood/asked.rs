//! The contenders of the flood.

use std::time::Duration;

use anyhow::Result;
use portcullis_bench::{Conditions, Contender, Flood, Flooded, Peer, Questions};
use portcullis_harness::Accounts;

/// A contender, and a connection that sends requests to it.
pub(crate) struct Asked {
    contender: Contender,
    flood: Flood,
}

impl Asked {
    pub(crate) async fn start(peer: Peer, encrypts: bool) -> Result<Self> {
        let conditions = Conditions {
            accounts: Accounts::NoCallout,
            encrypts,
            ..Conditions::default()
        };
        let contender = Contender::start(peer, &conditions).await?;
        let issuer = contender.site.keys.issuer.public_key();
        let presented = contender.credentials();
        let questions = Questions::new(&issuer, contender.xkey.as_ref(), presented)?;
        let answering = vec![contender.id()?];
        Ok(Self {
            flood: Flood::open(&contender.server, answering, questions).await?,
            contender,
        })
    }

    pub(crate) const fn peer(&self) -> Peer {
        self.contender.peer
    }

    pub(crate) async fn warm_up(&mut self, at_once: usize, length: Duration) -> Result<()> {
        self.flood.warm_up(at_once, length).await
    }

    pub(crate) async fn round(&mut self, at_once: usize, length: Duration) -> Result<Flooded> {
        self.flood.round(at_once, length).await
    }
}
