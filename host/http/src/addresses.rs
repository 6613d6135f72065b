//! The number of connections, or of other things, of each client address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use portcullis_core::client_network;

/// The open connections, or requests, by client address, an IPv6 client by its /64.
#[derive(Debug)]
pub struct Addresses {
    max: usize,
    open: Mutex<HashMap<IpAddr, usize>>,
}

/// A connection or request of an address, which its drop ends.
#[derive(Debug)]
pub struct AddressPlace {
    addresses: Arc<Addresses>,
    network: IpAddr,
}

impl Addresses {
    /// Returns a record with room for `max` connections or requests of each address.
    pub fn new(max: usize) -> Arc<Self> {
        Arc::new(Self {
            max,
            open: Mutex::default(),
        })
    }

    /// Counts one more connection or request of `address`. `None` if it has the maximum number.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Option<AddressPlace> {
        let network = client_network(address);
        let mut open = self.open.lock();
        let count = open.entry(network).or_default();
        if *count >= self.max {
            return None;
        }
        *count = count.saturating_add(1);
        drop(open);
        Some(AddressPlace {
            addresses: Arc::clone(self),
            network,
        })
    }
}

impl Drop for AddressPlace {
    fn drop(&mut self) {
        let mut open = self.addresses.open.lock();
        if let Some(count) = open.get_mut(&self.network) {
            *count = count.saturating_sub(1);
            // The map has no entry without a connection, so the limit on these bounds it.
            if *count == 0 {
                open.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_room_again_after_a_connection_ends() {
        let addresses = Addresses::new(1);
        let enter = |address: &str| addresses.enter(address.parse().unwrap());
        let first = enter("192.0.2.1");
        assert!(first.is_some());
        assert!(enter("192.0.2.1").is_none());
        let other = enter("2001:db8::1");
        assert!(other.is_some());
        assert!(enter("2001:db8::2").is_none(), "of the same network");
        drop(first);
        assert!(enter("192.0.2.1").is_some());
        drop(other);
        assert!(addresses.open.lock().is_empty());
    }
}
