//! Who watches a document hears of it at once; of everything else soon, and not more often than a person can read.

use std::{sync::Arc, time::Duration};

use tokio::sync::{broadcast, watch};

use crate::post::envelope::Run;

/// What a turn may change about a document without naming it (its place in a queue, what follows it) is looked at no
/// more often than this.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Turns a slow watcher may fall behind before it looks for itself.
const REMEMBERED: usize = 64;

/// The engine's end: tells the watchers.
pub(super) struct Newsroom {
    turns: watch::Sender<u64>,
    touched: broadcast::Sender<Arc<[Run]>>,
}

/// Hears of turns.
#[derive(Clone)]
pub(super) struct Subscription {
    turns: watch::Receiver<u64>,
    touched: broadcast::Sender<Arc<[Run]>>,
}

/// What is new, for one watcher.
pub struct News {
    turns: watch::Receiver<u64>,
    touched: broadcast::Receiver<Arc<[Run]>>,
}

pub(super) fn newsroom() -> (Newsroom, Subscription) {
    let (turns, seen) = watch::channel(0);
    let (touched, _) = broadcast::channel(REMEMBERED);
    (Newsroom { turns, touched: touched.clone() }, Subscription { turns: seen, touched })
}

impl Newsroom {
    /// A turn became durable; about these envelopes something became known.
    pub(super) fn tell(&self, touched: Vec<Run>) {
        if !touched.is_empty() && self.touched.receiver_count() > 0 {
            // Nobody may be left to hear it.
            drop(self.touched.send(touched.into()));
        }
        self.turns.send_modify(|turn| *turn += 1);
    }
}

impl Subscription {
    /// Changes with every turn.
    pub(super) fn turns(&self) -> watch::Receiver<u64> {
        self.turns.clone()
    }

    pub(super) fn news(&self) -> News {
        News { turns: self.turns.clone(), touched: self.touched.subscribe() }
    }
}

impl News {
    /// Waits until something about these envelopes may have changed. `false`: the engine has ended.
    pub async fn about(&mut self, runs: &[Run]) -> bool {
        let Self { turns, touched } = self;
        let soon = async {
            tokio::time::sleep(LOOK_EVERY).await;
            turns.changed().await.is_ok()
        };
        tokio::pin!(soon);
        loop {
            tokio::select! {
                biased;
                heard = touched.recv() => match heard {
                    Ok(touched) if touched.iter().any(|one| runs.iter().any(|other| overlap(one, other))) => return true,
                    Ok(_) => {}
                    Err(broadcast::error::RecvError::Lagged(_)) => return true,
                    Err(broadcast::error::RecvError::Closed) => return false,
                },
                turned = &mut soon => return turned,
            }
        }
    }
}

fn overlap(one: &Run, other: &Run) -> bool {
    one.channel == other.channel && one.first <= other.last() && other.first <= one.last()
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use proto::v1::Precedence;

    use super::*;
    use crate::{
        post::envelope::{Channel, Epoch},
        topology::Unit,
    };

    fn run(first: u64) -> Run {
        let unit = |text| Unit::parse(text).unwrap();
        let (origin, destination) = (unit("420100"), unit("000000"));
        Run {
            channel: Channel { origin, epoch: Epoch([1; 16]), destination, precedence: Precedence::TeJi },
            first,
            count: 4,
        }
    }

    #[tokio::test]
    async fn what_is_watched_is_heard_at_once_and_the_rest_a_little_later() {
        let (room, subscription) = newsroom();
        let mut news = subscription.news();
        room.tell(vec![run(10), run(3)]);
        assert_eq!(news.about(&[run(6)]).now_or_never(), Some(true));
        room.tell(vec![run(10)]);
        assert_eq!(news.about(&[run(6)]).now_or_never(), None);
        assert!(news.about(&[run(6)]).await);
        drop((room, subscription));
        assert!(!news.about(&[run(6)]).await);
    }
}
