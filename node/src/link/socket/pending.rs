//! Those still shaking hands: how many there may be, and who goes when there are more.
//!
//! The oldest goes, never the newest: an honest handshake takes milliseconds, so what has waited longest is what
//! does not mean to finish. One address can only crowd out itself.

use std::{collections::VecDeque, net::IpAddr};

/// Bookkeeping only; `H` is whatever ends a handshake.
pub(super) struct Pending<H> {
    oldest_first: VecDeque<(IpAddr, H)>,
    all_max: usize,
    address_max: usize,
}

impl<H> Pending<H> {
    pub(super) fn new(all_max: usize, address_max: usize) -> Self {
        Self { oldest_first: VecDeque::with_capacity(all_max), all_max, address_max }
    }

    /// Takes one in, and hands out the one that must go for it.
    pub(super) fn admit(&mut self, address: IpAddr, handle: H) -> Option<H> {
        // The same host by IPv4 or by IPv4 in IPv6 is the same host.
        let address = address.to_canonical();
        let same = |(other, _): &(IpAddr, H)| *other == address;
        let goes = if self.oldest_first.iter().filter(|one| same(one)).count() >= self.address_max {
            self.oldest_first.iter().position(same)
        } else {
            (self.oldest_first.len() >= self.all_max).then_some(0)
        };
        let gone = goes.and_then(|at| self.oldest_first.remove(at));
        self.oldest_first.push_back((address, handle));
        gone.map(|(_, handle)| handle)
    }

    /// One has finished, either way.
    pub(super) fn forget(&mut self, is_it: impl Fn(&H) -> bool) {
        if let Some(at) = self.oldest_first.iter().position(|(_, handle)| is_it(handle)) {
            self.oldest_first.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[test]
    fn an_address_crowds_out_itself_first() {
        let mut pending = Pending::new(4, 2);
        assert_eq!(pending.admit(address(1), "a"), None);
        assert_eq!(pending.admit(address(2), "b"), None);
        assert_eq!(pending.admit(address(2), "c"), None);
        assert_eq!(pending.admit(address(2), "d"), Some("b"));
        assert_eq!(pending.admit("::ffff:10.0.0.2".parse().unwrap(), "e"), Some("c"));
    }

    #[test]
    fn when_all_seats_are_taken_the_oldest_goes() {
        let mut pending = Pending::new(3, 2);
        for (last, name) in [(1, "a"), (2, "b"), (3, "c")] {
            assert_eq!(pending.admit(address(last), name), None);
        }
        assert_eq!(pending.admit(address(4), "d"), Some("a"));
        pending.forget(|name| *name == "b");
        assert_eq!(pending.admit(address(5), "e"), None);
        assert_eq!(pending.admit(address(6), "f"), Some("c"));
    }
}
