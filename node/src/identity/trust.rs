//! Who may be at the other end of a link: one answer for both directions, and a reason with every no.
//!
//! The order matters: first that an authority vouches for the certificate, then that its name is a station's and of
//! our network, and only then what the topology says about that station. A name is not looked up before it is proven.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls_pki_types::UnixTime;

use super::{
    chain::{BadChain, Chain, Use},
    leaf::{BadLeaf, Leaf},
    spiffe::SpiffeId,
};
use crate::topology::{Tier, Topology, Unit};

/// Where the other end must stand in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Neighbour {
    /// It dialled us: one that reports to us, or to the ministry past its own superior.
    Child,
    /// We dialled it: the one we report to.
    Parent,
    /// We dialled it: the ministry, past the one we report to.
    Ministry,
}

/// Why the other end of a link was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeerRefused {
    /// Nobody we trust vouches for it.
    #[error("its certificate is refused: {0}")]
    Chain(#[from] BadChain),
    /// No station of ours looks like this.
    #[error("its certificate is refused: {0}")]
    Leaf(#[from] BadLeaf),
    /// A drill on the real network, or the reverse.
    #[error(
        "{id} belongs to another network; ours is {expected}: look which bundle it has, a drill and the real network never mix"
    )]
    Network {
        /// Who it is.
        id: SpiffeId,
        /// Our trust domain.
        expected: String,
    },
    /// A name the topology does not have.
    #[error("{id} is not in the topology: if it is new, install the topology that has it")]
    Unknown {
        /// Who it is.
        id: SpiffeId,
    },
    /// Its certificate and its place disagree.
    #[error("{id} is a {} in the topology, and its certificate says otherwise: one of the two is out of date", .tier.as_str())]
    Tier {
        /// Who it is.
        id: SpiffeId,
        /// What the topology says.
        tier: Tier,
    },
    /// A stranger at our door, however good its certificate.
    #[error(
        "{id} does not report to {me}; its parent is {}: correct its endpoint, or the topology",
        .parent.as_ref().map_or("nobody", Unit::as_str)
    )]
    NotMyChild {
        /// Who it is.
        id: SpiffeId,
        /// Who we are.
        me: Unit,
        /// Whose child it is.
        parent: Option<Unit>,
    },
    /// Something else answers at the ministry's address.
    #[error("{id} answered, and the ministry is {ministry}")]
    NotTheMinistry {
        /// Who it is.
        id: SpiffeId,
        /// Who it should be.
        ministry: Unit,
    },
    /// Something else answers at the parent's address.
    #[error("{id} answered, and {me} reports to {}", .parent.as_ref().map_or("nobody", Unit::as_str))]
    NotMyParent {
        /// Who it is.
        id: SpiffeId,
        /// Who we are.
        me: Unit,
        /// Whose child we are.
        parent: Option<Unit>,
    },
}

/// All that decides about a peer.
#[derive(Debug, Clone)]
pub(crate) struct Trust {
    chain: Chain,
    me: SpiffeId,
    topology: Arc<Topology>,
}

impl Trust {
    pub(super) fn new(chain: Chain, me: SpiffeId, topology: Arc<Topology>) -> Self {
        Self { chain, me, topology }
    }

    /// Who holds this certificate, if it may be our `neighbour` at the moment `at`.
    pub(crate) fn admit(
        &self,
        leaf: &CertificateDer<'_>,
        presented: &[CertificateDer<'_>],
        neighbour: Neighbour,
        at: UnixTime,
    ) -> Result<Leaf, PeerRefused> {
        let purpose = match neighbour {
            Neighbour::Child => Use::Dial,
            Neighbour::Parent | Neighbour::Ministry => Use::Answer,
        };
        self.chain.vouches(leaf, presented, at, purpose)?;
        let leaf = Leaf::read(leaf)?;
        self.place(&leaf.id, neighbour)?;
        Ok(leaf)
    }

    fn place(&self, id: &SpiffeId, neighbour: Neighbour) -> Result<(), PeerRefused> {
        if id.trust_domain != self.me.trust_domain {
            return Err(PeerRefused::Network { id: id.clone(), expected: self.me.trust_domain.clone() });
        }
        let Some(place) = self.topology.place(id.unit.as_str()) else {
            return Err(PeerRefused::Unknown { id: id.clone() });
        };
        if place.tier != id.tier {
            return Err(PeerRefused::Tier { id: id.clone(), tier: place.tier });
        }
        let (me, root) = (&self.me.unit, self.topology.root());
        match neighbour {
            Neighbour::Child if place.parent.as_ref() != Some(me) && !(me == root && id.unit != *me) => {
                Err(PeerRefused::NotMyChild { id: id.clone(), me: me.clone(), parent: place.parent.clone() })
            }
            Neighbour::Parent if self.topology.parent(me) != Some(&id.unit) => Err(PeerRefused::NotMyParent {
                id: id.clone(),
                me: me.clone(),
                parent: self.topology.parent(me).cloned(),
            }),
            Neighbour::Ministry if id.unit != *root => {
                Err(PeerRefused::NotTheMinistry { id: id.clone(), ministry: root.clone() })
            }
            _ => Ok(()),
        }
    }
}
