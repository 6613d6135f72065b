//! A queue that serves askers in turn.
//!
//! Jobs wait by policy and, within a policy, by the client's address. Policies take turns, and so
//! do the addresses of one policy. So a policy or address with many jobs delays another by at most
//! one job.

use std::collections::VecDeque;

use portcullis_core::{Asker, client_address, client_network};

/// Maximum number of waiting jobs. Each blocks a thread of its caller, so a few hundred are rarely
/// exceeded.
const MAX_WAITING: usize = 4096;

/// The key by which jobs take turns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    policy: String,
    /// Address of the client. An IPv6 client counts as its /64 network.
    address: Option<String>,
}

/// The jobs that wait for their turn.
#[derive(Debug)]
pub(crate) struct FairQueue<T> {
    /// Policies that have jobs. The first is next.
    policies: VecDeque<Policy<T>>,
    waiting: usize,
}

#[derive(Debug)]
struct Policy<T> {
    name: String,
    /// Addresses that have jobs. The first is next.
    addresses: VecDeque<Address<T>>,
}

#[derive(Debug)]
struct Address<T> {
    name: Option<String>,
    jobs: VecDeque<T>,
}

impl Key {
    /// Returns whether both keys belong to one policy.
    pub(crate) fn is_same_policy(&self, other: &Self) -> bool {
        self.policy == other.policy
    }
}

impl From<Asker<'_>> for Key {
    fn from(asker: Asker<'_>) -> Self {
        Self {
            policy: asker.policy.to_owned(),
            address: asker.address.map(network),
        }
    }
}

/// Returns the network that counts as one client.
fn network(address: &str) -> String {
    client_address(address).map_or_else(
        || address.to_owned(),
        |address| client_network(address).to_string(),
    )
}

impl<T> FairQueue<T> {
    pub(crate) const fn new() -> Self {
        Self {
            policies: VecDeque::new(),
            waiting: 0,
        }
    }

    /// Adds a job behind those with an equal key. Returns `false` if too many jobs wait.
    pub(crate) fn push(&mut self, key: Key, job: T) -> bool {
        if self.waiting >= MAX_WAITING {
            return false;
        }
        self.waiting = self.waiting.saturating_add(1);
        let Key { policy, address } = key;
        let known = self.policies.iter_mut().find(|known| known.name == policy);
        match known {
            Some(known) => known.push(address, job),
            None => self.policies.push_back(Policy {
                name: policy,
                addresses: VecDeque::from([Address::new(address, job)]),
            }),
        }
        true
    }

    /// Takes the next job.
    pub(crate) fn pop(&mut self) -> Option<(Key, T)> {
        self.pop_if(|_| true)
    }

    /// Takes the first job, in the order of the turns, whose key is `wanted`.
    pub(crate) fn pop_if(&mut self, wanted: impl Fn(&Key) -> bool) -> Option<(Key, T)> {
        for index in 0..self.policies.len() {
            let policy = self.policies.get_mut(index)?;
            let Some((key, job)) = policy.pop_if(&wanted) else {
                continue;
            };
            // The policy has had its turn.
            if let Some(policy) = self.policies.remove(index)
                && !policy.addresses.is_empty()
            {
                self.policies.push_back(policy);
            }
            self.waiting = self.waiting.saturating_sub(1);
            return Some((key, job));
        }
        None
    }
}

impl<T> Policy<T> {
    fn push(&mut self, address: Option<String>, job: T) {
        let mut known = self.addresses.iter_mut();
        match known.find(|known| known.name == address) {
            Some(known) => known.jobs.push_back(job),
            None => self.addresses.push_back(Address::new(address, job)),
        }
    }

    fn pop_if(&mut self, wanted: &impl Fn(&Key) -> bool) -> Option<(Key, T)> {
        for index in 0..self.addresses.len() {
            let address = self.addresses.get_mut(index)?;
            let key = Key {
                policy: self.name.clone(),
                address: address.name.clone(),
            };
            if !wanted(&key) {
                continue;
            }
            let job = address.jobs.pop_front()?;
            if let Some(address) = self.addresses.remove(index)
                && !address.jobs.is_empty()
            {
                self.addresses.push_back(address);
            }
            return Some((key, job));
        }
        None
    }
}

impl<T> Address<T> {
    fn new(name: Option<String>, job: T) -> Self {
        Self {
            name,
            jobs: VecDeque::from([job]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(policy: &str, address: &str) -> Key {
        Key::from(Asker {
            policy,
            address: Some(address),
        })
    }

    fn filled(jobs: &[(&str, &str, u32)]) -> FairQueue<u32> {
        let mut queue = FairQueue::new();
        for (policy, address, job) in jobs {
            assert!(queue.push(key(policy, address), *job));
        }
        queue
    }

    #[test]
    fn policies_and_addresses_take_turns() {
        let mut queue = filled(&[
            ("a", "10.0.0.1", 1),
            ("a", "10.0.0.1", 2),
            ("a", "10.0.0.1", 3),
            ("a", "10.0.0.2", 4),
            ("b", "10.0.0.1", 5),
            ("b", "10.0.0.1", 6),
        ]);
        let order: Vec<_> = std::iter::from_fn(|| Some(queue.pop()?.1)).collect();
        assert_eq!(order, [1, 5, 4, 6, 2, 3]);
    }

    #[test]
    fn a_job_that_is_not_wanted_keeps_its_turn() {
        let mut queue = filled(&[("a", "10.0.0.1", 1), ("b", "10.0.0.1", 2)]);
        let of_a = key("a", "10.0.0.9");
        let taken = queue.pop_if(|key| !key.is_same_policy(&of_a));
        assert_eq!(taken.unwrap().1, 2);
        assert!(queue.pop_if(|key| !key.is_same_policy(&of_a)).is_none());
        assert_eq!(queue.pop().unwrap().1, 1);
        assert!(queue.pop().is_none());
    }

    #[test]
    fn an_ipv6_client_is_its_network() {
        assert_eq!(key("a", "2001:db8::1"), key("a", "2001:db8::ffff"));
        assert_ne!(key("a", "2001:db8::1"), key("a", "2001:db8:0:1::1"));
        assert_ne!(key("a", "10.0.0.1"), key("a", "10.0.0.2"));
        assert_eq!(key("a", "fe80::1%eth0"), key("a", "fe80::2%eth0"));
        assert_eq!(key("a", "::ffff:10.0.0.1"), key("a", "10.0.0.1"));
    }

    #[test]
    fn no_more_jobs_wait_than_may() {
        let mut queue = FairQueue::new();
        for _ in 0..MAX_WAITING {
            assert!(queue.push(key("a", "10.0.0.1"), ()));
        }
        assert!(!queue.push(key("b", "10.0.0.1"), ()));
        assert!(queue.pop().is_some());
        assert!(queue.push(key("b", "10.0.0.1"), ()));
    }
}
