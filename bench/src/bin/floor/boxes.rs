//! Boxes of curve keys (xkeys): opening a request and sealing a response, with the host's code and
//! with that of nkeys.

use anyhow::{Result, ensure};
use nkeys::XKey;
use portcullis_bench::Work;
use portcullis_bench::floor::Messages;
use portcullis_claims::{CurveKey, PublicKey};

/// Returns the works of opening and of sealing, with the host's first. All but those with a known
/// server first agree on a key with the other side.
pub(crate) fn works() -> Result<[Vec<Work<'static>>; 2]> {
    let Messages {
        request, response, ..
    } = Messages::default();
    let (seed, server) = (CurveKey::generate_seed()?, XKey::new());
    let ours = || CurveKey::from_seed(seed.expose());
    let theirs = || XKey::from_seed(seed.expose());
    let host_peer: PublicKey = server.public_key().parse()?;
    let nkeys_peer = || XKey::from_public_key(&server.public_key());
    let sealed = server.seal(&request, &theirs()?)?;

    let (key, peer, message) = (ours()?, host_peer.clone(), sealed.clone());
    let opened = key.open(&message, &peer)?;
    ensure!(opened.as_slice() == request, "another message");
    let open_known = Work::new(
        "opening a request's box, portcullis, known server",
        move || Ok(key.open(&message, &peer)?),
    );
    let (key, peer, message) = (ours()?, host_peer.clone(), sealed.clone());
    let open_ours = Work::new("opening a request's box, portcullis", move || {
        Ok(key.shared_with(&peer)?.open(&message)?)
    });
    let (key, peer) = (theirs()?, nkeys_peer()?);
    let open_theirs = Work::new("opening a request's box, nkeys", move || {
        Ok(key.open(&sealed, &peer)?)
    });
    let (key, peer, message) = (ours()?, host_peer.clone(), response.clone());
    // After this request, the server is known.
    key.open(&server.seal(&request, &theirs()?)?, &peer)?;
    let seal_known = Work::new(
        "sealing a response into a box, portcullis, known server",
        move || Ok(key.seal(&message, &peer)?),
    );
    let (key, message) = (ours()?, response.clone());
    let seal_ours = Work::new("sealing a response into a box, portcullis", move || {
        Ok(key.shared_with(&host_peer)?.seal(&message)?)
    });
    let (key, peer) = (theirs()?, nkeys_peer()?);
    let seal_theirs = Work::new("sealing a response into a box, nkeys", move || {
        Ok(key.seal(&response, &peer)?)
    });
    Ok([
        vec![open_ours, open_known, open_theirs],
        vec![seal_ours, seal_known, seal_theirs],
    ])
}
