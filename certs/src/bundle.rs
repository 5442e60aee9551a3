//! The ten files of a station, as it reads them at its start.

use std::path::Path;

use rcgen::KeyPair;

use crate::{
    disk::{create_private_dir, expect_free, write_key, write_public},
    error::Result,
    name::StationId,
};

/// What a station needs to be itself: its two certificates with their keys, and whom to trust.
#[derive(Debug)]
pub struct Bundle {
    /// Whose it is.
    pub id: StationId,
    /// The root's certificate.
    pub root_pem: String,
    /// The certificate of the authority for links.
    pub transport_ca_pem: String,
    /// The certificate of the authority for seals.
    pub signing_ca_pem: String,
    /// Its certificate for links.
    pub transport_pem: String,
    /// The key of that.
    pub transport_key: KeyPair,
    /// Its certificate for seals.
    pub signing_pem: String,
    /// The key of that.
    pub signing_key: KeyPair,
    /// The certificate browsers see, with the one it leads to.
    pub desk_pem: String,
    /// The key of that.
    pub desk_key: KeyPair,
}

impl Bundle {
    /// Writes all ten files, or none if one of their names is taken.
    pub fn write(&self, dir: &Path, topology_text: &str) -> Result<()> {
        self.write_with(dir, Some(topology_text))
    }

    /// The same without the tree, for a station that has it already.
    pub fn write_identity(&self, dir: &Path) -> Result<()> {
        self.write_with(dir, None)
    }

    fn write_with(&self, dir: &Path, topology_text: Option<&str>) -> Result<()> {
        let mut public = vec![
            ("root.pem", self.root_pem.as_str()),
            ("transport-ca.pem", &self.transport_ca_pem),
            ("signing-ca.pem", &self.signing_ca_pem),
            ("transport.pem", &self.transport_pem),
            ("signing.pem", &self.signing_pem),
            ("desk.pem", &self.desk_pem),
        ];
        public.extend(topology_text.map(|text| ("topology.toml", text)));
        let keys =
            [("transport.key", &self.transport_key), ("signing.key", &self.signing_key), ("desk.key", &self.desk_key)];
        create_private_dir(dir)?;
        for name in public.iter().map(|(name, _)| name).chain(keys.iter().map(|(name, _)| name)) {
            expect_free(&dir.join(name))?;
        }
        for (name, key) in keys {
            write_key(&dir.join(name), key)?;
        }
        public.iter().try_for_each(|(name, text)| write_public(&dir.join(name), text))
    }
}
