use portcullis_core::{Denial, DenialClass, Method};

use super::*;

fn failed(class: DenialClass) -> OwnLogins {
    OwnLogins::Failed(FailedOwnLogin {
        method: Method::Password,
        policy: None,
        denial: Denial::new(class, "a reason"),
    })
}

/// Returns whether each of these results in a row is a failure, a success or shows nothing yet.
fn shown(results: impl IntoIterator<Item = OwnLogins>) -> Vec<Option<bool>> {
    let mut failures = Failures::default();
    let states = results.into_iter().map(|result| failures.count(result));
    states
        .map(|state| Some(state? == OwnLoginState::Decided))
        .collect()
}

#[tokio::test]
async fn a_trap_counts_at_once_and_a_late_login_only_after_three_in_a_row() {
    assert_eq!(shown([failed(DenialClass::PolicyTrapped)]), [Some(false)]);
    let late = || failed(DenialClass::PolicyDeadline);
    assert_eq!(shown([late(), late(), late()]), [None, None, Some(false)]);
    let busy = [late(), late(), OwnLogins::Decided, late()];
    assert_eq!(shown(busy), [None, None, Some(true), None]);
}

#[tokio::test]
async fn a_login_without_a_slot_shows_nothing_and_is_made_again() {
    let mut failures = Failures::default();
    assert_eq!(failures.count(OwnLogins::Postponed), None);
    assert!(failures.next.is_some());
}

#[test]
fn failed_logins_are_made_again_after_delays_that_double() {
    let delays = (0..7).map(|failures| delay_after(failures).as_secs());
    assert_eq!(delays.collect::<Vec<_>>(), [1, 2, 4, 8, 16, 30, 30]);
}
