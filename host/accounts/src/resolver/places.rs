//! The number of open connections, together and of each client address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use portcullis_core::client_network;

use super::options::ResolverOptions;

/// Places for connections.
#[derive(Debug)]
pub(super) struct Places {
    max: usize,
    max_per_address: usize,
    open: Mutex<Open>,
}

/// The open connections, by client address, an IPv6 client by its /64.
#[derive(Debug, Default)]
struct Open {
    count: usize,
    by_network: HashMap<IpAddr, usize>,
}

/// The place of one connection, which its drop gives back.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    network: IpAddr,
}

impl Places {
    pub(super) fn new(options: &ResolverOptions) -> Arc<Self> {
        Arc::new(Self {
            max: options.max_connections,
            max_per_address: options.max_connections_per_address,
            open: Mutex::default(),
        })
    }

    /// Takes a place for a connection from `address`. `None` if all are taken.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let network = client_network(address);
        let mut open = self.open.lock();
        let of_network = open.by_network.get(&network).copied().unwrap_or_default();
        if open.count >= self.max || of_network >= self.max_per_address {
            return None;
        }
        open.count = open.count.saturating_add(1);
        open.by_network
            .insert(network, of_network.saturating_add(1));
        drop(open);
        Some(Place {
            places: Arc::clone(self),
            network,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.places.open.lock();
        open.count = open.count.saturating_sub(1);
        if let Some(count) = open.by_network.get_mut(&self.network) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.by_network.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_together_and_for_each_address() {
        let places = Places::new(&ResolverOptions {
            max_connections: 2,
            max_connections_per_address: 1,
            ..ResolverOptions::default()
        });
        let enter = |address: &str| places.enter(address.parse().unwrap());
        let first = enter("192.0.2.1");
        assert!(first.is_some());
        assert!(enter("192.0.2.1").is_none(), "of the same address");
        let second = enter("192.0.2.2");
        assert!(second.is_some());
        assert!(enter("192.0.2.3").is_none(), "more than all");
        drop((first, second));
        assert!(places.open.lock().by_network.is_empty());
        assert!(enter("192.0.2.1").is_some());
    }
}
