//! What waits to go out on one connection, the urgent first.
//!
//! The choice is made at the moment the connection can take more, not when a frame is queued: so a 特提 that comes
//! after a window full of routine leaves before it.

use std::{
    collections::{BTreeSet, VecDeque},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::{Stream, task::AtomicWaker};
use proto::v1::{self, frame::Frame as Content};

use crate::{
    engine::Offer,
    post::{
        envelope::Channel,
        schedule::{CLASSES, class},
    },
};

/// Bytes of offers put into one frame: beyond this a frame no longer gets cheaper, only longer to wait behind.
const FRAME_BYTES: usize = 96 * 1024;
/// Frames and answers that may wait for a peer to read. Whoever asks on and on and reads none of the answers would
/// otherwise fill this station's memory; an honest line has a few hundred.
const UNREAD_MAX: usize = 16 * 1024;
/// After this many frames from the top the lowest waiting precedence goes once.
const FAIR_EVERY: u32 = 32;

/// Hands frames to one connection.
#[derive(Clone)]
pub struct Outlet(Arc<Shared>);

/// The connection's end of an [`Outlet`].
pub struct Frames(Arc<Shared>);

struct Shared {
    lanes: Mutex<Lanes>,
    waker: AtomicWaker,
}

#[derive(Default)]
struct Lanes {
    closed: bool,
    first: VecDeque<Content>,
    settlements: Vec<v1::Settlement>,
    offers: [VecDeque<Offer>; CLASSES],
    /// Which blocks those are.
    waiting: BTreeSet<(Channel, u64)>,
    /// Bodies this connection has carried: a broadcast's text goes once a link.
    bodies_sent: BTreeSet<Bytes>,
    since_fair: u32,
}

impl Outlet {
    /// A new pair.
    pub fn new() -> (Self, Frames) {
        let shared = Arc::new(Shared { lanes: Mutex::default(), waker: AtomicWaker::new() });
        (Self(shared.clone()), Frames(shared))
    }

    /// Queues a frame that goes before all offers: hello, heartbeat, questions.
    pub fn send(&self, frame: Content) {
        self.lanes().first.push_back(frame);
        self.0.waker.wake();
    }

    /// Queues answers; those that wait together go in one frame.
    pub fn settle(&self, settlements: impl IntoIterator<Item = v1::Settlement>) {
        self.lanes().settlements.extend(settlements);
        self.0.waker.wake();
    }

    /// Queues offers. How many are under way is bounded by the schedule's window. What still waits here is not queued
    /// a second time: on a slow line its sender loses patience before it has left, and copies would fill the line.
    pub fn offer(&self, offers: impl IntoIterator<Item = Offer>) {
        let mut lanes = self.lanes();
        for offer in offers {
            if !lanes.waiting.insert((offer.run.channel.clone(), offer.run.first)) {
                continue;
            }
            lanes.offers[class(offer.run.channel.precedence)].push_back(offer);
        }
        drop(lanes);
        self.0.waker.wake();
    }

    /// The neighbour no longer has a body this connection has carried: the next offers bring theirs along.
    pub fn bodies_again(&self) {
        self.lanes().bodies_sent.clear();
    }

    /// Ends the stream: the connection closes when what was taken from it is written.
    pub fn close(&self) {
        self.lanes().closed = true;
        self.0.waker.wake();
    }

    /// Whether more waits here than a peer that reads can leave unread.
    pub fn overruns(&self) -> bool {
        let lanes = self.lanes();
        lanes.first.len() + lanes.settlements.len() > UNREAD_MAX
    }

    /// Whether this is the same connection.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.0.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lanes {
    fn next(&mut self) -> Option<Content> {
        if let Some(frame) = self.first.pop_front() {
            return Some(frame);
        }
        if !self.settlements.is_empty() {
            let settlements = std::mem::take(&mut self.settlements);
            return Some(Content::Settlements(v1::Settlements { settlements }));
        }
        let waiting = |class: &usize| !self.offers[*class].is_empty();
        let highest = (0..CLASSES).rev().find(waiting)?;
        let lowest = (0..CLASSES).find(waiting)?;
        let fair = lowest < highest && self.since_fair >= FAIR_EVERY;
        self.since_fair = if fair { 0 } else { self.since_fair + 1 };
        Some(self.pack(if fair { lowest } else { highest }))
    }

    fn pack(&mut self, class: usize) -> Content {
        let mut frame = v1::Offer::default();
        let mut bytes = 0;
        while let Some(offer) = self.offers[class].front() {
            let news: Vec<_> =
                offer.bodies.iter().filter(|(name, _)| !self.bodies_sent.contains(name)).cloned().collect();
            let size = offer.block.len() + news.iter().map(|(_, body)| body.len()).sum::<usize>();
            if bytes > 0 && bytes + size > FRAME_BYTES {
                break;
            }
            bytes += size;
            for (digest, body) in news {
                // Its own bytes: a slice would keep the block it came in for as long as the connection lives.
                self.bodies_sent.insert(Bytes::copy_from_slice(&digest));
                frame.bodies.push(v1::SharedBody { digest, body });
            }
            if let Some(offer) = self.offers[class].pop_front() {
                self.waiting.remove(&(offer.run.channel, offer.run.first));
                frame.parcels.push(v1::Parcel { block: offer.block, passages: offer.passages });
            }
        }
        Content::Offer(frame)
    }
}

impl Stream for Frames {
    type Item = v1::Frame;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<v1::Frame>> {
        self.0.waker.register(context.waker());
        let mut lanes = self.0.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if lanes.closed {
            return Poll::Ready(None);
        }
        match lanes.next() {
            Some(frame) => Poll::Ready(Some(v1::Frame { frame: Some(frame) })),
            None => Poll::Pending,
        }
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        self.0.lanes.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, StreamExt as _};

    use super::*;
    use crate::{
        post::envelope::{Channel, Epoch, Run},
        topology::Unit,
    };

    fn offer(first: u64, precedence: v1::Precedence, bytes: usize) -> Offer {
        let unit = |text| Unit::parse(text).unwrap();
        let channel = Channel { origin: unit("a"), epoch: Epoch([0; 16]), destination: unit("b"), precedence };
        let run = Run { channel, first, count: 1 };
        Offer { run, block: vec![0; bytes].into(), passages: Vec::new(), bodies: Vec::new() }
    }

    fn sizes(frames: &mut Frames) -> Vec<Vec<usize>> {
        let mut all = Vec::new();
        while let Some(Some(v1::Frame { frame: Some(Content::Offer(offer)) })) = frames.next().now_or_never() {
            all.push(offer.parcels.iter().map(|parcel| parcel.block.len()).collect());
        }
        all
    }

    #[test]
    fn what_is_urgent_leaves_before_what_was_queued_earlier() {
        let (outlet, mut frames) = Outlet::new();
        outlet.offer((0..3).map(|n| offer(n, v1::Precedence::Routine, 100_000)));
        outlet.offer([offer(9, v1::Precedence::TeTi, 7)]);
        assert_eq!(sizes(&mut frames), [vec![7], vec![100_000], vec![100_000], vec![100_000]]);
    }

    #[test]
    fn what_still_waits_is_not_queued_again() {
        let (outlet, mut frames) = Outlet::new();
        outlet.offer([offer(1, v1::Precedence::Routine, 100_000), offer(2, v1::Precedence::Routine, 90_000)]);
        assert!(frames.next().now_or_never().is_some(), "the first has left");
        outlet.offer([offer(1, v1::Precedence::Routine, 100_000), offer(2, v1::Precedence::Routine, 90_000)]);
        assert_eq!(sizes(&mut frames), [vec![90_000], vec![100_000]]);
    }

    #[test]
    fn a_peer_that_asks_and_never_reads_is_noticed() {
        let (outlet, mut frames) = Outlet::new();
        let ask = || (0..UNREAD_MAX / 2).for_each(|_| outlet.send(Content::Heartbeat(v1::Heartbeat::default())));
        ask();
        outlet.settle((0..UNREAD_MAX / 2).map(|_| v1::Settlement::default()));
        assert!(!outlet.overruns());
        ask();
        assert!(outlet.overruns());
        while frames.next().now_or_never().is_some() {}
        assert!(!outlet.overruns());
    }

    #[test]
    fn a_flood_above_does_not_starve_what_is_below() {
        let (outlet, mut frames) = Outlet::new();
        outlet.offer((0..100).map(|n| offer(n, v1::Precedence::TeJi, 150_000)));
        outlet.offer([offer(999, v1::Precedence::Routine, 7)]);
        let at = sizes(&mut frames).iter().position(|frame| *frame == [7]).unwrap();
        assert!(at <= FAIR_EVERY as usize + 1, "went as frame {at}");
    }

    #[test]
    fn a_shared_body_goes_once_a_connection() {
        let (outlet, mut frames) = Outlet::new();
        let name = Bytes::from_static(b"digest");
        let with_body = |n| Offer {
            bodies: vec![(name.clone(), Bytes::from_static(b"text"))],
            ..offer(n, v1::Precedence::TeTi, 7)
        };
        outlet.offer([with_body(1), with_body(2)]);
        let Some(Some(v1::Frame { frame: Some(Content::Offer(frame)) })) = frames.next().now_or_never() else {
            panic!("no offer");
        };
        assert_eq!((frame.bodies.len(), frame.parcels.len()), (1, 2));
        outlet.bodies_again();
        outlet.offer([with_body(1)]);
        let Some(Some(v1::Frame { frame: Some(Content::Offer(frame)) })) = frames.next().now_or_never() else {
            panic!("no offer");
        };
        assert_eq!((frame.bodies.len(), frame.parcels.len()), (1, 1), "it was asked for again");
    }
}
