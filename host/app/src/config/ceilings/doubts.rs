//! What a ceiling does not hold, although it looks so.

use portcullis_core::{Ceiling, DenyFilter, PermissionSubject, WorkBudget};

/// What an operator has to know of `ceiling`, a sentence each.
pub(super) fn doubts(ceiling: &Ceiling) -> Vec<String> {
    let mut doubts = Vec::new();
    // As the servers that hold the fewest subscriptions to denies.
    let tails = ceiling
        .subscribe
        .tails(DenyFilter::Containing, &mut WorkBudget::default());
    for open in tails.map(|tails| tails.open).unwrap_or_default() {
        doubts.push(format!("{open}; logins with it are denied there"));
    }
    let is_filter = |subject: &&PermissionSubject| ends_in_open_filter(subject.as_str());
    for subject in ceiling.publish.allow.iter().filter(is_filter) {
        doubts.push(format!(
            "clients can put `>` in the place of the last `*` of the publish-allow `{subject}`, and JetStream then reads \
             everything below; no deny closes it: name literal subjects, or a final `>`"
        ));
    }
    if !allows_everything(ceiling) {
        doubts.extend(ways_around_publish(ceiling));
    }
    doubts
}

fn allows_everything(ceiling: &Ceiling) -> bool {
    let everything = PermissionSubject::everything();
    ceiling.publish.allow.contains(&everything) && ceiling.publish.deny.is_empty()
}

/// Servers do not hold reply subjects to publish permissions.
fn ways_around_publish(ceiling: &Ceiling) -> impl Iterator<Item = String> {
    let responses = ceiling.responses.map(|_| {
        "`responses` gets around `publish-allow` and `publish-deny`: a client that publishes to itself with a reply \
         subject of its choice may then publish there; allow `_INBOX.>` instead, or leave `responses` out"
            .to_owned()
    });
    let is_jetstream = |subject: &&PermissionSubject| {
        let api = ["$JS.API.>", "$JS.*.API.>", "$JS.ACK.>"];
        let mut api = api
            .iter()
            .filter_map(|api| api.parse::<PermissionSubject>().ok());
        api.any(|api| subject.overlaps(&api))
    };
    let jetstream = ceiling.publish.allow.iter().find(is_jetstream).map(|subject| {
        format!(
            "JetStream answers to any reply subject that a client names, with rights of its own: with the publish-allow \
             `{subject}` a hostile client reaches what `publish-deny` denies; give clients that you do not trust an \
             account of their own"
        )
    });
    responses.into_iter().chain(jetstream)
}

/// Whether the last token is `*` and stands in the filter of a JetStream request, as in
/// `$JS.API.CONSUMER.CREATE.STREAM.CONSUMER.FILTER` and `$JS.API.DIRECT.GET.STREAM.FILTER`.
fn ends_in_open_filter(subject: &str) -> bool {
    let tokens: Vec<_> = subject.split('.').collect();
    let request = match tokens.as_slice() {
        ["$JS", "API", request @ ..] | ["$JS", _, "API", request @ ..] => request,
        _ => return false,
    };
    match request {
        ["CONSUMER", "CREATE", _, _, filter @ ..] | ["DIRECT", "GET", _, filter @ ..] => {
            filter.last() == Some(&"*")
        }
        _ => false,
    }
}
