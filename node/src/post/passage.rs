//! The way a block came, in the words of the stations on it, and how long it was on the line between two of them.
//!
//! Every station adds one [`Passage`](v1::Passage) and alters none. It also says how its clock differs from its
//! parent's, so that two stamps of two clocks can be compared by whoever reads them.

use std::time::Duration;

use proto::v1;

use super::{envelope::Channel, fact::Taken, office::Post};
use crate::{io::Timestamp, topology::Unit};

/// This station's clock minus its parent's, and how far that may be trusted. Nothing is known while the uncertainty
/// is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Skew {
    /// Ours minus theirs, microseconds.
    pub offset_us: i64,
    /// It may be wrong by this much, microseconds.
    pub uncertainty_us: u32,
}

/// What the last line a block crossed took of its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crossing {
    /// From the offer there to the commit here, as one clock would have measured it.
    pub transit: Duration,
    /// The sender's clock minus ours.
    pub offset_us: i64,
    /// The transit may be wrong by this much; `None` if the clocks were never compared.
    pub uncertainty: Option<Duration>,
}

/// From one station's disk to the next one's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leg<'a> {
    /// Where it lay.
    pub from: &'a str,
    /// Where it came to lie.
    pub to: &'a str,
    /// As one clock would have measured it, as far as the clocks were compared.
    pub took: Duration,
}

/// The way a block came, this station's own words added or renewed.
pub fn with_own(passages: &[v1::Passage], own: v1::Passage) -> Vec<v1::Passage> {
    let mut all: Vec<v1::Passage> = passages.iter().filter(|p| p.station != own.station).cloned().collect();
    all.push(own);
    all
}

/// A station's words about a block that came to it.
pub fn arrived(station: &Unit, at: Timestamp, skew: Skew) -> v1::Passage {
    v1::Passage {
        station: station.to_string(),
        arrived_us: at.us(),
        offset_us: skew.offset_us,
        offset_uncertainty_us: skew.uncertainty_us,
        ..Default::default()
    }
}

impl Post {
    /// The way of a block that is now offered onward for the `attempts`th time. What it said when the block came is
    /// kept; the clocks are as they were compared last.
    pub fn offered_on(
        &self,
        passages: &[v1::Passage],
        since: Timestamp,
        now: Timestamp,
        attempts: u32,
    ) -> Vec<v1::Passage> {
        let known = passages.iter().find(|passage| passage.station == self.me.unit.as_str()).cloned();
        let mut own = known.unwrap_or_else(|| arrived(&self.me.unit, since, self.skew));
        if self.skew.uncertainty_us > 0 {
            (own.offset_us, own.offset_uncertainty_us) = (self.skew.offset_us, self.skew.uncertainty_us);
        }
        (own.offered_us, own.attempts) = (now.us(), attempts);
        with_own(passages, own)
    }

