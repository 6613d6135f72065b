//! An index of many subjects. A query costs as much as the subjects that share tokens with it.

use std::collections::BTreeMap;

use super::pattern::count_comparison;
use super::{Pattern, PermissionSubject};
use crate::work::{WorkBudget, WorkExceeded};

/// A subject of a list, with its parsed pattern.
#[derive(Clone)]
pub(crate) struct Entry<'a> {
    pub(crate) subject: &'a PermissionSubject,
    pub(crate) pattern: Pattern<'a>,
}

impl<'a> Entry<'a> {
    pub(crate) fn new(subject: &'a PermissionSubject) -> Self {
        Self {
            subject,
            pattern: subject.pattern(),
        }
    }

    /// Parses the subjects of a list.
    pub(crate) fn list(subjects: impl IntoIterator<Item = &'a PermissionSubject>) -> Vec<Self> {
        subjects.into_iter().map(Self::new).collect()
    }
}

/// A prefix tree of subjects by token. Searches ignore queue groups, so callers compare those of
/// the results.
pub(crate) struct SubjectSet<'s, 'a> {
    nodes: Vec<Node<'s, 'a>>,
}

#[derive(Default)]
struct Node<'s, 'a> {
    literal: BTreeMap<&'a str, usize>,
    /// Child for the token `*`.
    any: Option<usize>,
    /// Subjects that end at this node.
    ends: Vec<&'s Entry<'a>>,
    /// Subjects that continue with `>` from this node.
    tails: Vec<&'s Entry<'a>>,
}

/// A step of a search.
#[derive(Clone, Copy)]
enum Step {
    /// Continues at this node, with this number of tokens consumed.
    At(usize, usize),
    /// Takes every subject at this node and below.
    Below(usize),
}

impl<'s, 'a> SubjectSet<'s, 'a> {
    pub(crate) fn new(
        entries: impl IntoIterator<Item = &'s Entry<'a>>,
        work: &mut WorkBudget,
    ) -> Result<Self, WorkExceeded> {
        let mut set = Self {
            nodes: vec![Node::default()],
        };
        for entry in entries {
            work.spend(entry.pattern.size())?;
            set.insert(entry);
        }
        Ok(set)
    }

    fn insert(&mut self, entry: &'s Entry<'a>) {
        let mut at = 0;
        for token in entry.pattern.tokens() {
            let next = self.nodes.len();
            let Some(node) = self.nodes.get_mut(at) else {
                return;
            };
            at = match *token {
                ">" => return node.tails.push(entry),
                "*" => *node.any.get_or_insert(next),
                literal => *node.literal.entry(literal).or_insert(next),
            };
            if at == next {
                self.nodes.push(Node::default());
            }
        }
        if let Some(node) = self.nodes.get_mut(at) {
            node.ends.push(entry);
        }
    }

    /// Returns all subjects that overlap `pattern`.
    pub(crate) fn overlapping(
        &self,
        pattern: &Pattern<'_>,
        work: &mut WorkBudget,
    ) -> Result<Vec<&'s Entry<'a>>, WorkExceeded> {
        self.search(
            pattern.tokens(),
            work,
            |node, token, next, steps| match token {
                ">" => {
                    // `>` stands for one or more tokens, so it does not match the subjects that end
                    // here.
                    let below = node.literal.values().chain(&node.any);
                    steps.extend(below.map(|child| Step::Below(*child)));
                }
                "*" => {
                    let children = node.literal.values().chain(&node.any);
                    steps.extend(children.map(|child| Step::At(*child, next)));
                }
                literal => {
                    let children = node.literal.get(literal).into_iter().chain(&node.any);
                    steps.extend(children.map(|child| Step::At(*child, next)));
                }
            },
        )
    }

