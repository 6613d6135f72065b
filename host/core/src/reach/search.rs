//! A search for a subject by the patterns that match it, with wildcards in all of them.
//!
//! Whether many patterns together cover one more is a question about their union: `*` and the
//! literals `a`, `b` … do not cover each other one by one. The search reads subjects token by
//! token. A state is the set of patterns that match so far. Tokens that no pattern names behave
//! alike, so one of them stands for all. The number of states can be exponential, so a
//! [`WorkBudget`] limits the search.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use crate::work::{WorkBudget, WorkExceeded};

/// Patterns in families. A subject is in a family if one of the family's patterns matches it.
pub(super) struct Families<'a> {
    patterns: Vec<(&'a [&'a str], usize)>,
    /// A token that no pattern names.
    other: String,
}

/// The patterns that match the tokens read so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct State {
    /// Indices of the patterns that match all tokens read so far, and may ask for more.
    live: Vec<usize>,
    /// Families with a pattern whose `>` matches all that follows.
    open: BTreeSet<usize>,
}

/// Families of a subject, one bit each.
pub(super) type Mask = u8;

impl<'a> Families<'a> {
    pub(super) fn new(families: impl IntoIterator<Item = Vec<&'a [&'a str]>>) -> Self {
        let families = families.into_iter().enumerate();
        let patterns: Vec<_> = families
            .flat_map(|(family, patterns)| patterns.into_iter().map(move |one| (one, family)))
            .collect();
        let named: BTreeSet<&str> = patterns
            .iter()
            .flat_map(|(tokens, _)| tokens.iter().copied())
            .collect();
        let mut other = "x".to_owned();
        while named.contains(other.as_str()) {
            other.push('x');
        }
        Self { patterns, other }
    }

    /// Returns the shortest subject whose families `wanted` accepts. There are at most eight
    /// families.
    pub(super) fn find(
        &self,
        wanted: impl Fn(Mask) -> bool,
        work: &mut WorkBudget,
    ) -> Result<Option<String>, WorkExceeded> {
        let mut found = None;
        self.walk(work, |state, path| {
            let (ends, open, live) = self.masks(state, path.len());
            if wanted(ends) {
                found = Some(path.join("."));
                return ControlFlow::Break(());
            }
            // Goes on only if some set of the live families, added to the open ones, is wanted.
            let goes_on = (0..=live).any(|more| more & !live == 0 && wanted(open | more));
            ControlFlow::Continue(goes_on)
        })?;
        Ok(found)
    }

    /// Returns one subject for each set of families that a subject can be in.
    pub(super) fn samples(&self, work: &mut WorkBudget) -> Result<Vec<String>, WorkExceeded> {
        let mut samples = BTreeMap::new();
        self.walk(work, |state, path| {
            let ends = self.ends(state, path.len());
            samples.entry(ends).or_insert_with(|| path.join("."));
            ControlFlow::Continue(true)
        })?;
        Ok(samples.into_values().collect())
    }

    /// Visits every state in the order of the subjects' lengths, with the tokens that lead to it.
    /// `visit` says whether to go on from the state, or ends the walk.
    fn walk(
        &self,
        work: &mut WorkBudget,
        mut visit: impl FnMut(&State, &[&str]) -> ControlFlow<(), bool>,
    ) -> Result<(), WorkExceeded> {
        let start = State {
            live: (0..self.patterns.len()).collect(),
            open: BTreeSet::new(),
        };
        let mut layer = BTreeMap::from([(start, Vec::new())]);
        // All states of a layer have read the same number of tokens, so equal states are one.
        for depth in 0.. {
            let mut next = BTreeMap::new();
            for (state, path) in layer {
                for (token, state) in self.steps(&state, depth, work)? {
                    let mut path = path.clone();
                    path.push(token);
                    work.spend(path.len())?;
                    if next.contains_key(&state) {
                        continue;
                    }
                    match visit(&state, &path) {
                        ControlFlow::Break(()) => return Ok(()),
                        ControlFlow::Continue(goes_on) => {
                            if goes_on && !state.live.is_empty() {
                                next.insert(state, path);
                            }
                        }
                    }
                }
            }
            if next.is_empty() {
                break;
            }
            layer = next;
        }
        Ok(())
    }

    /// Returns the states after one more token: one for each literal that a pattern names there,
    /// and one for all other tokens.
    fn steps(
        &self,
        state: &State,
        depth: usize,
        work: &mut WorkBudget,
    ) -> Result<Vec<(&str, State)>, WorkExceeded> {
        work.spend(state.live.len().saturating_add(1))?;
        let mut literal: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let mut any = Vec::new();
        let mut open = state.open.clone();
        for index in &state.live {
            let Some((tokens, family)) = self.patterns.get(*index) else {
                continue;
            };
            match tokens.get(depth) {
                None => {}
                Some(&">") => {
                    open.insert(*family);
                }
                Some(&"*") => any.push(*index),
                Some(token) => literal.entry(token).or_default().push(*index),
            }
        }
        let mut steps = Vec::with_capacity(literal.len().saturating_add(1));
        let literal = literal.into_iter();
        for (token, mut live) in std::iter::once((self.other.as_str(), Vec::new())).chain(literal) {
            live.extend_from_slice(&any);
            live.sort_unstable();
            work.spend(live.len().saturating_add(open.len()))?;
            let open = open.clone();
            steps.push((token, State { live, open }));
        }
        Ok(steps)
    }

    /// Returns the families of the subject that ends in `state` after `depth` tokens.
    fn ends(&self, state: &State, depth: usize) -> BTreeSet<usize> {
        let live = state
            .live
            .iter()
            .filter_map(|index| self.patterns.get(*index));
        let ended = live.filter(|(tokens, _)| tokens.len() == depth);
        ended
            .map(|(_, family)| *family)
            .chain(state.open.iter().copied())
            .collect()
    }

    /// Returns the families of the subject that ends in `state`, those of every longer one, and
    /// those that some longer one can be in.
    fn masks(&self, state: &State, depth: usize) -> (Mask, Mask, Mask) {
        let bit = |family: &usize| 1_u8.checked_shl(u32::try_from(*family).unwrap_or(u32::MAX));
        let mask = |families: &BTreeSet<usize>| {
            families
                .iter()
                .filter_map(bit)
                .fold(0, |mask, bit| mask | bit)
        };
        let live = state
            .live
            .iter()
            .filter_map(|index| self.patterns.get(*index));
        let longer = live.filter(|(tokens, _)| tokens.len() > depth);
        let longer = longer.map(|(_, family)| *family).collect();
        (
            mask(&self.ends(state, depth)),
            mask(&state.open),
            mask(&longer),
        )
    }
}