    /// The way of a block that was taken here at `at`, from its author's disk to this one.
    pub fn legs<'a>(&'a self, channel: &Channel, taken: &'a Taken, at: Timestamp) -> Vec<Leg<'a>> {
        let up = self.me.topology.is_ancestor(&channel.destination, &channel.origin);
        let stations = taken.passages.iter().map(|p| (p.station.as_str(), p.arrived_us, p.offset_us));
        let stations: Vec<_> = stations.chain([(self.me.unit.as_str(), at.us(), taken.offset_us)]).collect();
        let leg = |pair: &[(&'a str, i64, i64)]| match *pair {
            [(from, left, ahead), (to, came, behind)] => {
                // Each station knows how it differs from its parent, so the lower of the two knows about this line.
                let between = if up { ahead } else { behind.saturating_neg() };
                let apart = came.saturating_sub(left).saturating_add(between);
                Some(Leg { from, to, took: Duration::from_micros(u64::try_from(apart).unwrap_or(0)) })
            }
            _ => None,
        };
        stations.windows(2).filter_map(leg).collect()
    }

    /// The last line a block crossed before it was taken here at `at`.
    pub fn crossing(&self, taken: &Taken, at: Timestamp) -> Option<Crossing> {
        let last = taken.passages.last().filter(|passage| passage.offered_us > 0)?;
        let from_above = self.me.topology.parent(&self.me.unit).is_some_and(|parent| parent.as_str() == taken.from);
        let (offset_us, uncertainty_us) = if from_above {
            (taken.offset_us.saturating_neg(), taken.offset_uncertainty_us)
        } else {
            (last.offset_us, last.offset_uncertainty_us)
        };
        let apart = at.us().saturating_sub(last.offered_us).saturating_add(offset_us);
        Some(Crossing {
            transit: Duration::from_micros(u64::try_from(apart).unwrap_or(0)),
            offset_us,
            uncertainty: (uncertainty_us > 0).then(|| Duration::from_micros(uncertainty_us.into())),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        post::{Event, Me, rows::MemoryBase},
        topology::Topology,
    };

    const TREE: &str = r#"
        network = { name = "trial", trust_domain = "trial" }
        station = [
            { unit = "000000", tier = "ministry", name = "部" },
            { unit = "420000", tier = "province", name = "湖北", parent = "000000" },
            { unit = "420100", tier = "district", name = "武汉", parent = "420000" },
        ]"#;

    fn unit(text: &str) -> Unit {
        Unit::parse(text).unwrap()
    }

    fn province() -> Post {
        let topology = Arc::new(Topology::parse(TREE).unwrap());
        Post::load(Me { unit: unit("420000"), topology }, Box::new(MemoryBase::default()))
    }

    fn at(us: i64) -> Timestamp {
        Timestamp::from_us(us)
    }

    #[test]
    fn a_station_says_how_its_clock_differs_from_its_parents() {
        let mut post = province();
        let own = |post: &Post, way: &[v1::Passage]| post.offered_on(way, at(10), at(20), 3).pop().unwrap();
        assert_eq!(own(&post, &[]).offset_uncertainty_us, 0, "not known yet");
        let compared =
            |peer: &str, offset_us| Event::Compared { peer: unit(peer), skew: Skew { offset_us, uncertainty_us: 100 } };
        post.observe(&compared("420100", -7), at(11));
        assert_eq!(own(&post, &[]).offset_uncertainty_us, 0, "its child's clock is no measure");
        post.observe(&compared("000000", 500), at(12));
        let kept = v1::Passage { station: "420000".into(), arrived_us: 4, ..Default::default() };
        let said =
            v1::Passage { offered_us: 20, attempts: 3, offset_us: 500, offset_uncertainty_us: 100, ..kept.clone() };
        assert_eq!(own(&post, &[kept]), said);
    }

    #[test]
    fn every_leg_of_the_way_is_timed_as_if_by_one_clock() {
        let post = province();
        let channel = |origin: &str, destination: &str| Channel {
            origin: unit(origin),
            epoch: crate::post::envelope::Epoch([1; 16]),
            destination: unit(destination),
            precedence: v1::Precedence::TeJi,
        };
        let way = |station: &str, offset_us| {
            vec![v1::Passage { station: station.into(), arrived_us: 1000, offset_us, ..Default::default() }]
        };
        // We are 200 ahead of the ministry, the district is 300 ahead of us.
        let up = Taken { from: "420100".into(), passages: way("420100", 300), offset_us: 200, ..Default::default() };
        let leg = Leg { from: "420100", to: "420000", took: Duration::from_micros(800) };
        assert_eq!(post.legs(&channel("420100", "000000"), &up, at(1500)), [leg]);
        let down = Taken { from: "000000".into(), passages: way("000000", 0), offset_us: 200, ..Default::default() };
        let leg = Leg { from: "000000", to: "420000", took: Duration::from_micros(300) };
        assert_eq!(post.legs(&channel("000000", "420000"), &down, at(1500)), [leg]);
    }

    #[test]
    fn a_line_is_timed_as_if_by_one_clock() {
        let post = province();
        let offered = |offset_us, uncertainty_us| v1::Passage {
            offered_us: 1000,
            offset_us,
            offset_uncertainty_us: uncertainty_us,
            ..Default::default()
        };
        let from_below = Taken { from: "420100".into(), passages: vec![offered(300, 50)], ..Default::default() };
        let crossing = post.crossing(&from_below, at(1200)).unwrap();
        assert_eq!((crossing.transit.as_micros(), crossing.offset_us), (500, 300), "the district is ahead");
        assert_eq!(crossing.uncertainty, Some(Duration::from_micros(50)));

        let from_above = Taken {
            from: "000000".into(),
            passages: vec![offered(0, 0)],
            offset_us: 500,
            offset_uncertainty_us: 60,
            ..Default::default()
        };
        let crossing = post.crossing(&from_above, at(2000)).unwrap();
        assert_eq!((crossing.transit.as_micros(), crossing.offset_us), (500, -500), "we are ahead of the ministry");

        let never = Taken { from: "420100".into(), passages: vec![offered(0, 0)], ..Default::default() };
        assert_eq!(post.crossing(&never, at(1700)).unwrap().uncertainty, None);
    }
}
