//! Batches of list entries, each small enough for one call of the host.

/// The approximate size of one call's batch, in bytes. A host limits the bytes of one call
/// (`host-call-bytes`, default 1 MiB), and the subjects of a permit may exceed that.
const PORTION: usize = 16 << 10;

/// The approximate overhead of an entry, in bytes, in addition to its text.
const ENTRY: usize = 32;

/// Splits both lists, in order, into as few batches as possible: one for an ordinary permit, none
/// for two empty lists.
pub(super) fn portions<'a>(
    mut first: &'a [String],
    mut second: &'a [String],
) -> impl Iterator<Item = (&'a [String], &'a [String])> {
    std::iter::from_fn(move || {
        if first.is_empty() && second.is_empty() {
            return None;
        }
        let mut room = PORTION;
        let portion = (take(&mut first, &mut room), take(&mut second, &mut room));
        Some(portion)
    })
}

/// Removes and returns the entries of `list` that begin within `room`: at least one if there is
/// room and an entry.
fn take<'a>(list: &mut &'a [String], room: &mut usize) -> &'a [String] {
    let begin_within = |entry: &&String| {
        let fits = *room > 0;
        *room = room.saturating_sub(entry.len().saturating_add(ENTRY));
        fits
    };
    let count = list.iter().take_while(begin_within).count();
    let (taken, rest) = list.split_at(count);
    *list = rest;
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(number: usize, length: usize) -> Vec<String> {
        (0..number)
            .map(|index| format!("{index:0length$}"))
            .collect()
    }

    #[test]
    fn ordinary_lists_are_one_portion_and_empty_ones_none() {
        let (allow, deny) = (texts(100, 20), texts(10, 20));
        let all: Vec<_> = portions(&allow, &deny).collect();
        assert_eq!(all, [(allow.as_slice(), deny.as_slice())]);
        let all: Vec<_> = portions(&[], &deny).collect();
        assert_eq!(all, [([].as_slice(), deny.as_slice())]);
        assert_eq!(portions(&[], &[]).count(), 0);
    }

    #[test]
    fn long_lists_arrive_whole_and_no_portion_is_much_too_large() {
        let (allow, deny) = (texts(3000, 1024), texts(1000, 7));
        let (mut allowed, mut denied) = (Vec::new(), Vec::new());
        for (first, second) in portions(&allow, &deny) {
            let bytes: usize = first.iter().chain(second).map(String::len).sum();
            assert!((1..=PORTION + 1024).contains(&bytes), "{bytes}");
            allowed.extend_from_slice(first);
            denied.extend_from_slice(second);
        }
        assert_eq!((allowed, denied), (allow, deny));
    }

    #[test]
    fn an_entry_larger_than_a_portion_goes_by_itself() {
        let allow = texts(2, PORTION * 2);
        assert_eq!(portions(&allow, &[]).count(), 2);
    }
}
