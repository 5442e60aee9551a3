//! Where the configured station stands in the tree. The topology is right and the file must agree with it: a
//! station that believed its own file about its place would be one typing error away from being somebody else.

use crate::topology::{Place, Tier, Topology};

use super::{Config, ConfigError, Endpoint, nearest};

/// A station's place, and how it reaches the one above.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position<'t> {
    /// The station's entry in the topology.
    pub place: &'t Place,
    /// Where its parent answers, first choice first; empty for the ministry.
    pub uplinks: Vec<Endpoint>,
    /// Where the ministry answers, for what is to go there past the parent; empty where nobody is passed over, or nobody
    /// said where.
    pub direct: Vec<Endpoint>,
}

/// How a configuration can contradict the topology.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each sentence says it")]
pub enum Contradiction {
    #[error("[station] unit \"{unit}\" is not in the topology{}", .near.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    Stranger { unit: String, near: Option<String> },
    #[error(
        "[station] tier is \"{}\", but the topology has {unit} as \"{}\"; correct the line or leave it out",
        .given.as_str(), .known.as_str()
    )]
    Tier { unit: String, given: Tier, known: Tier },
    #[error("[parent] is given, but {unit} is the ministry and reports to nobody; remove the section")]
    ParentOfMinistry { unit: String },
    #[error("[ministry] is given, but no office is between {unit} and the ministry; remove the section")]
    NobodyPassedOver { unit: String },
    #[error("[parent] is missing and the topology gives {parent} no usable endpoint; add endpoints = [\"host:7443\"]")]
    NoWayUp { parent: String },
    #[error(
        "[listen] is missing, but {unit} is a {}, which stations below must be able to call; \
         add address = \"0.0.0.0:7443\"", .tier.as_str()
    )]
    NobodyListens { unit: String, tier: Tier },
    #[error("[listen] is given, but {unit} is a district and nobody reports to it; remove the section")]
    NobodyCalls { unit: String },
}

impl Config {
    /// Finds this station in the tree and checks that file and tree agree.
    pub fn position<'t>(&self, topology: &'t Topology) -> Result<Position<'t>, ConfigError> {
        self.find(topology).map_err(|what| ConfigError::Disagreement { path: self.path.clone(), what })
    }

    fn find<'t>(&self, topology: &'t Topology) -> Result<Position<'t>, Contradiction> {
        let unit = self.station.unit.to_string();
        let Some(place) = topology.place(&unit) else {
            let near = nearest(&unit, topology.places().map(|place| place.unit.as_str())).map(str::to_owned);
            return Err(Contradiction::Stranger { unit, near });
        };
        if let Some(given) = self.station.tier.filter(|given| *given != place.tier) {
            return Err(Contradiction::Tier { unit, given, known: place.tier });
        }
        match (place.tier, &self.listen) {
            (Tier::District, Some(_)) => return Err(Contradiction::NobodyCalls { unit }),
            (tier @ (Tier::Province | Tier::Ministry), None) => {
                return Err(Contradiction::NobodyListens { unit, tier });
            }
            _ => {}
        }
        Ok(Position { place, uplinks: self.uplinks(place, topology)?, direct: self.direct(place, topology)? })
    }

    fn direct(&self, place: &Place, topology: &Topology) -> Result<Vec<Endpoint>, Contradiction> {
        let root = topology.root();
        match (&self.ministry, topology.passes_over(root, &place.unit)) {
            (Some(_), false) => Err(Contradiction::NobodyPassedOver { unit: place.unit.to_string() }),
            (Some(given), true) => Ok(given.endpoints.clone()),
            (None, false) => Ok(Vec::new()),
            (None, true) => {
                let known =
                    topology.place(root.as_str()).and_then(|ministry| ministry.endpoint.as_deref()?.parse().ok());
                Ok(known.into_iter().collect())
            }
        }
    }

    fn uplinks(&self, place: &Place, topology: &Topology) -> Result<Vec<Endpoint>, Contradiction> {
        match (&self.parent, &place.parent) {
            (Some(_), None) => Err(Contradiction::ParentOfMinistry { unit: place.unit.to_string() }),
            (None, None) => Ok(Vec::new()),
            (Some(given), Some(_)) => Ok(given.endpoints.clone()),
            (None, Some(parent)) => topology
                .place(parent.as_str())
                .and_then(|parent| parent.endpoint.as_deref()?.parse().ok())
                .map(|endpoint| vec![endpoint])
                .ok_or_else(|| Contradiction::NoWayUp { parent: parent.to_string() }),
        }
    }
}
