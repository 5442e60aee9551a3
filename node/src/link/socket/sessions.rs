//! The connections that live, by station: so that one can be ended, and no station holds many.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::pki_types::CertificateDer;

use super::peer::{Cut, Peer};
use crate::{
    identity::{Identity, Neighbour},
    io::Timestamp,
    limits::CONNECTIONS_PER_IDENTITY_MAX,
};

/// All connections of one listener. Cheap to clone; clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Sessions(Arc<Mutex<Live>>);

#[derive(Debug, Default)]
struct Live {
    next: u64,
    /// Oldest first.
    held: Vec<Held>,
}

#[derive(Debug)]
struct Held {
    number: u64,
    peer: Peer,
    chain: Vec<CertificateDer<'static>>,
}

/// A place among the living; given up when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    sessions: Sessions,
    number: u64,
}

impl Sessions {
    /// Seats a new connection. A station with too many loses its *oldest*: a child that reconnects must not be
    /// locked out by its own connection that is still dying.
    pub(super) fn seat(&self, peer: Peer, chain: Vec<CertificateDer<'static>>) -> Seat {
        let mut live = self.live();
        let number = live.next;
        live.next += 1;
        let same: Vec<&Held> = live.held.iter().filter(|held| held.peer.id == peer.id).collect();
        let too_many = (same.len() + 1).saturating_sub(CONNECTIONS_PER_IDENTITY_MAX);
        for old in same.into_iter().take(too_many) {
            old.peer.cut(Cut::Replaced);
        }
        live.held.push(Held { number, peer, chain });
        Seat { sessions: self.clone(), number }
    }

    /// Asks of every live connection again whether it may be here, and ends those that may not: after a reload of
    /// certificates or of the topology. Answers how many it ended.
    pub fn recheck(&self, identity: &Identity, now: Timestamp) -> usize {
        let live = self.live();
        let refused = live.held.iter().filter(|held| match held.chain.split_first() {
            Some((leaf, rest)) => identity.admit(leaf, rest, Neighbour::Child, now).is_err(),
            None => true,
        });
        refused.map(|held| held.peer.cut(Cut::Refused)).count()
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.sessions.live().held.retain(|held| held.number != self.number);
    }
}
