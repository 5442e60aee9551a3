//! The only place keys are made.
//!
//! One offline root stands above two authorities of the ministry: one for links (transport), one for seals (signing).
//! They are kept apart by extended key usage, on the authorities and on the leaves, because "may this socket be here
//! now" and "who said this" are different questions, with different lives. No province has an authority: an office
//! whose reports are audited must not be able to certify the keys that sign them.
//!
//! Promises: what a certificate says comes from a [`Profile`] alone, never from a request; serials are random, never
//! derived from the key; a key file is created once, for its owner only, and never overwritten.
//!
//! | Module | What it holds |
//! |---|---|
//! | [`authority`] | root and issuing authorities: create, issue, sign a request |
//! | [`profile`] | what a certificate will say |
//! | [`name`] | tiers, and the one spelling of a station's name |
//! | [`bundle`] | the ten files of a station |
//! | [`topology`] | as much of the tree as issuing needs |
//! | [`inspect`] | what a certificate says, for people and tools |
//! | [`error`] | what can go wrong |

pub mod authority;
pub mod bundle;
mod disk;
pub mod error;
pub mod inspect;
pub mod name;
pub mod profile;
mod request;
pub mod topology;

pub use authority::Authority;
pub use bundle::Bundle;
pub use disk::{create_private_dir, write_public};
pub use error::{Error, Result};
pub use inspect::Facts;
pub use name::{StationId, Tier};
pub use profile::{Profile, Usage, new_key};
pub use rcgen::{Certificate, ExtendedKeyUsagePurpose, KeyPair, PublicKeyData};
pub use topology::Topology;