    /// Returns all subjects that match everything that `pattern` matches.
    pub(crate) fn covering(
        &self,
        pattern: &Pattern<'_>,
        work: &mut WorkBudget,
    ) -> Result<Vec<&'s Entry<'a>>, WorkExceeded> {
        self.search(pattern.tokens(), work, |node, token, next, steps| {
            if token == ">" {
                return;
            }
            // The tree stores `*` as `any`, never as a literal token.
            let children = node.literal.get(token).into_iter().chain(&node.any);
            steps.extend(children.map(|child| Step::At(*child, next)));
        })
    }

    /// Walks down the tree. The walk visits each node at most once, because a node's depth equals
    /// the number of consumed tokens.
    fn search(
        &self,
        tokens: &[&str],
        work: &mut WorkBudget,
        descend: impl Fn(&Node<'s, 'a>, &str, usize, &mut Vec<Step>),
    ) -> Result<Vec<&'s Entry<'a>>, WorkExceeded> {
        let mut found = Vec::new();
        let mut steps = vec![Step::At(0, 0)];
        while let Some(step) = steps.pop() {
            count_comparison();
            let (Step::At(at, _) | Step::Below(at)) = step;
            let Some(node) = self.nodes.get(at) else {
                continue;
            };
            let before = found.len();
            match step {
                Step::At(_, behind) => match tokens.get(behind) {
                    None => found.extend_from_slice(&node.ends),
                    Some(token) => {
                        found.extend_from_slice(&node.tails);
                        descend(node, token, behind.saturating_add(1), &mut steps);
                    }
                },
                Step::Below(_) => {
                    found.extend_from_slice(&node.ends);
                    found.extend_from_slice(&node.tails);
                    let below = node.literal.values().chain(&node.any);
                    steps.extend(below.map(|child| Step::Below(*child)));
                }
            }
            let new = found.len().saturating_sub(before);
            work.spend(new.saturating_add(1))?;
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::PermissionSubject;

    fn subject() -> impl Strategy<Value = PermissionSubject> {
        "([ab*]\\.){0,3}[ab*>]".prop_map(|text| text.parse().unwrap())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]

        #[test]
        fn a_set_finds_what_comparing_one_by_one_finds(
            subjects in proptest::collection::vec(subject(), 0..12),
            asked in subject(),
        ) {
            let entries = Entry::list(&subjects);
            let asked = asked.pattern();
            let mut work = WorkBudget::default();
            let set = SubjectSet::new(&entries, &mut work).unwrap();
            let texts = |mut found: Vec<&Entry<'_>>| {
                found.sort_by_key(|entry| entry.subject);
                found.iter().map(|entry| entry.subject.to_string()).collect::<Vec<_>>()
            };
            let one_by_one = |holds: fn(&Entry<'_>, &Pattern<'_>) -> bool| {
                texts(entries.iter().filter(|own| holds(own, &asked)).collect())
            };
            let found = texts(set.overlapping(&asked, &mut work).unwrap());
            prop_assert_eq!(found, one_by_one(|own, asked| own.pattern.overlaps(asked)));
            let found = texts(set.covering(&asked, &mut work).unwrap());
            prop_assert_eq!(found, one_by_one(|own, asked| own.pattern.covers(asked)));
        }
    }

    #[test]
    fn a_search_ends_with_its_budget() {
        let subjects: Vec<PermissionSubject> = (0..100)
            .map(|number| format!("a.{number}").parse().unwrap())
            .collect();
        let entries = Entry::list(&subjects);
        let set = SubjectSet::new(&entries, &mut WorkBudget::default()).unwrap();
        let all: PermissionSubject = ">".parse().unwrap();
        let mut little = WorkBudget::new(50);
        assert!(set.overlapping(&all.pattern(), &mut little).is_err());
        assert!(little.is_exceeded() && little.spend(0).is_err());
        let one: PermissionSubject = "a.7".parse().unwrap();
        let mut little = WorkBudget::new(50);
        let found = set.overlapping(&one.pattern(), &mut little).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(little.spent(), 4);
    }
}
